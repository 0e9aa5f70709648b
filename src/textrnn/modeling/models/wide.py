"""The wide part of a model: the scores of a linear model on n-grams, which are added to the network's own logits.

The n-grams of each order are found by their keys, as in `textrnn.preparation.artifacts.linear_model`.
Shapes: B batch, T steps, C classes, F n-grams, P = T + 2 positions at which an n-gram may start, marks included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.common.config.types import Side
from textrnn.preparation.artifacts.linear_model import LinearModel


class WidePart(nn.Module):
    """The linear scores of a row, and the scales of the sum: `scales[0] * network + scales[1] * wide`.

    The scores are those of `LinearModel.scores` for the tokens of each row, in float32. Everything is a buffer: the
    weights were fitted by the stage `baseline`, and no step of training changes them.
    counts: the number of known n-grams of each order from 1 on; F is their sum.
    """

    keys: Tensor
    weights: Tensor
    squares: Tensor
    bias: Tensor
    scales: Tensor

    def __init__(self, counts: Sequence[int], classes: int, vocabulary_size: int, pad_side: Side) -> None:
        super().__init__()
        self.counts, self.vocabulary_size, self.pad_side = tuple(counts), vocabulary_size, pad_side
        ngrams = sum(self.counts)
        self.register_buffer("keys", torch.zeros(ngrams, dtype=torch.int64))  # those of order 1, sorted, and so on
        self.register_buffer("weights", torch.zeros(ngrams, classes))
        self.register_buffer("squares", torch.zeros(ngrams, 1))
        self.register_buffer("bias", torch.zeros(classes))
        self.register_buffer("scales", torch.ones(2))

    @classmethod
    def from_linear(cls, linear: LinearModel, pad_side: Side) -> WidePart:
        """The wide part with the n-grams and weights of a linear model, and scales of 1."""
        wide = cls([len(keys) for keys in linear.keys], len(linear.bias), linear.vocabulary_size, pad_side)
        wide.keys.copy_(torch.cat([torch.from_numpy(keys) for keys in linear.keys]))
        wide.weights.copy_(torch.from_numpy(linear.weights))
        wide.squares.copy_(torch.from_numpy(linear.squares)[:, None])
        wide.bias.copy_(torch.from_numpy(linear.bias))
        return wide

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """The linear scores (B, C) of ids (B, T) and lengths (B,)."""
        sums = self.weights.new_zeros(len(ids), self.weights.shape[1])
        squares = self.weights.new_zeros(len(ids), 1)
        for first, count, keys, valid in self._ngrams(ids, lengths):
            known = self.keys[first : first + count]
            rows, present = find_distinct(known, keys, valid)
            present = present.to(self.weights.dtype)
            rows += first
            sums += F.embedding_bag(rows, self.weights, mode="sum", per_sample_weights=present)
            squares += F.embedding_bag(rows, self.squares, mode="sum", per_sample_weights=present)
        return self.bias + sums / torch.where(squares > 0, squares, 1).sqrt()

    def add(self, logits: Tensor, scores: Tensor) -> Tensor:
        """The weighted sum of the network's own logits and the linear scores, both (B, C)."""
        return self.scales[0] * logits + self.scales[1] * scores

    def _ngrams(self, ids: Tensor, lengths: Tensor) -> Iterator[tuple[int, int, Tensor, Tensor]]:
        """For each order: its first row in the weights, its number of rows, and the keys and mask (B, P) of a batch.

        From order 2 on, a row has a boundary mark at both ends, which is the padding id. The mask is true where an
        n-gram begins that lies within the row and its marks.
        """
        steps = ids.shape[1] + 2
        marked = F.pad(ids.long(), (1, len(self.counts)))  # at the end more than a mark, so that each order has P keys
        position = torch.arange(steps, device=ids.device)
        if self.pad_side == "left":
            position = position - (ids.shape[1] - lengths)[:, None]
        first, keys = 0, torch.zeros_like(marked[:, :steps])
        for order, count in enumerate(self.counts, start=1):
            keys = keys * self.vocabulary_size + marked[:, order - 1 :][:, :steps]
            begin, last = (1, lengths) if order == 1 else (0, lengths + 2 - order)
            if count:
                yield first, count, keys, (position >= begin) & (position <= last[:, None])
            first += count


def find_distinct(known: Tensor, keys: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """The places (B, P) of the distinct known keys of each row, ascending, and a mask (B, P) of these places.

    known: (F,), sorted, F >= 1. keys: (B, P), which count where `valid` is true. Places that the mask leaves out have
    no meaning, but are below F.
    """
    places = torch.searchsorted(known, keys.contiguous())
    found = (known[places.clamp(max=len(known) - 1)] == keys) & valid
    places = places.masked_fill_(~found, len(known)).sort(dim=1).values
    distinct = places < len(known)
    distinct[:, 1:] &= places[:, 1:] != places[:, :-1]
    return places.masked_fill_(~distinct, 0), distinct
