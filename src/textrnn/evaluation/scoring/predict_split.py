"""One pass of a saved model over a split: its loss, and its predictions with their probabilities."""

from __future__ import annotations

import numpy as np
import torch

from textrnn.common.config.types import Split
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.errors import UserError
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.scoring.model_parts import PartScorer
from textrnn.modeling.devices.precision import make_deterministic
from textrnn.modeling.models.decoding import class_probabilities, decode_classes
from textrnn.modeling.models.model_directory import SavedModel
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import batches, evaluation_size
from textrnn.training.batching.loading import check_id_ranges, load_buckets


@torch.no_grad()
def predict_split(
    saved: SavedModel, padded: PaddedRows, split: Split, parts: PartScorer | None = None
) -> tuple[Predictions, float]:
    """Run the model on a split of padded shards; return its predictions and its mean loss per row or token.

    Batches have rows of one width. A CRF predicts its best tag sequence among those that are valid in its tag scheme.
    parts: scores the parts of a model with a wide part in the same pass.
    Raises UserError when the shards were padded for another model, or hold a token or label unknown to the model.
    """
    _check_padding(saved, padded)
    device = next(saved.network.parameters()).device
    make_deterministic(device)
    buckets = load_buckets(padded, split, device)
    check_id_ranges(buckets, saved.config.tokens, saved.config.classes, padded.folder)
    running_metrics = RunningMetrics.for_network(saved.network, None)
    columns = [
        _predict_batch(saved, batch, running_metrics, parts) for batch in batches(buckets, evaluation_size(device))
    ]
    row_numbers, counts, gold, predicted, probabilities = map(np.concatenate, zip(*columns, strict=True))
    # batches come by width: sort rows by their numbers, and the predictions along with them
    order = np.argsort(row_numbers, kind="stable")
    by_row = np.argsort(np.repeat(row_numbers, counts), kind="stable")
    predictions = Predictions(
        row_numbers=row_numbers[order],
        offsets=np.concatenate(([0], np.cumsum(counts[order]))),
        gold=gold[by_row],
        predicted=predicted[by_row],
        probabilities=probabilities[by_row],
    )
    return predictions, running_metrics.compute().loss


def _predict_batch(
    saved: SavedModel, batch: Batch, running_metrics: RunningMetrics, parts: PartScorer | None
) -> tuple[np.ndarray, ...]:
    """Return row numbers (B,), predictions per row (B,), gold and predicted (M,) and probabilities (M, C).

    The batch's loss is added to the metrics.
    """
    logits = saved.network(batch.ids, batch.lengths) if parts is None else parts.logits(batch)
    valid = batch.targets != IGNORED_TAG
    predicted = decode_classes(saved, logits, valid)
    running_metrics.update(logits, batch.targets, predictions=predicted)
    probabilities = class_probabilities(saved.network, logits, batch.targets)
    counts = valid.sum(1) if valid.ndim == 2 else valid.long()
    columns = (batch.row_numbers, counts, batch.targets[valid], predicted[valid], probabilities[valid])
    return tuple(column.cpu().numpy() for column in columns)


def _check_padding(saved: SavedModel, padded: PaddedRows) -> None:
    """Refuse shards that were padded for another model: other widths, another side or another task."""
    facts = (padded.widths, padded.side, padded.task)
    expected = (saved.config.widths, saved.config.pad_side, saved.labels.task)
    if facts != expected:
        raise UserError(
            padded.folder, f"was not padded for this model, which has {expected}", got=facts, do="train again"
        )
