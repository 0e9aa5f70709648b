"""Test figures of a saved model: loss, classes, and for tagging exact entity spans."""

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
from textrnn.modeling.models.loss import RunningLoss
from textrnn.modeling.models.model_directory import SavedModel
from textrnn.modeling.nn.precision import make_deterministic
from textrnn.preparation.artifacts.tag_schemes import Span
from textrnn.training.batching.batches import batches
from textrnn.training.batching.buckets import AnyBucket, Bucket
from textrnn.training.batching.loading import check_id_ranges, load_buckets, load_spans

BATCH_SIZE = 256


@dataclass(frozen=True, eq=False)
class TestScores:
    """Scores over a split: mean loss of a row or token, no class weighed; classes or tokens; entities if tagging."""

    __test__ = False  # not a test case of pytest's

    loss: float
    classes: ClassScores
    entities: SpanScores | None


def evaluate(saved: SavedModel, padded: ShardReader, split: Split) -> TestScores:
    """Score the model on a split of padded shards.

    For tagging, tokens are those that padding kept, and gold spans are the whole row's, so that an entity that
    truncation cut off counts as missed. A CRF's tags are its best row without moves that tags of its scheme never make.
    Raises UserError when the shards were padded for another model.
    """
    check_padding(saved, padded)
    device = next(saved.network.parameters()).device
    make_deterministic(device)
    buckets = load_buckets(padded, split, device)
    check_id_ranges(buckets, saved.config.tokens, saved.config.classes, padded.folder)
    tally = RunningLoss.of(saved.network, None)
    gold, predicted = [], []
    found: dict[int, set[Span]] = {}
    for batch, guess in _predictions(saved, buckets, tally):
        valid = batch.targets != IGNORED_TAG
        gold.append(batch.targets[valid].cpu().numpy())
        predicted.append(guess[valid].cpu().numpy())
        if saved.labels.task == "tag":
            found.update(_batch_spans(saved, batch, guess))
    classes = score_classes(np.concatenate(gold), np.concatenate(predicted), saved.labels.names)
    entities = None
    if saved.labels.task == "tag":
        whole = load_spans(padded, split, saved.labels.types)
        entities = score_spans(whole.values(), [found[row] for row in whole])
    return TestScores(tally.score().loss, classes, entities)


@torch.no_grad()
def _predictions(
    saved: SavedModel, buckets: Sequence[AnyBucket], tally: RunningLoss
) -> Iterator[tuple[Bucket, torch.Tensor]]:
    for batch in batches(buckets, BATCH_SIZE):
        logits = saved.network(batch.ids, batch.lengths)
        guess = decode_classes(saved, logits, batch.targets != IGNORED_TAG)
        tally.loss(logits, batch.targets, guess=guess)
        yield batch, guess


def _batch_spans(saved: SavedModel, batch: Bucket, guess: torch.Tensor) -> dict[int, set[Span]]:
    found = {}
    for row, gold, tags in zip(batch.row.tolist(), batch.targets.tolist(), guess.tolist(), strict=True):
        kept = [tag for tag, target in zip(tags, gold, strict=True) if target != IGNORED_TAG]
        found[row] = set(entity_spans(saved.labels, kept))
    return found


def check_padding(saved: SavedModel, padded: ShardReader) -> None:
    """Refuse shards that were padded for another model: other widths, another side, another task."""
    facts = (tuple(padded.facts["widths"]), padded.facts["side"], padded.facts["task"])
    expected = (saved.config.widths, saved.config.pad_side, saved.labels.task)
    if facts != expected:
        raise UserError(
            padded.folder, f"was not padded for this model, which has {expected}", got=facts, do="train again"
        )


def metrics(scores: TestScores) -> dict[str, float]:
    """The scores that two runs are compared by, as plain values; UserError when the loss is no number."""
    if not math.isfinite(scores.loss):
        raise UserError("test loss", "is no number", got=scores.loss, do="train again with a smaller learning_rate")
    values = {"loss": scores.loss, "accuracy": scores.classes.accuracy, "macro_f1": scores.classes.macro_f1}
    if scores.entities is not None:
        entities = scores.entities
        values |= {
            "entity_precision": entities.precision,
            "entity_recall": entities.recall,
            "entity_f1": entities.f1,
        }
    return values
