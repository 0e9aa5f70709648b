"""Predictions of a saved model for each row of a split, with their confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from textrnn.common.config.types import Split
from textrnn.common.storage.schemas import IGNORED_TAG, PAD_ID, UNKNOWN_ID
from textrnn.common.storage.shards import ShardReader
from textrnn.evaluation.scoring.evaluate import check_padding
from textrnn.modeling.models.decoding import class_probabilities, decode_classes
from textrnn.modeling.models.model_directory import SavedModel
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import batches
from textrnn.training.batching.loading import check_id_ranges, load_buckets

BATCH_SIZE = 256
EMPTY_ROW = -1  # `rarest_count` of a row without tokens


@dataclass(frozen=True, eq=False)
class Predictions:
    """M predictions for N rows: the class of each row, or the tag of each token that padding kept.

    row_numbers: (N,), increasing; offsets: (N + 1,) where each row's predictions start and end; gold, predicted:
    (M,) class ids; confidence: (M,) probability of the predicted class, with a CRF the marginal probability of the tag;
    rarest_count: (N,) how often train has the row's rarest token that the model read, 0 for an unknown token.
    """

    row_numbers: np.ndarray
    offsets: np.ndarray
    gold: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    rarest_count: np.ndarray


@torch.no_grad()
def predict_split(saved: SavedModel, vocabulary: Vocabulary, padded: ShardReader, split: Split) -> Predictions:
    """Run the model on a split of padded shards, in batches of rows of one width.

    Raises UserError when the shards were padded for another model, or hold a token or label unknown to the model.
    """
    check_padding(saved, padded)
    buckets = load_buckets(padded, split, next(saved.network.parameters()).device)
    check_id_ranges(buckets, saved.config.tokens, saved.config.classes, padded.folder)
    reserved = np.empty(2, dtype=np.int64)
    reserved[PAD_ID], reserved[UNKNOWN_ID] = np.iinfo(np.int64).max, 0
    token_counts = np.concatenate((reserved, vocabulary.counts.to_numpy()))
    parts = [_predict_batch(saved, batch, token_counts) for batch in batches(buckets, BATCH_SIZE)]
    row_numbers, sizes, gold, predicted, confidence, rarest_count = (
        np.concatenate(columns) for columns in zip(*parts, strict=True)
    )
    # batches come by width: sort rows by their numbers, and the predictions along with them
    order = np.argsort(row_numbers, kind="stable")
    by_row = np.argsort(np.repeat(row_numbers, sizes), kind="stable")
    return Predictions(
        row_numbers=row_numbers[order],
        offsets=np.concatenate(([0], np.cumsum(sizes[order]))),
        gold=gold[by_row],
        predicted=predicted[by_row],
        confidence=confidence[by_row],
        rarest_count=rarest_count[order],
    )


def _predict_batch(saved: SavedModel, batch: Batch, token_counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return row numbers (B,), predictions per row (B,), gold, predicted and confidence (M,), rarest counts (B,)."""
    logits, valid = saved.network(batch.ids, batch.lengths), batch.targets != IGNORED_TAG
    predicted = decode_classes(saved, logits, valid)
    confidence = class_probabilities(saved.network, logits, batch.targets).gather(-1, predicted[..., None])[..., 0]
    sizes = valid.sum(1) if valid.ndim == 2 else valid.long()
    rarest_count = token_counts[batch.ids.cpu().numpy()].min(axis=1)
    rarest_count[batch.lengths.cpu().numpy() == 0] = EMPTY_ROW
    columns = (batch.row_numbers, sizes, batch.targets[valid], predicted[valid], confidence[valid])
    return (*(column.cpu().numpy() for column in columns), rarest_count)
