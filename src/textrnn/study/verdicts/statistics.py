"""Evidence on a difference: its interval, and the p-values of its being above or below a margin.

Shapes: S seeds, B resamples.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtr
from scipy.stats import norm as normal
from scipy.stats import qmc
from scipy.stats import t as student

LEVEL = 0.90  # of intervals: one lies on one side of a margin where the one-sided p-value is less than 5%
DRAWS = 2**14  # of all sources of chance but one, whose distribution is known


@dataclass(frozen=True)
class SeedError:
    """The standard error of a mean over seeds, and its degrees of freedom."""

    error: float
    freedom: int


@dataclass(frozen=True)
class Evidence:
    """What is known of a difference: its mean, an interval at LEVEL, infinite if there is none, and how many seeds.

    seed_errors: one if seeds are paired, one for each side otherwise. row_error: that of the test rows, which are so
    many that it counts as known. The p-values are one-sided: `p_above` is that of the hypothesis that the difference is
    at most the margin, so a small one supports a difference above it.
    """

    mean: float
    low: float
    high: float
    count: int
    seed_errors: tuple[SeedError, ...]
    row_error: float = 0.0

    @property
    def varies(self) -> bool:
        """Whether it is not the same for all seeds and rows."""
        return self.row_error > 0 or any(each.error > 0 for each in self.seed_errors)

    def p_above(self, margin: float) -> float:
        """The p-value of a mean of at most the margin."""
        return self._upper_tail(self.mean - margin)

    def p_below(self, margin: float) -> float:
        """The p-value of a mean of at least the margin."""
        return self._upper_tail(margin - self.mean)

    def _upper_tail(self, distance: float) -> float:
        return 1.0 if self.count < 2 else upper_tail(distance, self.seed_errors, self.row_error)


def upper_tail(distance: float, seed_errors: Sequence[SeedError], row_error: float) -> float:
    """The chance that a sum of errors is at least the distance: of seeds by Student's t, of rows by the normal.

    With more than one source of chance it is the Behrens-Fisher test, whose false positives are at most as many as the
    p-value says (Robinson 1976, "Properties of Student's t and of the Behrens-Fisher solution to the two means
    problem"). The source with the heaviest tails is integrated, the others are drawn, evenly.
    """
    varying = sorted((each for each in seed_errors if each.error > 0), key=lambda each: each.freedom)
    if not varying:
        return float(normal.sf(distance / row_error)) if row_error > 0 else float(distance <= 0)
    heaviest, *rest = varying
    others = sum((each.error * _draws(place, each.freedom) for place, each in enumerate(rest, start=1)), np.zeros(1))
    if row_error > 0:
        others = others + row_error * _draws(0, None)
    return float(stdtr(heaviest.freedom, (others - distance) / heaviest.error).mean())


@functools.cache
def _draws(place: int, freedom: int | None) -> np.ndarray:
    """Draws (DRAWS,) of Student's t, or of the normal for None; those of different places are independent."""
    even = qmc.Sobol(place + 1, scramble=False).random(DRAWS)[:, place] + 0.5 / DRAWS
    drawn: np.ndarray = normal.ppf(even) if freedom is None else student.ppf(even, freedom)
    return drawn


def _evidence(mean: float, count: int, seed_errors: tuple[SeedError, ...], row_error: float = 0.0) -> Evidence:
    if count < 2:
        return Evidence(mean, -math.inf, math.inf, count, seed_errors, row_error)
    half_width = _half_width(seed_errors, row_error)
    return Evidence(mean, mean - half_width, mean + half_width, count, seed_errors, row_error)


def _half_width(seed_errors: tuple[SeedError, ...], row_error: float) -> float:
    varying, share = [each for each in seed_errors if each.error > 0], (1 + LEVEL) / 2
    alone = [each.error * float(student.ppf(share, each.freedom)) for each in varying]
    alone += [row_error * float(normal.ppf(share))] if row_error > 0 else []
    if len(alone) < 2:
        return sum(alone)
    return float(brentq(lambda distance: upper_tail(distance, varying, row_error) - (1 - share), 0.0, 3 * sum(alone)))


def _seed_error(values: np.ndarray) -> SeedError:
    """Of the mean of values (S,); the mean of equal values may differ from them in its last digit."""
    equal = len(values) < 2 or values.min() == values.max()
    return SeedError(0.0 if equal else float(values.std(ddof=1)) / math.sqrt(len(values)), len(values) - 1)


def t_evidence(values: Sequence[float]) -> Evidence:
    """The evidence of values (S,) by Student's t distribution.

    The interval is mean +- t(S - 1) * s / sqrt(S), where s is the sample standard deviation. Source: Student 1908, "The
    probable error of a mean". Raises ValueError when there are no values.
    """
    if not len(values):
        raise ValueError("no values to take the mean of")
    return _evidence(float(np.mean(values)), len(values), (_seed_error(np.array(values)),))


def unpaired_evidence(first: Sequence[float], second: Sequence[float]) -> Evidence:
    """The evidence of the difference of two means, of values (S,) and (R,) of seeds that do not belong together."""
    errors = _seed_error(np.array(first)), _seed_error(np.array(second))
    return _evidence(float(np.mean(first) - np.mean(second)), min(len(first), len(second)), errors)


def score_evidence(mean: float, samples: np.ndarray) -> Evidence:
    """The evidence of a mean score or difference over seeds, from its values (S, B) on resampled test rows.

    The error of rows is the deviation of the mean over resampled rows. That of seeds has Student's distribution, as few
    seeds know little of their own variance. Shares of resampled seeds would not do: the mean of three resampled seeds
    has short tails.
    """
    of_rows = float(samples.mean(axis=0).std(ddof=1))
    return _evidence(mean, len(samples), (_seed_error(samples.mean(axis=1)),), of_rows)


def unpaired_score_evidence(mean: float, first: np.ndarray, second: np.ndarray) -> Evidence:
    """Likewise of a difference of scores (S, B) and (R, B) on the same resampled rows, whose seeds do not match."""
    of_rows = float((first.mean(axis=0) - second.mean(axis=0)).std(ddof=1))
    errors = _seed_error(first.mean(axis=1)), _seed_error(second.mean(axis=1))
    return _evidence(mean, min(len(first), len(second)), errors, of_rows)


def resampled_evidence(mean: float, samples: np.ndarray, seeds: int) -> Evidence:
    """The evidence of a value with resamples (B,) of rows and of so few seeds: t with one degree less than seeds."""
    return _evidence(mean, seeds, (SeedError(float(np.std(samples, ddof=1)), seeds - 1),))


def paired_differences(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    """first - second for the seeds that both have; values are by seed.

    Runs with one seed share the order of rows, and, when the shapes agree, the initial weights.
    """
    return [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]
