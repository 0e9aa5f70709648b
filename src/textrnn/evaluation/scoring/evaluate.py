"""Metrics of a saved model on a split: loss, class scores, and for tagging exact entity spans."""

from __future__ import annotations

import math
from dataclasses import dataclass

from textrnn.common.config.types import Split
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.errors import UserError
from textrnn.evaluation.metrics.precision_recall import ClassScores, SpanScores, score_classes, score_spans
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.scoring.predict_split import predict_split
from textrnn.modeling.models.model_directory import SavedModel
from textrnn.preparation.artifacts.tag_schemes import Span


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model on a split: the mean loss per row or token without class weights, the predictions, and their scores.

    classes: scores of rows or tokens; entities: scores of entity spans, for tagging.
    """

    loss: float
    predictions: Predictions
    classes: ClassScores
    entities: SpanScores | None


def evaluate(saved: SavedModel, padded: PaddedRows, split: Split) -> Evaluation:
    """Run the model once on a split of padded shards, and score its predictions.

    For tagging, class scores count the tokens that padding kept, and gold spans are those of the whole row, so that an
    entity cut off by truncation counts as missed.
    Raises UserError when the shards were padded for another model.
    """
    predictions, loss = predict_split(saved, padded, split)
    classes = score_classes(predictions.gold, predictions.predicted, saved.labels.names)
    entities = None
    if saved.labels.task == "tag":
        gold, predicted = load_spans(padded, split, saved.labels.types), predictions.spans(saved.labels)
        entities = score_spans(gold.values(), [predicted[row] for row in gold])
    return Evaluation(loss, predictions, classes, entities)


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
