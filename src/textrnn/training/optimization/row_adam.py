"""Adam over the rows that a batch reads, for tables too large to be moved as a whole in every step.

Shapes: V rows of a table, E its width, N rows as they were read, one row possibly several times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from textrnn.training.distributed.process_group import ProcessGroup


def sum_rows(tables: Sequence[nn.Parameter], group: ProcessGroup) -> None:
    """Make of each table's gradient one row for each that was read: the sum over all reads, in all processes.

    Nothing waits for the device where there is one process: there are as many rows as reads, and those that are over
    stand for row 0, which is padding's and whose gradient is zero. Every process gets the same to the bit.
    """
    for table in tables:
        rows, values = _read(table)
        if group.count > 1:
            rows, values = _gathered(rows, values, group)
        table.grad = _sparse(table, *_distinct(rows, values))


def _read(table: nn.Parameter) -> tuple[Tensor, Tensor]:
    """The rows (N,) of a gradient and their values (N, E); none where a process had no part of the batch."""
    if table.grad is None:
        return torch.zeros(0, dtype=torch.int64, device=table.device), table.new_zeros(0, table.shape[1])
    return table.grad._indices()[0], table.grad._values()  # of an uncoalesced tensor there is no other access


def _gathered(rows: Tensor, values: Tensor, group: ProcessGroup) -> tuple[Tensor, Tensor]:
    """Those of all processes, one after the other."""
    counts = group.gather(torch.tensor(len(rows)))  # (P,)
    most = int(counts.max())
    padded = group.gather(nn.functional.pad(rows, (0, most - len(rows))))  # (P, most)
    all_values = group.gather(nn.functional.pad(values, (0, 0, 0, most - len(values))))
    real = torch.arange(most) < counts[:, None]
    return padded[real].to(rows.device), all_values[real].to(rows.device)


def _distinct(rows: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct rows and the sums of their values, filled up to (N,) and (N, E) with row 0 and zeros."""
    if not len(rows):
        return rows, values
    ordered, order = rows.sort(stable=True)
    new = torch.cat((ordered.new_zeros(1), (ordered[1:] != ordered[:-1]).long()))
    place = new.cumsum(0)  # of each read among the distinct rows
    # the backward of a lookup is just this sum, and gives the same bytes each time on a GPU too
    summed = torch.ops.aten.embedding_dense_backward(values[order], place, len(rows), -1, False)
    return torch.zeros_like(rows).scatter_(0, place, ordered), summed


def _sparse(table: nn.Parameter, rows: Tensor, values: Tensor) -> Tensor:
    return torch.sparse_coo_tensor(rows[None], values, table.shape, check_invariants=False)


class RowAdam(torch.optim.Optimizer):
    """Adam for tables whose gradients are those of `sum_rows`: rows that the batch has not read stay as they are.

    So do their moments, which dense Adam lets fade while it goes on moving the row: as in torch.optim.SparseAdam, but
    with eps where Adam has it (the two are one where every step reads all rows), and written so that a CUDA graph can
    hold it. `weight_decay` is an L2 penalty on the rows that are read. The state has Adam's names: step (), exp_avg
    and exp_avg_sq (V, E).
    """

    _step_supports_amp_scaling = True  # the scaler gives grad_scale and found_inf, and waits for nothing

    def __init__(self, tables: Sequence[nn.Parameter], rate: float | Tensor, weight_decay: float) -> None:
        defaults = {"lr": rate, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": weight_decay}
        super().__init__(list(tables), defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move the rows of each table's gradient."""
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is not None:
                    self._move(table, group)

    def _move(self, table: nn.Parameter, group: dict[str, Any]) -> None:
        state = self._state(table)
        (first_keep, second_keep), skipped = group["betas"], getattr(self, "found_inf", None)
        rows, gradient = _read(table)
        if getattr(self, "grad_scale", None) is not None:
            gradient = gradient / self.grad_scale  # type: ignore[attr-defined]
        old, first, second = (whole[rows] for whole in (table, state["exp_avg"], state["exp_avg_sq"]))
        gradient = gradient.add(old, alpha=group["weight_decay"])
        taken = state["step"] + 1
        first_new = first.lerp(gradient, 1 - first_keep)
        second_new = second.lerp(gradient.square(), 1 - second_keep)
        counted = taken.double()  # 1 - 0.999 in float32 would be off by 1 in 20,000
        spread = second_new.sqrt() / (1 - second_keep**counted).sqrt() + group["eps"]
        moved = old - group["lr"] / (1 - first_keep**counted) * first_new / spread
        if skipped is not None:
            taken = torch.where(skipped > 0, state["step"], taken)
            pairs = ((moved, old), (first_new, first), (second_new, second))
            moved, first_new, second_new = (torch.where(skipped > 0, before, after) for after, before in pairs)
        state["step"].copy_(taken.view(()))
        for whole, made in ((table, moved), (state["exp_avg"], first_new), (state["exp_avg_sq"], second_new)):
            whole.index_copy_(0, rows, made)

    def _state(self, table: nn.Parameter) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[table]
        if not state:
            state["step"] = torch.zeros((), device=table.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(table), torch.zeros_like(table)
        return state
