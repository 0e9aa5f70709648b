"""Rows of token ids as n-grams: what a linear baseline sees of a text, and how the baselines are trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from textrnn.common.storage.hashing import hash_rows
from textrnn.common.storage.schemas import PAD_ID
from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError


@dataclass(frozen=True, eq=False)
class EncodedTexts:
    """Rows of ids, none truncated: ids (M,) int32 end to end, offsets (N + 1,) int64, labels (N,) int64."""

    ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> EncodedTexts:
        """The rows of an index (B,), in its order."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        at = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][rows] - offsets[:-1], lengths)
        return EncodedTexts(self.ids[at], offsets, self.labels[rows])

    def pieces(self, rows: int) -> Iterator[EncodedTexts]:
        """All rows in order, so many at a time."""
        for first in range(0, len(self), rows):
            yield self.take(np.arange(first, min(first + rows, len(self))))


def read_encoded_texts(encoded: ShardReader, split: str) -> EncodedTexts:
    """The split's rows of id shards, for classification; raises UserError when there are none."""
    ids, lengths, labels = [], [], []
    for batch in encoded.batches(split):
        # copied: a batch's pages are given back when the next one is read
        ids.append(np.array(batch["ids"].flatten()))
        lengths.append(np.diff(batch["ids"].offsets.to_numpy()))
        labels.append(np.array(batch["label"], dtype=np.int64))
    if not sum(map(len, labels)):
        raise UserError(encoded.folder, f"the {split} split is empty")
    offsets = np.concatenate(([0], np.cumsum(np.concatenate(lengths), dtype=np.int64)))
    return EncodedTexts(np.concatenate(ids), offsets, np.concatenate(labels))


def ngrams(texts: EncodedTexts, order: int) -> tuple[np.ndarray, np.ndarray]:
    """The n-grams of one order: their 64-bit hashes (G,) uint64 and the row of each (G,) int64, row by row.

    From order 2 on a row begins and ends with one mark, the id of padding, which no token has: a name's first two
    letters are then another trigram than the same two within it. Equal n-grams have equal hashes; a hash is a chain
    of SplitMix64, so that two different n-grams meet in one with a chance of 2^-64.
    """
    ids, offsets = (texts.ids, texts.offsets) if order == 1 else _marked(texts)
    lengths = np.diff(offsets)
    counts = np.maximum(lengths - order + 1, 0)
    rows = np.repeat(np.arange(len(texts)), counts)
    first = np.arange(counts.sum()) + np.repeat(offsets[:-1] - np.concatenate(([0], np.cumsum(counts)))[:-1], counts)
    hashes = np.zeros(len(first), dtype=np.uint64)
    for step in range(order):
        hashes = hash_rows(hashes ^ ids[first + step].astype(np.uint64), order, "ngram")
    return hashes, rows


def _marked(texts: EncodedTexts) -> tuple[np.ndarray, np.ndarray]:
    """The rows with a mark before and behind each: ids (M + 2N,) and offsets (N + 1,)."""
    ends = texts.offsets
    ids = np.insert(texts.ids, np.repeat(ends, 2)[1:-1], PAD_ID)
    return ids, ends + 2 * np.arange(len(ends))
