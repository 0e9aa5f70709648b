"""Evidence on a difference: its interval, and the p-values of its being above or below a margin.

Shapes: S seeds, B resamples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtr
from scipy.stats import norm as normal
from scipy.stats import t as student

LEVEL = 0.95
WIDEST = 12  # standard deviations of a normal variable: the rest is less than any p-value of use
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)  # of a quadrature over [-1, 1]


@dataclass(frozen=True)
class Evidence:
    """What is known of a difference: its mean, an interval at LEVEL, infinite if there is none, and how many seeds.

    error: the standard error over seeds, with S - 1 degrees of freedom, 0 where all values are equal; row_error: that
    of the test rows, which are so many that it counts as known. The p-values are one-sided: `p_above` is that of the
    hypothesis that the difference is at most the margin, so a small one supports a difference above it.
    """

    mean: float
    low: float
    high: float
    count: int
    error: float
    row_error: float = 0.0

    def p_above(self, margin: float) -> float:
        """The p-value of a mean of at most the margin."""
        return self._upper_tail(self.mean - margin)

    def p_below(self, margin: float) -> float:
        """The p-value of a mean of at least the margin."""
        return self._upper_tail(margin - self.mean)

    def _upper_tail(self, distance: float) -> float:
        return 1.0 if self.count < 2 else upper_tail(distance, self.error, self.count - 1, self.row_error)


def upper_tail(distance: float, error: float, freedom: int, row_error: float) -> float:
    """The chance that error * T + row_error * Z is at least the distance, for Student's T and a standard normal Z.

    It is the Behrens-Fisher test of a mean with two sources of chance. Its false positives are at most as many as the
    p-value says (Robinson 1976, "Properties of Student's t and of the Behrens-Fisher solution to the two means
    problem").
    """
    if error == 0 and row_error == 0:
        return 0.0 if distance > 0 else 1.0
    if row_error == 0:
        return float(student.sf(distance / error, freedom))
    if error == 0:
        return float(normal.sf(distance / row_error))
    ends = _panels(distance / row_error, error / row_error)
    z = (ends[1:, None] + ends[:-1, None] + np.diff(ends)[:, None] * NODES) / 2
    heights = np.exp(-(z**2) / 2) * stdtr(freedom, (row_error * z - distance) / error)
    return float((heights @ WEIGHTS @ np.diff(ends)) / 2 / math.sqrt(2 * math.pi))


def _panels(step: float, width: float) -> np.ndarray:
    """The ends of intervals of z, for quadrature, that are narrow around the step where T's tail goes from 0 to 1."""
    around = width * 2.0 ** np.arange(0, 40)
    ends = np.concatenate([np.arange(-WIDEST, WIDEST + 1), step - around, [step], step + around])
    return np.unique(np.clip(ends, -WIDEST, WIDEST))


def _evidence(mean: float, count: int, error: float, row_error: float = 0.0) -> Evidence:
    if count < 2:
        return Evidence(mean, -math.inf, math.inf, count, math.inf, row_error)
    half_width = _half_width(error, count - 1, row_error)
    return Evidence(mean, mean - half_width, mean + half_width, count, error, row_error)


def _half_width(error: float, freedom: int, row_error: float) -> float:
    quantile, tail = float(student.ppf((1 + LEVEL) / 2, freedom)), (1 - LEVEL) / 2
    widest = quantile * (error + row_error)
    if error == 0 or row_error == 0:
        return quantile * error if row_error == 0 else float(normal.isf(tail)) * row_error
    return float(brentq(lambda distance: upper_tail(distance, error, freedom, row_error) - tail, 0.0, widest))


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
    return _evidence(float(np.mean(values)), count, error)


def score_evidence(mean: float, samples: np.ndarray) -> Evidence:
    """The evidence of a mean score or difference over seeds, from its values (S, B) on resampled test rows.

    The error of rows is the deviation of the mean over resampled rows. That of seeds has Student's distribution, as few
    seeds know little of their own variance. Shares of resampled seeds would not do: the mean of three resampled seeds
    has short tails.
    """
    seeds = len(samples)
    if seeds < 2:
        return _evidence(mean, seeds, math.inf)
    of_seeds = float(samples.mean(axis=1).std(ddof=1)) / math.sqrt(seeds)
    return _evidence(mean, seeds, of_seeds, float(samples.mean(axis=0).std(ddof=1)))


def resampled_evidence(mean: float, samples: np.ndarray, seeds: int) -> Evidence:
    """The evidence of a value with resamples (B,) of rows and of so few seeds: t with one degree less than seeds."""
    return _evidence(mean, seeds, float(np.std(samples, ddof=1)))


def paired_differences(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    """first - second for the seeds that both have; values are by seed.

    Runs with one seed share the order of rows (and, when the shapes agree, the initial weights), so the effect of the
    seed on both cancels out.
    """
    return [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]
