"""Error analysis of a model on the test split: scores by class and by subset, calibration, and examples of errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.evaluation.analysis.card_example import CardExample, example_sentence, example_text
from textrnn.evaluation.analysis.confusions import confused, confused_texts
from textrnn.evaluation.analysis.sentences import (
    entity_metrics,
    entity_scores,
    read_sentences,
    read_train_entities,
    select,
    tagging_metrics,
    wrong_sentences,
)
from textrnn.evaluation.metrics.calibration import ReliabilityBin, calibration_error, reliability
from textrnn.evaluation.metrics.precision_recall import ClassScores, SpanScores, score_classes
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.metrics.subsets import TestRows, by_length, by_rarest, by_seen, rarest_counts, read_test_rows
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.vocabulary import Vocabulary

SubsetMetrics = Callable[[np.ndarray], dict[str, float]]  # from a mask (N,) of rows to their metrics


@dataclass(frozen=True, eq=False)
class Analysis:
    """What is known of a model's predictions of test.

    metrics: by subset, and calibration; classes: scores of rows or tokens; entities: scores of entity spans, for
    tagging; bins: those of the reliability plot; errors: examples, which hold corpus text; example: a text that the
    model predicts correctly, for the card.
    """

    metrics: dict[str, Any]
    classes: ClassScores
    entities: SpanScores | None
    bins: list[ReliabilityBin]
    errors: list[dict[str, Any]]
    example: CardExample | None


def analyze(
    predictions: Predictions,
    segmented: SegmentedRows,
    *,
    labels: Labels,
    vocabulary: Vocabulary,
    width: int,
    segmenter: str,
) -> Analysis:
    """Analyse predictions of a test split; the texts come from the encoding's segmented shards.

    The metric of a subset is accuracy for classification and entity F1 for tagging. Subsets are by length before
    truncation, by how often train has the rarest token that the model read, and by whether train or dev has the text.
    For tagging there are two more: the row with the most entities (a list in one row may hold a tenth of all entities)
    against all others, and entities that occur in train against all others. Confusion and calibration are over classes,
    or over the tags of tokens. width: the tokens of a row that the model read, at most. Raises UserError when the
    shards have other rows than the predictions.
    """
    rows = read_test_rows(segmented)
    if not np.array_equal(rows.row_numbers, predictions.row_numbers):
        got = f"{len(rows.row_numbers)} and {len(predictions.row_numbers)} rows"
        raise UserError(segmented.folder, "its test rows are not those padded for the model", got=got, do="train again")
    rarest = rarest_counts(segmented, vocabulary, width)
    correct, confidence = predictions.gold == predictions.predicted, predictions.confidence
    bins = reliability(confidence, correct)
    pairs = confused(predictions.gold, predictions.predicted, labels.names)
    calibration = {"ece": calibration_error(bins), "confidence": _mean(confidence), "accuracy": _mean(correct)}
    if labels.task == "classify":
        entities = None
        metrics = _subset_metrics(
            rows, rarest, lambda mask: {"rows": int(mask.sum()), "accuracy": _mean(correct[mask])}
        )
        errors = confused_texts(predictions, labels, rows, segmented, pairs)
        example = example_text(predictions, rows, segmented, labels.names, segmenter)
    else:
        sentences = read_sentences(predictions, labels, segmented)
        entities = entity_scores(sentences)
        metrics = _subset_metrics(rows, rarest, lambda mask: entity_metrics(select(sentences, mask)))
        metrics |= tagging_metrics(sentences, read_train_entities(segmented))
        errors = wrong_sentences(sentences, rows)
        example = example_sentence(sentences, rows, segmenter)
    return Analysis(
        metrics={"calibration": calibration, **metrics, "confused": pairs},
        classes=score_classes(predictions.gold, predictions.predicted, labels.names),
        entities=entities,
        bins=bins,
        errors=errors,
        example=example,
    )


def _subset_metrics(rows: TestRows, rarest: np.ndarray, score_subset: SubsetMetrics) -> dict[str, Any]:
    subsets = {"by_length": by_length(rows.lengths), "by_rarest": by_rarest(rarest), "by_text": by_seen(rows.seen)}
    return {key: {name: score_subset(mask) for name, mask in groups} for key, groups in subsets.items()}


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0
