"""The classes that a model confuses most often, and the texts that it is most confident about and wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.metrics.subsets import TestRows
from textrnn.preparation.artifacts.labels import Labels

MAX_PAIRS = 10  # pairs of classes, the most frequently confused
MAX_EXAMPLES = 20  # examples of each pair, the most confident first


def confused(gold: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the MAX_PAIRS pairs of classes confused most often, from ids (M,).

    Each pair has its count and its share of the gold class. Ties go to the lower gold class, then to the lower
    predicted class.
    """
    cells = gold * len(names) + predicted
    counts = np.bincount(cells[gold != predicted], minlength=len(names) ** 2)
    support = np.bincount(gold, minlength=len(names))
    most_frequent = np.argsort(-counts, kind="stable")[:MAX_PAIRS]
    pairs = [(*divmod(cell, len(names)), int(counts[cell])) for cell in most_frequent.tolist() if counts[cell]]
    return [
        {"gold": names[a], "predicted": names[b], "count": count, "share": count / int(support[a])}
        for a, b, count in pairs
    ]


def confused_texts(
    predictions: Predictions,
    labels: Labels,
    rows: TestRows,
    segmented: SegmentedRows,
    pairs: Iterable[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Return examples of each pair with their tokens, the most confident first."""
    chosen: list[int] = []
    confidence = predictions.confidence
    for pair in pairs:
        a, b = labels.names.index(pair["gold"]), labels.names.index(pair["predicted"])
        indices = np.flatnonzero((predictions.gold == a) & (predictions.predicted == b))
        by_confidence = np.argsort(-confidence[indices], kind="stable")
        chosen += indices[by_confidence[:MAX_EXAMPLES]].tolist()
    tokens = tokens_of_rows(segmented, predictions.row_numbers[chosen])
    return [
        {
            "row": int(predictions.row_numbers[index]),
            "gold": labels.names[predictions.gold[index]],
            "predicted": labels.names[predictions.predicted[index]],
            "confidence": round(float(confidence[index]), 6),
            "text_known": bool(rows.seen[index]),  # the key in errors.jsonl stays as it is
            "tokens": tokens[int(predictions.row_numbers[index])],
        }
        for index in chosen
    ]


def tokens_of_rows(segmented: SegmentedRows, row_numbers: np.ndarray) -> dict[int, list[str]]:
    """Return the tokens of these rows of the test split, by row number."""
    tokens: dict[int, list[str]] = {}
    for batch in segmented.batches("test"):
        selected = batch.take(np.flatnonzero(np.isin(np.array(batch["row"]), row_numbers)))
        tokens.update(zip(selected["row"].to_pylist(), selected["tokens"].to_pylist(), strict=True))
    return tokens
