"""What a saved model says of each row of a split, and how sure it is."""

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
from textrnn.training.batching.batches import batches
from textrnn.training.batching.buckets import Bucket
from textrnn.training.batching.loading import check_id_ranges, load_buckets

BATCH_SIZE = 256
EMPTY_ROW = -1  # the count of the rarest token of a row that has none


@dataclass(frozen=True, eq=False)
class Predictions:
    """Of N rows the M things predicted, row by row: a row's class, or the tag of each token that padding kept.

    row (N,) rising row numbers; offsets (N + 1,) of each row's things; gold and guess (M,) ids; confidence (M,) the
    probability of the guess, with a CRF the marginal one of that tag; rarest (N,) how often train has the rarest token
    read, 0 for an unknown one.
    """

    row: np.ndarray
    offsets: np.ndarray
    gold: np.ndarray
    guess: np.ndarray
    confidence: np.ndarray
    rarest: np.ndarray


@torch.no_grad()
def predict_split(saved: SavedModel, vocabulary: Vocabulary, padded: ShardReader, split: Split) -> Predictions:
    """Run the model over a split of padded shards, in batches of rows of one width.

    Raises UserError when the shards were padded for another model, or have a token or a label that it has not.
    """
    check_padding(saved, padded)
    buckets = load_buckets(padded, split, next(saved.network.parameters()).device)
    check_id_ranges(buckets, saved.config.tokens, saved.config.classes, padded.folder)
    reserved = np.empty(2, dtype=np.int64)
    reserved[PAD_ID], reserved[UNKNOWN_ID] = np.iinfo(np.int64).max, 0
    counts = np.concatenate((reserved, vocabulary.counts.to_numpy()))
    parts = [_of_batch(saved, batch, counts) for batch in batches(buckets, BATCH_SIZE)]
    row, things, gold, guess, confidence, rarest = (np.concatenate(part) for part in zip(*parts, strict=True))
    # rows came by width: into the order of their numbers, and each row's things with it
    order = np.argsort(row, kind="stable")
    by_row = np.argsort(np.repeat(row, things), kind="stable")
    offsets = np.concatenate(([0], np.cumsum(things[order])))
    return Predictions(row[order], offsets, gold[by_row], guess[by_row], confidence[by_row], rarest[order])


def _of_batch(saved: SavedModel, batch: Bucket, counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of a batch: row numbers, things of each row, and of all things gold, guess and confidence; rarest of each row."""
    logits, valid = saved.network(batch.ids, batch.lengths), batch.targets != IGNORED_TAG
    guess = decode_classes(saved, logits, valid)
    confidence = class_probabilities(saved.network, logits, batch.targets).gather(-1, guess[..., None])[..., 0]
    things = valid.sum(1) if valid.ndim == 2 else valid.long()
    rarest = counts[batch.ids.cpu().numpy()].min(axis=1)
    rarest[batch.lengths.cpu().numpy() == 0] = EMPTY_ROW
    columns = (batch.row, things, batch.targets[valid], guess[valid], confidence[valid])
    return (*(column.cpu().numpy() for column in columns), rarest)
