"""Evidence on a difference: its interval, and the p-values of its being above or below a margin.

Shapes: S seeds, B resamples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

LEVEL = 0.95


@dataclass(frozen=True)
class Evidence:
    """What is known of a difference: its mean, an interval at LEVEL, infinite if there is none, and how many seeds.

    error: the standard error, 0 where all values are equal; freedom: its degrees of freedom. The p-values are
    one-sided: `p_above` is that of the hypothesis that the difference is at most the margin, so a small one supports a
    difference above it.
    """

    mean: float
    low: float
    high: float
    count: int
    error: float
    freedom: float

    def p_above(self, margin: float) -> float:
        """The p-value of Student's t-test of a mean of at most the margin."""
        return self._upper_tail(self.mean - margin)

    def p_below(self, margin: float) -> float:
        """The p-value of Student's t-test of a mean of at least the margin."""
        return self._upper_tail(margin - self.mean)

    def _upper_tail(self, distance: float) -> float:
        if self.count < 2:
            return 1.0
        if self.error == 0:
            return 0.0 if distance > 0 else 1.0
        return float(student.sf(distance / self.error, self.freedom))


def _evidence(mean: float, count: int, error: float, freedom: float) -> Evidence:
    if count < 2:
        return Evidence(mean, -math.inf, math.inf, count, math.inf, 0.0)
    half_width = float(student.ppf((1 + LEVEL) / 2, freedom)) * error
    return Evidence(mean, mean - half_width, mean + half_width, count, error, freedom)


def t_evidence(values: Sequence[float]) -> Evidence:
    """The evidence of values (S,) by Student's t distribution.

    The interval is mean +- t(S - 1) * s / sqrt(S), where s is the sample standard deviation. Source: Student 1908, "The
    probable error of a mean". Raises ValueError when there are no values.
    """
    if not len(values):
        raise ValueError("no values to take the mean of")
    count = len(values)
    # the mean of equal values may differ from them in its last digit
    equal = min(values) == max(values)
    error = 0.0 if equal else float(np.std(values, ddof=1) / math.sqrt(count))
    return _evidence(float(np.mean(values)), count, error, count - 1)


def score_evidence(mean: float, samples: np.ndarray) -> Evidence:
    """The evidence of a mean score or difference over seeds, from its values (S, B) on resampled test rows.

    The variance is that of the mean over resampled rows plus that of the mean over seeds. The test is Student's with
    S - 1 degrees of freedom, as few seeds know little of their own variance. That is exact where seeds are all that
    varies, and cautious where rows vary too. Shares of resampled seeds would not do: the mean of three resampled seeds
    has short tails.
    """
    seeds = len(samples)
    if seeds < 2:
        return _evidence(mean, seeds, math.inf, 0.0)
    of_rows = float(samples.mean(axis=0).var(ddof=1))
    of_seeds = float(samples.mean(axis=1).var(ddof=1)) / seeds
    return _evidence(mean, seeds, math.sqrt(of_rows + of_seeds), seeds - 1)


def resampled_evidence(mean: float, samples: np.ndarray, seeds: int) -> Evidence:
    """The evidence of a value with resamples (B,) of rows and of so few seeds: t with one degree less than seeds."""
    return _evidence(mean, seeds, float(np.std(samples, ddof=1)), seeds - 1)


def paired_differences(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    """first - second for the seeds that both have; values are by seed.

    Runs with one seed share the order of rows (and, when the shapes agree, the initial weights), so the effect of the
    seed on both cancels out.
    """
    return [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]
