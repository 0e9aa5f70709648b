"""Words and pairs of a lexicon as numbers, and the vectors that the rows of their tables start from.

A word of n tokens is a number: its ids as digits of base V, the size of the vocabulary.
Shapes: N words, K rows, E width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

PAIR = 2  # tokens


@dataclass(frozen=True, eq=False)
class PretrainedRows:
    """Rows (K,) int64 of a table, and the vectors (K, E) float32 that they start from."""

    rows: Tensor
    vectors: Tensor

    @property
    def width(self) -> int:
        return self.vectors.shape[1]

    def fill(self, weight: nn.Parameter) -> None:
        """Set the rows of a table (V, E)."""
        weight[self.rows] = self.vectors.to(weight)


def word_keys(ids: pa.ChunkedArray, tokens: int) -> Tensor:
    """The numbers of words, of which none is empty, given as lists of ids below `tokens`; int64 (N,)."""
    lists = ids.combine_chunks()
    lengths, offsets = (torch.tensor(each.to_numpy()) for each in (lists.value_lengths(), lists.offsets))
    values, starts = torch.tensor(lists.values.to_numpy()), offsets[:-1]
    keys = torch.zeros(len(starts), dtype=torch.int64)
    for place in range(int(lengths.max()) if len(lengths) else 0):
        longer = (lengths > place).nonzero().squeeze(1)
        keys[longer] = keys[longer] * tokens + values[starts[longer] + place]
    return keys


def split_vectors(vectors: pa.ChunkedArray) -> tuple[Tensor, Tensor | None]:
    """Where lists of numbers are not null, (N,) bool, and these as a matrix (K, E) float32; None where all are null."""
    there = torch.tensor(np.asarray(vectors.is_valid()))
    if not there.any():
        return there, None
    values = vectors.drop_null().combine_chunks().flatten().to_numpy()
    return there, torch.tensor(values.reshape(int(there.sum()), -1))
