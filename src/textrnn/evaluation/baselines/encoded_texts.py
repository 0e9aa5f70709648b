"""Encoded texts, what the baselines for classification are fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textrnn.common.storage.encoded_rows import EncodedRows
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


def check_known(where: Path, ids: np.ndarray, targets: np.ndarray, vocabulary_size: int, classes: int) -> None:
    """Raise UserError, naming the folder, for rows of another vocabulary or other labels."""
    for what, values, known in (("token id", ids, vocabulary_size), ("label", targets, classes)):
        largest = int(values.max(initial=0))
        if largest >= known:
            do = "run the stages that write them again"
            raise UserError(where, f"has a {what} outside the encoding's range (0..{known - 1})", got=largest, do=do)


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
