"""Precision, recall and F1 of predicted classes and of predicted entity spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from textrnn.errors import UserError
from textrnn.preparation.artifacts.tag_schemes import Span


@dataclass(frozen=True)
class ReportRow:
    """One row of a classification report: precision, recall and F1 in 0..1, and the number of gold items."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, eq=False)  # arrays have no single truth value, so == would fail
class ClassScores:
    """Scores of N classified samples.

    report: one row per label in label order, then `macro avg` and `weighted avg`; confusion: (C, C) counts at
    [gold, predicted].
    """

    accuracy: float
    macro_f1: float
    report: list[ReportRow]
    confusion: np.ndarray


@dataclass(frozen=True)
class SpanScores:
    """Exact-match scores of entity spans, micro-averaged over all entities.

    report: one row per entity type in sorted order, then `micro avg`, `macro avg` and `weighted avg`.
    """

    precision: float
    recall: float
    f1: float
    report: list[ReportRow]


def score_classes(gold: np.ndarray, predicted: np.ndarray, labels: Sequence[str]) -> ClassScores:
    """Score predicted class ids (N,) against gold ids (N,), both in 0..len(labels)-1.

    Every label counts in the averages. A label that occurs on neither side scores 0, as in scikit-learn's
    `classification_report(labels=range(C), zero_division=0)`.
    Raises UserError when there is no sample, ValueError when the shapes differ or an id has no label.
    """
    confusion = _confusion_matrix(gold, predicted, len(labels))
    total = int(confusion.sum())
    if total == 0:
        raise UserError("scores", "no sample to score", do="give a split that has samples")
    hits = np.diag(confusion)
    counts = zip(labels, hits, confusion.sum(axis=0), confusion.sum(axis=1), strict=True)
    rows = [_report_row(name, int(hit), int(positives), int(support)) for name, hit, positives, support in counts]
    macro, weighted = _averages(rows)
    return ClassScores(int(hits.sum()) / total, macro.f1, [*rows, macro, weighted], confusion)


def score_spans(gold: Iterable[Collection[Span]], predicted: Iterable[Collection[Span]]) -> SpanScores:
    """Score predicted spans against gold spans, sentence by sentence; a hit has the same start, end and type.

    A gold span beyond the end of a truncated sentence counts as missed. A score whose denominator is 0 is 0. The micro,
    macro and weighted rows equal those of seqeval's `classification_report`.
    Raises ValueError when the numbers of sentences differ.
    """
    hits: Counter[str] = Counter()
    positives: Counter[str] = Counter()
    support: Counter[str] = Counter()
    for gold_row, predicted_row in zip(gold, predicted, strict=True):
        gold_set, predicted_set = set(gold_row), set(predicted_row)
        hits.update(kind for _, _, kind in gold_set & predicted_set)
        positives.update(kind for _, _, kind in predicted_set)
        support.update(kind for _, _, kind in gold_set)
    rows = [_report_row(kind, hits[kind], positives[kind], support[kind]) for kind in sorted(positives | support)]
    micro = _report_row("micro avg", hits.total(), positives.total(), support.total())
    return SpanScores(micro.precision, micro.recall, micro.f1, [*rows, micro, *_averages(rows)])


def confusion_rows(confusion: np.ndarray, labels: Sequence[str], limit: int) -> list[tuple[str, str]]:
    """Expand confusion counts (C, C) at [gold, predicted] into (actual, predicted) rows, as DVC's plot reads them.

    Above `limit` samples the counts are scaled down: each nonzero cell keeps one row, and the remaining rows are
    distributed in proportion to the rest of each count, rounded down. The result has at most `limit` rows, or one per
    nonzero cell when there are more such cells than `limit`.
    """
    cells = [(int(i), int(j), int(confusion[i, j])) for i, j in np.argwhere(confusion)]
    surplus = sum(count for _, _, count in cells) - len(cells)
    extra_rows = min(max(limit - len(cells), 0), surplus)
    rows: list[tuple[str, str]] = []
    for i, j, count in cells:
        extra = (count - 1) * extra_rows // surplus if surplus else 0
        rows += [(labels[i], labels[j])] * (1 + extra)
    return rows


def _confusion_matrix(gold: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    if gold.ndim != 1 or gold.shape != predicted.shape:
        raise ValueError(f"gold {gold.shape} and predicted {predicted.shape} must both be (N,)")
    # int64 first: a narrow dtype such as uint8 would overflow in the cell index below; floats are refused.
    pairs = np.stack([gold, predicted]).astype(np.int64, casting="same_kind")
    if pairs.size and (pairs.min() < 0 or pairs.max() >= classes):
        raise ValueError(f"class ids {pairs.min()}..{pairs.max()} do not fit {classes} labels")
    return np.bincount(pairs[0] * classes + pairs[1], minlength=classes * classes).reshape(classes, classes)


def _report_row(name: str, hits: int, positives: int, support: int) -> ReportRow:
    """Scores of one class: positives is the number predicted, support the number of gold items."""
    precision = hits / positives if positives else 0.0
    recall = hits / support if support else 0.0
    f1 = 2 * hits / (positives + support) if hits else 0.0
    return ReportRow(name, precision, recall, f1, support)


def _averages(rows: Sequence[ReportRow]) -> tuple[ReportRow, ReportRow]:
    """Return the `macro avg` and `weighted avg` (by support) of per-class rows; zeros when the weights sum to 0."""
    support = sum(row.support for row in rows)

    def mean(name: str, weights: Sequence[int]) -> ReportRow:
        total = sum(weights) or 1
        pairs = list(zip(rows, weights, strict=True))
        precision = sum(row.precision * weight for row, weight in pairs) / total
        recall = sum(row.recall * weight for row, weight in pairs) / total
        f1 = sum(row.f1 * weight for row, weight in pairs) / total
        return ReportRow(name, precision, recall, f1, support)

    return mean("macro avg", [1] * len(rows)), mean("weighted avg", [row.support for row in rows])
