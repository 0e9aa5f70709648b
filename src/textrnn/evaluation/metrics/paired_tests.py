"""Whether one model is better than another on the same rows: the paired bootstrap, and McNemar's exact test.

Two models are right and wrong on many of the same rows, which says nothing about their difference. Both tests leave
that common part out, so they tell smaller differences than two intervals side by side. Shapes: N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from textrnn.evaluation.metrics.bootstrap import (
    Counts,
    Interval,
    Score,
    accuracy,
    bootstrap_sums,
    macro_f1,
    percentile_interval,
)
from textrnn.evaluation.metrics.intervals import class_counts, entity_counts, group_rows
from textrnn.evaluation.metrics.predicted_rows import PredictedRows

CLASS_SCORES: dict[str, Score] = {"accuracy": accuracy, "macro_f1": macro_f1}
ENTITY_SCORE: dict[str, Score] = {"entity_f1": macro_f1}

Verdict = Literal["ahead", "level", "behind"]


@dataclass(frozen=True)
class Difference:
    """The scores of two models on the same rows, and the paired interval of first - second."""

    first: float
    second: float
    interval: Interval

    @property
    def value(self) -> float:
        """By how much the first model is ahead; negative where it is behind."""
        return self.first - self.second

    @property
    def verdict(self) -> Verdict:
        """Whether the first is ahead of, level with or behind the second; level where the interval has 0 in it."""
        if self.interval.low > 0:
            return "ahead"
        return "behind" if self.interval.high < 0 else "level"

    @property
    def words(self) -> str:
        """The verdict in words, with the difference in points of a hundred where one model is ahead."""
        return "level" if self.verdict == "level" else f"{self.verdict} by {100 * abs(self.value):.2f}"


@dataclass(frozen=True)
class McNemar:
    """How many rows only the first and only the second model has right, and the p-value of equal chances of both."""

    only_first: int
    only_second: int
    p_value: float


@dataclass(frozen=True)
class PairedTest:
    """Two models on the same N rows: differences by metric, the score's first; McNemar's test for classes alone."""

    rows: int
    differences: Mapping[str, Difference]
    mcnemar: McNemar | None

    @property
    def score(self) -> tuple[str, Difference]:
        """The name of the metric by which models of the task are compared, and the difference in it."""
        return next(iter(self.differences.items()))


def same_rows(first: PredictedRows, second: PredictedRows) -> str | None:
    """What tells the rows of two models apart, as words for a message; None if they have the same gold labels."""
    if first.task != second.task:
        return "one has classes, the other entities"
    if not np.array_equal(first.row_numbers, second.row_numbers):
        return f"{len(first.row_numbers):,} and {len(second.row_numbers):,} rows with other numbers"
    if first.gold.to_pylist() != second.gold.to_pylist():
        return "other gold labels"
    if first.task == "classify" and set(first.gold.dictionary.to_pylist()) != set(second.gold.dictionary.to_pylist()):
        return "other names of classes"
    return None


def paired_test(first: PredictedRows, first_name: str, second: PredictedRows, second_name: str) -> PairedTest:
    """Compare a model of each; the rows must be the same, see `same_rows`."""
    if first.task == "tag":
        gold = first.entities()
        counts = [
            entity_counts(gold, rows.entities(name)) for rows, name in ((first, first_name), (second, second_name))
        ]
        numbers, kinds = group_rows(*counts)
        return PairedTest(len(gold), _differences(numbers, kinds, ENTITY_SCORE), None)
    names = first.gold.dictionary
    columns = (first.gold, first.predicted[first_name], second.predicted[second_name])
    ids, numbers = np.unique(np.stack([_ids(column, names) for column in columns]), axis=1, return_counts=True)
    kinds = [class_counts(ids[0], ids[model], len(names)) for model in (1, 2)]
    only_first, only_second = (
        int(numbers[(ids[0] == ids[model]) & (ids[0] != ids[other])].sum()) for model, other in ((1, 2), (2, 1))
    )
    mcnemar = McNemar(only_first, only_second, mcnemar_p_value(only_first, only_second))
    return PairedTest(int(numbers.sum()), _differences(numbers, kinds, CLASS_SCORES), mcnemar)


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """The two-sided p-value that a fair coin shows each side so often, over the rows that only one model has right.

    It is 1 if there is no such row. Source: McNemar 1947, "Note on the sampling error of the difference between
    correlated proportions"; exact, by the binomial distribution.
    """
    total, fewer = only_first + only_second, min(only_first, only_second)
    term = tail = 1  # binomial coefficients of 0
    for count in range(1, fewer + 1):
        term = term * (total - count + 1) // count
        tail += term
    return min(1.0, 2 * tail / 2**total)  # of integers, as 2^-total is no float where a thousand rows differ


def _differences(numbers: np.ndarray, kinds: list[Counts], scores: Mapping[str, Score]) -> dict[str, Difference]:
    """The differences of two models by metric; numbers: (G,) rows of each kind, kinds: (G, C) of either model."""
    first, second = (counts.sums(numbers) for counts in kinds)
    first_sums, second_sums = bootstrap_sums(numbers, *kinds)
    return {
        name: Difference(
            first=float(score(first)),
            second=float(score(second)),
            interval=percentile_interval(score(first_sums) - score(second_sums)),
        )
        for name, score in scores.items()
    }


def _ids(column: pa.Array, names: pa.Array) -> np.ndarray:
    """The classes (N,) as indices of the names, which may be in another order than in the column."""
    index = {name: number for number, name in enumerate(names.to_pylist())}
    of_column = np.array([index[name] for name in column.dictionary.to_pylist()], np.int64)
    ids: np.ndarray = of_column[column.indices.to_numpy()]
    return ids
