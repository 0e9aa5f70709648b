"""Encoded texts and their n-grams, the features of the linear baselines for classification."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.hashing import hash_rows
from textrnn.common.storage.schemas import PAD_ID
from textrnn.errors import UserError


@dataclass(frozen=True, eq=False)
class EncodedTexts:
    """N texts of token ids, not truncated: concatenated ids (M,) int32, offsets (N + 1,) int64, labels (N,) int64."""

    ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> EncodedTexts:
        """Return the texts at the indices (B,), in their order."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        positions = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][rows] - offsets[:-1], lengths)
        return EncodedTexts(self.ids[positions], offsets, self.labels[rows])

    def chunks(self, rows: int) -> Iterator[EncodedTexts]:
        """Yield all texts in order, at most `rows` at a time."""
        for first in range(0, len(self), rows):
            yield self.take(np.arange(first, min(first + rows, len(self))))


def read_encoded_texts(encoded: EncodedRows, split: str) -> EncodedTexts:
    """Read a split of id shards for classification; raise UserError when it is empty."""
    ids, lengths, labels = [], [], []
    for batch in encoded.batches(split):
        # copied: the memory of a batch is released when the next one is read
        ids.append(np.array(batch["ids"].flatten()))
        lengths.append(np.diff(batch["ids"].offsets.to_numpy()))
        labels.append(np.array(batch["label"], dtype=np.int64))
    if not sum(map(len, labels)):
        raise UserError(encoded.folder, f"the {split} split is empty")
    offsets = np.concatenate(([0], np.cumsum(np.concatenate(lengths), dtype=np.int64)))
    return EncodedTexts(np.concatenate(ids), offsets, np.concatenate(labels))


def ngrams(texts: EncodedTexts, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the n-grams of one order: their 64-bit hashes (G,) uint64 and their rows (G,) int64, row by row.

    From order 2 on, each row has a boundary mark at both ends. The mark is the padding id, which no token has, so that
    the first two letters of a name make another trigram than the same letters within it. Equal n-grams have equal
    hashes. A hash is a chain of SplitMix64: two different n-grams collide with a probability of 2^-64.
    """
    ids, offsets = (texts.ids, texts.offsets) if order == 1 else _add_boundaries(texts)
    lengths = np.diff(offsets)
    counts = np.maximum(lengths - order + 1, 0)
    rows = np.repeat(np.arange(len(texts)), counts)
    first = np.arange(counts.sum()) + np.repeat(offsets[:-1] - np.concatenate(([0], np.cumsum(counts)))[:-1], counts)
    hashes = np.zeros(len(first), dtype=np.uint64)
    for step in range(order):
        hashes = hash_rows(hashes ^ ids[first + step].astype(np.uint64), order, "ngram")
    return hashes, rows


def _add_boundaries(texts: EncodedTexts) -> tuple[np.ndarray, np.ndarray]:
    """Put a boundary mark before and after each row: ids (M + 2N,) and offsets (N + 1,)."""
    offsets = texts.offsets
    ids = np.insert(texts.ids, np.repeat(offsets, 2)[1:-1], PAD_ID)
    return ids, offsets + 2 * np.arange(len(offsets))
