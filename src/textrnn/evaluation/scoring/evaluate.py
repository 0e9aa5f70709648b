"""Metrics of a saved model on a split: loss, class scores, and for tagging exact entity spans."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from textrnn.common.config.types import Split
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.errors import UserError
from textrnn.evaluation.metrics.intervals import Intervals, class_intervals, entity_intervals, token_intervals
from textrnn.evaluation.metrics.precision_recall import ClassScores, SpanScores, score_classes, score_spans
from textrnn.evaluation.metrics.predicted_rows import PREDICTED, PredictedRows
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.scoring.model_parts import PartScore, PartScorer
from textrnn.evaluation.scoring.predict_split import predict_split
from textrnn.modeling.models.model_directory import SavedModel
from textrnn.preparation.artifacts.tag_schemes import Span


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model on a split: the mean loss per row or token without class weights, the predictions, and their scores.

    classes: scores of rows or tokens; entities: scores of entity spans, for tagging; rows: gold and predicted labels by
    name; intervals: those of the metrics but the loss. parts: the scores of the network alone and of the wide part
    alone, None for a model without a wide part.
    """

    loss: float
    predictions: Predictions
    classes: ClassScores
    entities: SpanScores | None
    rows: PredictedRows
    intervals: Intervals
    parts: dict[str, PartScore] | None = None


def evaluate(saved: SavedModel, padded: PaddedRows, split: Split) -> Evaluation:
    """Run the model once on a split of padded shards, and score its predictions.

    For tagging, class scores count the tokens that padding kept, and gold spans are those of the whole row, so that an
    entity cut off by truncation counts as missed.
    Raises UserError when the shards were padded for another model.
    """
    wide = saved.network.wide
    parts = None if wide is None else PartScorer(saved.network, wide)
    predictions, loss = predict_split(saved, padded, split, parts)
    numbers, gold, predicted = predictions.row_numbers, predictions.gold, predictions.predicted
    labels = saved.labels
    classes = score_classes(gold, predicted, labels.names)
    if labels.task == "classify":
        rows = PredictedRows.of_classes(numbers, gold, {PREDICTED: predicted}, labels.names)
        intervals = class_intervals(gold, predicted, len(labels.names))
        part_scores = None if parts is None else parts.compute(labels.names)
        return Evaluation(loss, predictions, classes, None, rows, intervals, part_scores)
    spans_by_row = (load_spans(padded, split, labels.types), predictions.spans(labels))
    gold_spans, predicted_spans = ([spans[row] for row in numbers.tolist()] for spans in spans_by_row)
    rows = PredictedRows.of_entities(numbers, gold_spans, {PREDICTED: predicted_spans})
    intervals = token_intervals(gold, predicted, predictions.offsets, len(labels.names))
    intervals |= entity_intervals(gold_spans, predicted_spans)
    return Evaluation(loss, predictions, classes, score_spans(gold_spans, predicted_spans), rows, intervals)


def load_spans(padded: PaddedRows, split: str, types: list[str]) -> dict[int, set[Span]]:
    """Return the gold entity spans (start, end, type) by row number, including spans that truncation cut off."""
    spans_by_row = {}
    for batch in padded.batches(split):
        for row, spans in zip(batch["row"].to_pylist(), batch["spans"].to_pylist(), strict=True):
            spans_by_row[row] = {(span["start"], span["end"], types[span["type"]]) for span in spans}
    return spans_by_row


def metrics(evaluation: Evaluation) -> dict[str, float]:
    """Return the metrics that runs are compared by as plain values; raise UserError when the loss is not finite."""
    if not math.isfinite(evaluation.loss):
        do = "train again with a smaller learning_rate"
        raise UserError("evaluation loss", "must be a finite number", got=evaluation.loss, do=do)
    values = {
        "loss": evaluation.loss,
        "accuracy": evaluation.classes.accuracy,
        "macro_f1": evaluation.classes.macro_f1,
    }
    if evaluation.entities is not None:
        entities = evaluation.entities
        values |= {
            "entity_precision": entities.precision,
            "entity_recall": entities.recall,
            "entity_f1": entities.f1,
        }
    return values


def part_metrics(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    """Return the metrics of each part of a model with a wide part, and of both together; empty for any other model."""
    if evaluation.parts is None:
        return {}
    return {**{name: asdict(score) for name, score in evaluation.parts.items()}, "both": metrics(evaluation)}
