"""Turn a lexicon's words into keys and its vectors into the start values of embedding rows.

The key of a word of n tokens is one number: its ids as digits of base V, the size of the vocabulary. No word of a
lexicon holds a reserved id, so the key determines the word's length. Shapes: N words, K rows, E width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

BIGRAM_LENGTH = 2  # tokens


@dataclass(frozen=True, eq=False)
class PretrainedRows:
    """Rows (K,) int64 of an embedding table, and the vectors (K, E) float32 that they start from."""

    rows: Tensor
    vectors: Tensor

    @property
    def width(self) -> int:
        """E, the length of a vector."""
        return self.vectors.shape[1]

    def fill(self, weight: nn.Parameter) -> None:
        """Copy the vectors into a table (V, E); call it without gradients."""
        weight[self.rows] = self.vectors.to(weight)


def word_keys(ids: pa.ChunkedArray, vocabulary_size: int) -> Tensor:
    """The keys (N,) int64 of words, given as non-empty lists of ids below `vocabulary_size`."""
    lists = ids.combine_chunks()
    lengths, offsets = (torch.tensor(values.to_numpy()) for values in (lists.value_lengths(), lists.offsets))
    values, starts = torch.tensor(lists.values.to_numpy()), offsets[:-1]
    keys = torch.zeros(len(starts), dtype=torch.int64)
    for position in range(int(lengths.max()) if len(lengths) else 0):
        longer = (lengths > position).nonzero().squeeze(1)
        keys[longer] = keys[longer] * vocabulary_size + values[starts[longer] + position]
    return keys


def split_vectors(vectors: pa.ChunkedArray) -> tuple[Tensor, Tensor | None]:
    """Which lists of numbers are not null, (N,) bool, and those as a matrix (K, E) float32; None if all are null."""
    valid = torch.tensor(np.asarray(vectors.is_valid()))
    if not valid.any():
        return valid, None
    values = vectors.drop_null().combine_chunks().flatten().to_numpy()
    return valid, torch.tensor(values.reshape(int(valid.sum()), -1))
