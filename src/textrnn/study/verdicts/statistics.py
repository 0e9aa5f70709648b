"""Means with intervals over seeds, differences paired by seed, and how smooth a curve of batch losses is."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over `count` values with its interval, which is of infinite width for a single value."""

    mean: float
    low: float
    high: float
    count: int


def interval(values: Sequence[float]) -> Interval:
    """The mean of values (N,) and its t interval at LEVEL: mean +- t(N - 1) * s / sqrt(N), s the sample's deviation.

    Source: Student 1908, "The probable error of a mean". Raises ValueError where there are no values.
    """
    if not len(values):
        raise ValueError("no values to take the mean of")
    mean, count = float(np.mean(values)), len(values)
    if count == 1:
        return Interval(mean, -math.inf, math.inf, 1)
    reach = float(student.ppf((1 + LEVEL) / 2, count - 1) * np.std(values, ddof=1) / math.sqrt(count))
    return Interval(mean, mean - reach, mean + reach, count)


def paired(first: Mapping[int, float], second: Mapping[int, float]) -> Interval:
    """The interval of first - second over the seeds that both have; values are by seed.

    Runs of one seed share the order of rows (and, where the shapes agree, their first weights), so that what the seed
    does to both falls out. Raises ValueError where they have no seed in common.
    """
    return interval([first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())])


def roughness(losses: Sequence[float], per_epoch: int, window: int = 1, short: Collection[int] = ()) -> float:
    """How far a curve of batch losses jumps: the deviation of its first differences in the last half of each epoch.

    losses (S,), `per_epoch` of them an epoch; a whole run of `window` batches is averaged to one point before, so that
    curves of different batch sizes can be compared at equal numbers of rows. No difference spans two epochs. The first
    half of an epoch is left out as the loss falls there, most of all in the first. short: which batches have fewer rows
    than the others; their losses scatter more, and are left out. nan where there are no two points.
    """
    jumps = []
    for first in range(0, len(losses), per_epoch):
        whole = [at for at in range(first, min(first + per_epoch, len(losses))) if at not in short]
        epoch = np.asarray([losses[at] for at in whole])
        half = epoch[len(epoch) // 2 :]
        points = half[: len(half) // window * window].reshape(-1, window).mean(axis=1)
        jumps.append(np.diff(points))
    joined = np.concatenate(jumps) if jumps else np.zeros(0)
    return float(np.std(joined)) if len(joined) else math.nan
