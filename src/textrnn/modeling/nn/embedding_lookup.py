"""Token ids to embedded tokens: on a CPU each distinct one once, elsewhere each in its place.

Shapes: T steps, B batch, V rows of a table, E its width, U distinct rows, S sets of at most C rows, filled up with 0.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.common.storage.schemas import PAD_ID, UNKNOWN_ID
from textrnn.modeling.nn.dropout import dropout
from textrnn.modeling.nn.layer_input import LayerInput


def drop_words(ids: Tensor, share: float, training: bool) -> Tensor:
    """ids of any shape, each token read as the unknown one with probability `share`; padding stays what it is.

    Source: Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods", section 3.2.
    """
    if not training or share == 0:
        return ids
    return ids.masked_fill((torch.rand(ids.shape, device=ids.device) < share) & (ids != PAD_ID), UNKNOWN_ID)


class SparseTable(nn.Module):
    """A table (V, E) too large to be moved as a whole in every step: its gradient is of the rows that a batch reads.

    Row 0 is of padding, zero, and has a gradient of zero. See RowAdam for how the table learns.
    """

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        # as fastText starts the rows of its n-grams (Bojanowski et al. 2017): small beside what they are joined to
        weight = torch.empty(rows, width).uniform_(-1 / width, 1 / width)
        weight[PAD_ID] = 0
        self.weight = nn.Parameter(weight)

    def forward(self, rows: Tensor) -> Tensor:
        """The rows of an index of any shape (...), (..., E)."""
        found = F.embedding(rows, self.weight, sparse=True)
        return found * (rows != PAD_ID).unsqueeze(-1)


def embed_distinct(table: nn.Embedding | SparseTable, ids: Tensor, share: float, training: bool) -> LayerInput:
    """Rows of the table for ids (T, B), each distinct one once, its values dropped with probability `share`.

    Of sets of rows (S, C, T, B) the means, S * E wide, zero where a set is empty.
    """
    if ids.dim() > 2:
        return _mean_distinct(table, ids, share, training)
    if isinstance(table, SparseTable):
        used, index = torch.unique(ids, return_inverse=True)  # few of very many rows
        found = table(used)
    else:
        used, index = distinct_ids(ids, table.num_embeddings)
        found = DistinctRows.apply(table.weight, used)
    return LayerInput(dropout(found, share, training), index, (ids.shape[0], ids.shape[1]))


def _mean_distinct(table: nn.Module, sets: Tensor, share: float, training: bool) -> LayerInput:
    """The means of sets (S, C, T, B), of those alone that are not empty; each of S is a part of the steps."""
    real, counts = sets != PAD_ID, (sets != PAD_ID).sum(1)  # (S, T, B)
    filled = counts > 0
    used, rows = torch.unique(sets[real], return_inverse=True)
    found = dropout(table(used), share, training).index_select(0, rows)
    number = filled.flatten().cumsum(0).sub_(1).view_as(counts)
    counts = counts[filled]
    # not embedding_bag, whose backward is many times slower here
    sums = found.new_zeros(len(counts), found.shape[1]).index_add(0, number[:, None].expand_as(sets)[real], found)
    means = (sums / counts[:, None]).split(filled.sum((1, 2)).tolist())
    joined = None
    for own, each in reversed(list(zip(filled, means, strict=True))):
        index = own.flatten().cumsum(0).view_as(own) * own
        joined = LayerInput(F.pad(each, (0, 0, 1, 0)), index, (own.shape[0], own.shape[1]), joined, blank=True)
    assert joined is not None
    return joined


def embed_each_position(table: nn.Embedding | SparseTable, ids: Tensor, share: float, training: bool) -> Tensor:
    """Rows of the table for ids (T, B), (T, B, E); what is dropped of a row is so wherever the row is read.

    Of sets of rows (S, C, T, B) the means, (T, B, S * E), zero where a set is empty. The mask is of the
    whole table: how many rows are distinct is known only after waiting for the device.
    """
    found: Tensor = table(ids)
    if training and share > 0:
        found = found * dropout(torch.ones_like(table.weight), share, training)[ids]
    if ids.dim() > 2:
        means = found.sum(1) / (ids != PAD_ID).sum(1).clamp(min=1).unsqueeze(-1)  # (S, T, B, E)
        found = means.permute(1, 2, 0, 3).flatten(2)
    return found


def distinct_ids(ids: Tensor, tokens: int) -> tuple[Tensor, Tensor]:
    """The token ids that occur, rising (U,), and for each of `ids` its place among them; ids are below `tokens`.

    torch.unique would sort them.
    """
    ids = ids.long()
    occurs = torch.zeros(tokens, dtype=torch.bool)
    occurs[ids.flatten()] = True
    return occurs.nonzero().squeeze(1), occurs.cumsum(0).sub_(1)[ids]


class DistinctRows(torch.autograd.Function):
    """Distinct rows (U, E) of an embedding (V, E); as in nn.Embedding, the row of padding has no gradient."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, used: Tensor) -> Tensor:
        ctx.save_for_backward(used)
        ctx.tokens = len(weight)
        return weight.index_select(0, used)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (used,) = ctx.saved_tensors
        (gradient,) = gradients
        whole = gradient.new_zeros(ctx.tokens, gradient.shape[1]).index_copy_(0, used, gradient)
        whole[PAD_ID] = 0
        return whole, None
