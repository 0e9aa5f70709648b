"""The intervals of a model's metrics on a split, by the names of the metrics.

The accuracy of classified rows has Wilson's interval, everything else the bootstrap's. The tokens of a sentence are not
independent of each other, so taggers are resampled by sentence, their accuracy too. The loss has no interval.
Shapes: N rows, M predictions, C classes, G kinds of rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from textrnn.evaluation.metrics.bootstrap import (
    Counts,
    Interval,
    Score,
    accuracy,
    bootstrap_sums,
    macro_f1,
    percentile_interval,
    precision,
    wilson_interval,
)
from textrnn.preparation.artifacts.tag_schemes import Span

TOKEN_SCORES: dict[str, Score] = {"accuracy": accuracy, "macro_f1": macro_f1}
ENTITY_SCORES: dict[str, Score] = {"entity_precision": precision, "entity_recall": accuracy, "entity_f1": macro_f1}

Intervals = dict[str, list[float]]  # the bounds, by metric


def class_intervals(gold: np.ndarray, predicted: np.ndarray, classes: int) -> Intervals:
    """The intervals of accuracy and macro-F1 of N rows with one class each; the ids are (N,)."""
    kinds, numbers = np.unique(np.stack([gold, predicted]), axis=1, return_counts=True)
    (sums,) = bootstrap_sums(numbers, class_counts(kinds[0], kinds[1], classes))
    of_accuracy = wilson_interval(int((gold == predicted).sum()), len(gold))
    return {"accuracy": of_accuracy.bounds(), "macro_f1": percentile_interval(macro_f1(sums)).bounds()}


def token_intervals(gold: np.ndarray, predicted: np.ndarray, offsets: np.ndarray, classes: int) -> Intervals:
    """The intervals of accuracy and macro-F1 of M tagged tokens, over sentences.

    gold, predicted: (M,) tags; offsets: (N + 1,) where each sentence starts and ends.
    """
    sentences = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))

    def by_sentence(tags: np.ndarray) -> np.ndarray:
        cells = np.bincount(sentences[: len(tags)] * classes + tags, minlength=(len(offsets) - 1) * classes)
        return cells.reshape(-1, classes)

    right = gold == predicted
    hits = np.bincount(sentences[right] * classes + gold[right], minlength=(len(offsets) - 1) * classes)
    counts = Counts(hits.reshape(-1, classes), by_sentence(predicted), by_sentence(gold))
    return _intervals(counts, TOKEN_SCORES)


def entity_intervals(gold: Sequence[Collection[Span]], predicted: Sequence[Collection[Span]]) -> Intervals:
    """The intervals of precision, recall and F1 of entities, over sentences; both have the spans of each sentence."""
    return _intervals(entity_counts(gold, predicted), ENTITY_SCORES)


def class_counts(gold: np.ndarray, predicted: np.ndarray, classes: int) -> Counts:
    """The counts of rows that have one gold and one predicted class each; ids (G,)."""
    identity = np.eye(classes)
    return Counts(identity[gold] * (gold == predicted)[:, None], identity[predicted], identity[gold])


def entity_counts(gold: Sequence[Collection[Span]], predicted: Sequence[Collection[Span]]) -> Counts:
    """The counts of entities of each sentence, (N, 1); a hit has the same start, end and type."""
    hits = [len(set(both[0]) & set(both[1])) for both in zip(gold, predicted, strict=True)]
    columns = (hits, map(len, map(set, predicted)), map(len, map(set, gold)))
    return Counts(*(np.array([*column], np.int64)[:, None] for column in columns))


def group_rows(*counts: Counts) -> tuple[np.ndarray, list[Counts]]:
    """The number of rows of each kind (G,), and the counts (G, C) of the kinds, from counts (N, C) of the same rows."""
    columns = [column for each in counts for column in (each.hits, each.predicted, each.gold)]
    kinds, numbers = np.unique(np.hstack(columns), axis=0, return_counts=True)
    parts = np.split(kinds, np.cumsum([column.shape[1] for column in columns])[:-1], axis=1)
    return numbers, [Counts(*parts[first : first + 3]) for first in range(0, len(parts), 3)]


def _intervals(counts: Counts, scores: Mapping[str, Score]) -> Intervals:
    numbers, (of_kinds,) = group_rows(counts)
    (sums,) = bootstrap_sums(numbers, of_kinds)
    intervals: dict[str, Interval] = {name: percentile_interval(score(sums)) for name, score in scores.items()}
    return {name: interval.bounds() for name, interval in intervals.items()}
