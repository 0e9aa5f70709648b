"""Metrics of a saved model on a split: loss, class scores, and for tagging exact entity spans."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from textrnn.common.config.types import Split
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError
from textrnn.evaluation.metrics.precision_recall import ClassScores, SpanScores, score_classes, score_spans
from textrnn.modeling.models.decoding import decode_classes, entity_spans
from textrnn.modeling.models.model_directory import SavedModel
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.nn.precision import make_deterministic
from textrnn.preparation.artifacts.tag_schemes import Span
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import batches
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.batching.loading import check_id_ranges, load_buckets

BATCH_SIZE = 256


@dataclass(frozen=True, eq=False)
class SplitScores:
    """Scores of a split: mean loss per row or token without class weights, class scores, entity scores for tagging."""

    loss: float
    classes: ClassScores
    entities: SpanScores | None


def evaluate(saved: SavedModel, padded: ShardReader, split: Split) -> SplitScores:
    """Score the model on a split of padded shards.

    For tagging, class scores count the tokens that padding kept, and gold spans are those of the whole row, so that an
    entity cut off by truncation counts as missed. A CRF predicts its best tag sequence among those that are valid in
    its tag scheme.
    Raises UserError when the shards were padded for another model.
    """
    check_padding(saved, padded)
    device = next(saved.network.parameters()).device
    make_deterministic(device)
    buckets = load_buckets(padded, split, device)
    check_id_ranges(buckets, saved.config.tokens, saved.config.classes, padded.folder)
    running_metrics = RunningMetrics.for_network(saved.network, None)
    gold, predicted = [], []
    predicted_spans: dict[int, set[Span]] = {}
    for batch, classes in _predict_batches(saved, buckets, running_metrics):
        valid = batch.targets != IGNORED_TAG
        gold.append(batch.targets[valid].cpu().numpy())
        predicted.append(classes[valid].cpu().numpy())
        if saved.labels.task == "tag":
            predicted_spans.update(_batch_spans(saved, batch, classes))
    class_scores = score_classes(np.concatenate(gold), np.concatenate(predicted), saved.labels.names)
    entity_scores = None
    if saved.labels.task == "tag":
        gold_spans = load_spans(padded, split, saved.labels.types)
        entity_scores = score_spans(gold_spans.values(), [predicted_spans[row] for row in gold_spans])
    return SplitScores(running_metrics.compute().loss, class_scores, entity_scores)


@torch.no_grad()
def _predict_batches(
    saved: SavedModel, buckets: Sequence[AnyBucket], running_metrics: RunningMetrics
) -> Iterator[tuple[Batch, torch.Tensor]]:
    """Yield each batch with its predicted classes (B,) or tags (B, T), and add its loss to the metrics."""
    for batch in batches(buckets, BATCH_SIZE):
        logits = saved.network(batch.ids, batch.lengths)
        predicted = decode_classes(saved, logits, batch.targets != IGNORED_TAG)
        running_metrics.update(logits, batch.targets, predictions=predicted)
        yield batch, predicted


def _batch_spans(saved: SavedModel, batch: Batch, predicted: torch.Tensor) -> dict[int, set[Span]]:
    """Return the predicted entity spans of each row of a batch, by row number."""
    spans_by_row = {}
    for row, targets, tags in zip(batch.row_numbers.tolist(), batch.targets.tolist(), predicted.tolist(), strict=True):
        valid_tags = [tag for tag, target in zip(tags, targets, strict=True) if target != IGNORED_TAG]
        spans_by_row[row] = set(entity_spans(saved.labels, valid_tags))
    return spans_by_row


def load_spans(padded: ShardReader, split: str, types: list[str]) -> dict[int, set[Span]]:
    """Return the gold entity spans (start, end, type) by row number, including spans that truncation cut off."""
    spans_by_row = {}
    for batch in padded.batches(split):
        for row, spans in zip(batch["row"].to_pylist(), batch["spans"].to_pylist(), strict=True):
            spans_by_row[row] = {(span["start"], span["end"], types[span["type"]]) for span in spans}
    return spans_by_row


def check_padding(saved: SavedModel, padded: ShardReader) -> None:
    """Refuse shards that were padded for another model: other widths, another side or another task."""
    facts = (tuple(padded.facts["widths"]), padded.facts["side"], padded.facts["task"])
    expected = (saved.config.widths, saved.config.pad_side, saved.labels.task)
    if facts != expected:
        raise UserError(
            padded.folder, f"was not padded for this model, which has {expected}", got=facts, do="train again"
        )


def metrics(scores: SplitScores) -> dict[str, float]:
    """Return the metrics that runs are compared by as plain values; raise UserError when the loss is not finite."""
    if not math.isfinite(scores.loss):
        do = "train again with a smaller learning_rate"
        raise UserError("evaluation loss", "must be a finite number", got=scores.loss, do=do)
    values = {"loss": scores.loss, "accuracy": scores.classes.accuracy, "macro_f1": scores.classes.macro_f1}
    if scores.entities is not None:
        entities = scores.entities
        values |= {
            "entity_precision": entities.precision,
            "entity_recall": entities.recall,
            "entity_f1": entities.f1,
        }
    return values
