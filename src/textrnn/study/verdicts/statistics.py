"""Evidence on a difference: its interval, and the p-values of its being above or below a margin.

Shapes: S seeds, B resamples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.stats import t as student

LEVEL = 0.95


class Evidence(Protocol):
    """What is known of a difference: its mean with an interval at LEVEL, infinite if there is none, and the seeds.

    The p-values are one-sided: `p_above` is that of the hypothesis that the difference is at most the margin, so that a
    small one speaks for a difference above it; `p_below` is that of the other direction.
    """

    @property
    def mean(self) -> float: ...

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...

    @property
    def count(self) -> int: ...

    def p_above(self, margin: float) -> float: ...

    def p_below(self, margin: float) -> float: ...


@dataclass(frozen=True)
class TEvidence:
    """A mean over `count` values with a t interval; `error` is the standard error, 0 where all values are equal."""

    mean: float
    low: float
    high: float
    count: int
    error: float

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
        return float(student.sf(distance / self.error, self.count - 1))


def t_evidence(values: Sequence[float]) -> TEvidence:
    """The evidence of values (S,) by Student's t distribution.

    The interval is mean +- t(S - 1) * s / sqrt(S), where s is the sample standard deviation. Source: Student 1908, "The
    probable error of a mean". Raises ValueError when there are no values.
    """
    if not len(values):
        raise ValueError("no values to take the mean of")
    mean, count = float(np.mean(values)), len(values)
    if count == 1:
        return TEvidence(mean, -math.inf, math.inf, 1, math.inf)
    # the mean of equal values may differ from them in its last digit
    error = 0.0 if min(values) == max(values) else float(np.std(values, ddof=1) / math.sqrt(count))
    half_width = float(student.ppf((1 + LEVEL) / 2, count - 1)) * error
    return TEvidence(mean, mean - half_width, mean + half_width, count, error)


def paired_differences(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    """first - second for the seeds that both have; values are by seed.

    Runs with one seed share the order of rows (and, when the shapes agree, the initial weights), so the effect of the
    seed on both cancels out.
    """
    return [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]


@dataclass(frozen=True, eq=False)
class BootstrapEvidence:
    """A value with its resamples (B,): a percentile interval, and shares of the resamples as p-values.

    A p-value is (1 + resamples on the other side) / (1 + B), so that none is 0 (Davison and Hinkley 1997, "Bootstrap
    Methods and their Application", section 4.2).
    """

    mean: float
    samples: np.ndarray
    count: int

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return float(np.quantile(self.samples, (1 - LEVEL) / 2)) if self.count > 1 else -math.inf

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return float(np.quantile(self.samples, (1 + LEVEL) / 2)) if self.count > 1 else math.inf

    def p_above(self, margin: float) -> float:
        """The p-value of a value of at most the margin."""
        return self._share(self.samples <= margin)

    def p_below(self, margin: float) -> float:
        """The p-value of a value of at least the margin."""
        return self._share(self.samples >= margin)

    def _share(self, other_side: np.ndarray) -> float:
        return float((1 + other_side.sum()) / (1 + len(self.samples))) if self.count > 1 else 1.0
