"""95% intervals of scores: Wilson's for a share, and the bootstrap over rows for scores that are no mean over rows.

A resample of N rows draws N of them with replacement. Rows with the same counts are interchangeable, so it is enough to
draw how many rows of each kind it has, which is multinomial. Shapes: G kinds of rows, R resamples, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
RESAMPLES = 1_000
RESAMPLES_AT_ONCE = 100  # bounds the memory where every row is a kind of its own
SEED = 0  # every interval is the same in every run, and two models are scored on the same resamples


@dataclass(frozen=True)
class Interval:
    """The bounds of an interval at LEVEL."""

    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the distance between the bounds: what follows a ± sign."""
        return (self.high - self.low) / 2

    def bounds(self) -> list[float]:
        """The bounds as JSON has them."""
        return [self.low, self.high]


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of each class, (..., C) each: right predictions, predictions, and gold items.

    They hold for single kinds of rows or for whole splits; entities are counted as one class.
    """

    hits: np.ndarray
    predicted: np.ndarray
    gold: np.ndarray

    def sums(self, numbers: np.ndarray) -> Counts:
        """The counts of splits that have `numbers` (..., G) rows of each kind; these counts are (G, C)."""
        return Counts(numbers @ self.hits, numbers @ self.predicted, numbers @ self.gold)


Score = Callable[[Counts], np.ndarray]  # from counts (..., C) to scores (...)


def accuracy(counts: Counts) -> np.ndarray:
    """The share of gold items that are predicted right; of entities it is the recall."""
    return _ratio(counts.hits.sum(-1), counts.gold.sum(-1))


def precision(counts: Counts) -> np.ndarray:
    """The share of predictions that are right."""
    return _ratio(counts.hits.sum(-1), counts.predicted.sum(-1))


def macro_f1(counts: Counts) -> np.ndarray:
    """The mean of the classes' F1, as `score_classes` computes it; F1 itself where there is one class."""
    means: np.ndarray = _ratio(2 * counts.hits, counts.predicted + counts.gold).mean(-1)
    return means


def bootstrap_sums(numbers: np.ndarray, *of_kinds: Counts) -> tuple[Counts, ...]:
    """The counts (R, C) of bootstrap resamples of a split, once for each of `of_kinds` (G, C), on the same resamples.

    numbers: (G,) how many rows of each kind the split has.
    """
    generator = np.random.Generator(np.random.PCG64(SEED))
    total = int(numbers.sum())
    parts: list[list[Counts]] = [[] for _ in of_kinds]
    for _ in range(0, RESAMPLES, RESAMPLES_AT_ONCE):
        drawn = generator.multinomial(total, numbers / total, RESAMPLES_AT_ONCE).astype(np.float64)
        for part, counts in zip(parts, of_kinds, strict=True):
            part.append(counts.sums(drawn))
    names = ("hits", "predicted", "gold")
    return tuple(Counts(*(np.concatenate([getattr(each, name) for each in part]) for name in names)) for part in parts)


def percentile_interval(values: np.ndarray) -> Interval:
    """The middle LEVEL of the values (R,) of resamples. Source: Efron 1979, "Bootstrap Methods"."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def wilson_interval(hits: int, total: int) -> Interval:
    """The interval of a share of independent rows. Source: Wilson 1927, "Probable Inference", formula for the limits.

    Unlike the interval of the normal approximation it stays within 0..1, and it has a width when all rows are right.
    Raises ValueError when there is no row.
    """
    if total < 1:
        raise ValueError("no rows to take the share of")
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    share, spread = hits / total, z * z / total
    center = share + spread / 2
    margin = math.sqrt(spread * (share * (1 - share) + spread / 4))
    # the bounds at 0 and all hits are exact, where rounding could miss them
    low = 0.0 if hits == 0 else (center - margin) / (1 + spread)
    high = 1.0 if hits == total else (center + margin) / (1 + spread)
    return Interval(low, high)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, and 0 where the whole is 0."""
    zeros = np.zeros(np.broadcast_shapes(part.shape, whole.shape))
    ratio: np.ndarray = np.divide(part, whole, out=zeros, where=whole > 0)
    return ratio
