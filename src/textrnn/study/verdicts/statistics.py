"""Means with t intervals over seeds, differences paired by seed, and the roughness of a loss curve."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over `count` values with its confidence interval, which is infinite for a single value."""

    mean: float
    low: float
    high: float
    count: int


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of values (N,) and its t interval at LEVEL.

    The interval is mean +- t(N - 1) * s / sqrt(N), where s is the sample standard deviation. Source: Student 1908, "The
    probable error of a mean". Raises ValueError when there are no values.
    """
    if not len(values):
        raise ValueError("no values to take the mean of")
    mean, count = float(np.mean(values)), len(values)
    if count == 1:
        return Interval(mean, -math.inf, math.inf, 1)
    half_width = float(student.ppf((1 + LEVEL) / 2, count - 1) * np.std(values, ddof=1) / math.sqrt(count))
    return Interval(mean, mean - half_width, mean + half_width, count)


def paired(first: Mapping[int, float], second: Mapping[int, float]) -> Interval:
    """Return the interval of first - second over the seeds that both have; values are by seed.

    Runs with one seed share the order of rows (and, when the shapes agree, the initial weights), so the effect of the
    seed on both cancels out. Raises ValueError when they have no seed in common.
    """
    return interval([first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())])


def roughness(losses: Sequence[float], per_epoch: int, window: int = 1, short: Collection[int] = ()) -> float:
    """Return how far a loss curve jumps: the standard deviation of its first differences.

    losses: (S,) one per batch, `per_epoch` of them in an epoch. Each `window` of consecutive batches is first averaged
    to one point, so that curves of different batch sizes can be compared at equal numbers of rows. Only the second half
    of each epoch counts, because the loss falls in the first half, above all in the first epoch. No difference spans
    two epochs. short: indices of batches with fewer rows than the others, which are left out because their losses
    scatter more. The result is NaN when there are fewer than two points.
    """
    differences = []
    for first in range(0, len(losses), per_epoch):
        indices = [index for index in range(first, min(first + per_epoch, len(losses))) if index not in short]
        epoch = np.asarray([losses[index] for index in indices])
        half = epoch[len(epoch) // 2 :]
        points = half[: len(half) // window * window].reshape(-1, window).mean(axis=1)
        differences.append(np.diff(points))
    joined = np.concatenate(differences) if differences else np.zeros(0)
    return float(np.std(joined)) if len(joined) else math.nan
