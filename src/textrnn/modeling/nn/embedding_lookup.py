"""Look up the embeddings of token ids: each distinct id once on a CPU, one row per position on other devices.

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


def drop_words(ids: Tensor, probability: float, training: bool) -> Tensor:
    """Replace each token of ids (any shape) by the unknown token with the given probability; padding is unchanged.

    Source: Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods", section 3.2.
    """
    if not training or probability == 0:
        return ids
    return ids.masked_fill((torch.rand(ids.shape, device=ids.device) < probability) & (ids != PAD_ID), UNKNOWN_ID)


class TokenEmbedding(nn.Embedding):
    """nn.Embedding with a gradient that is the same to the byte in every run, on a GPU too; see `sum_reads`."""

    def forward(self, ids: Tensor) -> Tensor:
        """Look up ids (any shape): (..., E)."""
        if not torch.is_grad_enabled():
            return F.embedding(ids, self.weight)
        embedded: Tensor = Rows.apply(self.weight, ids)
        return embedded


class SparseTable(nn.Module):
    """An embedding table (V, E) that is too large to update as a whole: its gradient holds the rows of the batch only.

    Row 0 is padding: it is zero and its gradient is zero. RowAdam updates such tables.
    """

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        # fastText initializes its n-grams so (Bojanowski et al. 2017): small, compared with what they are joined to.
        weight = torch.empty(rows, width).uniform_(-1 / width, 1 / width)
        weight[PAD_ID] = 0
        self.weight = nn.Parameter(weight)

    def forward(self, rows: Tensor) -> Tensor:
        """Look up rows (any shape): (..., E)."""
        embedded = F.embedding(rows, self.weight, sparse=True)
        return embedded * (rows != PAD_ID).unsqueeze(-1)


def embed_distinct(
    table: nn.Embedding | SparseTable,
    ids: Tensor,
    probability: float,
    training: bool,
    weights: Tensor | None = None,
) -> LayerInput:
    """Look up ids (T, B), each distinct one once, and drop values of these rows with the given probability.

    For sets of rows (S, C, T, B) it is the mean of each set, or the sum by the weights if there are any, S * E wide,
    zero where a set is empty.
    """
    if ids.dim() > 2:
        return _sum_distinct(table, ids, probability, training, weights)
    if isinstance(table, SparseTable):
        used, index = torch.unique(ids, return_inverse=True)  # few rows of a very large table
        rows = table(used)
    else:
        used, index = distinct_ids(ids, table.num_embeddings)
        rows = DistinctRows.apply(table.weight, used)
    return LayerInput(dropout(rows, probability, training), index, (ids.shape[0], ids.shape[1]))


def _sum_distinct(
    table: nn.Module, sets: Tensor, probability: float, training: bool, weights: Tensor | None
) -> LayerInput:
    """The mean, or the weighted sum, of each set of sets (S, C, T, B) that is not empty.

    Each of the S kinds is one part of the features.
    """
    valid, counts = sets != PAD_ID, (sets != PAD_ID).sum(1)  # counts: (S, T, B)
    nonempty = counts > 0
    used, index = torch.unique(sets[valid], return_inverse=True)
    rows = dropout(table(used), probability, training).index_select(0, index)
    set_number = nonempty.flatten().cumsum(0).sub_(1).view_as(counts)
    counts = counts[nonempty]
    if weights is not None:
        rows = rows * weights[valid][:, None]
    # index_add, because the backward pass of embedding_bag is many times slower here
    sums = rows.new_zeros(len(counts), rows.shape[1]).index_add(0, set_number[:, None].expand_as(sets)[valid], rows)
    features = (sums if weights is not None else sums / counts[:, None]).split(nonempty.sum((1, 2)).tolist())
    joined = None
    for mask, of_kind in reversed(list(zip(nonempty, features, strict=True))):
        step_index = mask.flatten().cumsum(0).view_as(mask) * mask
        with_zero_row = F.pad(of_kind, (0, 0, 1, 0))
        joined = LayerInput(with_zero_row, step_index, (mask.shape[0], mask.shape[1]), joined, skip_zero_row=True)
    assert joined is not None
    return joined


def embed_each_position(
    table: nn.Embedding | SparseTable,
    ids: Tensor,
    probability: float,
    training: bool,
    weights: Tensor | None = None,
) -> Tensor:
    """Look up ids (T, B) position by position: (T, B, E). A value dropped from a row is dropped wherever it is read.

    For sets of rows (S, C, T, B) it is the mean of each set, or the sum by the weights if there are any, (T, B, S * E),
    zero where a set is empty. The dropout mask covers the whole table, because counting the distinct rows would mean
    waiting for the device.
    """
    embedded: Tensor = table(ids)
    if training and probability > 0:
        embedded = embedded * dropout(torch.ones_like(table.weight), probability, training)[ids]
    if ids.dim() > 2:
        if weights is None:
            features = embedded.sum(1) / (ids != PAD_ID).sum(1).clamp(min=1).unsqueeze(-1)  # (S, T, B, E)
        else:
            features = (embedded * weights.unsqueeze(-1)).sum(1)
        embedded = features.permute(1, 2, 0, 3).flatten(2)
    return embedded


def distinct_ids(ids: Tensor, num_embeddings: int) -> tuple[Tensor, Tensor]:
    """The distinct ids (U,), ascending, and for each of `ids` its index among them; ids are below `num_embeddings`.

    It is faster than torch.unique, which sorts the ids.
    """
    ids = ids.long()
    occurs = torch.zeros(num_embeddings, dtype=torch.bool)
    occurs[ids.flatten()] = True
    return occurs.nonzero().squeeze(1), occurs.cumsum(0).sub_(1)[ids]


def sum_reads(gradient: Tensor, rows: Tensor, count: int) -> Tensor:
    """The sum of the gradients (N, E) of the reads of each of `count` rows; rows (N,): (count, E).

    Reads of row `count` are left out. The sums are in the order of the reads, so that the result is always the same;
    on a GPU nothing waits for the device. There torch's own backward pass of an embedding adds up in any order when
    many reads are of few rows, and has had a race at 1,025 to 3,072 reads (pytorch/pytorch, pull requests 170589 and
    187687).
    """
    ordered, order = rows.sort(stable=True)
    return sum_ordered(gradient[order], ordered, count)


def sum_ordered(gradient: Tensor, rows: Tensor, count: int) -> Tensor:
    """`sum_reads` of reads that are in the order of their rows."""
    starts = torch.searchsorted(rows, torch.arange(count + 1, device=rows.device, dtype=rows.dtype))
    return torch.segment_reduce(gradient, "sum", offsets=starts, axis=0, unsafe=True)


class Rows(torch.autograd.Function):
    """The rows of an embedding (V, E) at ids (any shape): (..., E); the gradient of the padding row is zero."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.num_embeddings = len(weight)
        return F.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (ids,) = ctx.saved_tensors
        (gradient,) = gradients
        # padding, often most of the reads, is not sorted among the others and not summed
        rows = ids.flatten().masked_fill(ids.flatten() == PAD_ID, ctx.num_embeddings)
        return sum_reads(gradient.flatten(0, -2), rows, ctx.num_embeddings), None


class DistinctRows(torch.autograd.Function):
    """Distinct rows (U, E) of an embedding (V, E); as in nn.Embedding, the gradient of the padding row is zero."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, used: Tensor) -> Tensor:
        ctx.save_for_backward(used)
        ctx.num_embeddings = len(weight)
        return weight.index_select(0, used)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (used,) = ctx.saved_tensors
        (gradient,) = gradients
        d_weight = gradient.new_zeros(ctx.num_embeddings, gradient.shape[1]).index_copy_(0, used, gradient)
        d_weight[PAD_ID] = 0
        return d_weight, None
