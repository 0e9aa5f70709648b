"""Adam over the rows that a batch reads, for embedding tables too large to be updated as a whole in every step.

Shapes: V rows of a table, E its width, N rows as they were read, the same row possibly several times; P processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from textrnn.modeling.nn.embedding_lookup import sum_ordered
from textrnn.training.distributed.process_group import ProcessGroup


def sum_rows(tables: Sequence[nn.Parameter], group: ProcessGroup) -> None:
    """Coalesce each table's sparse gradient: one row for each row read, the sum over all its reads in all processes.

    Nothing waits for the device: there are as many gradient rows as reads, and the surplus ones are zeros for row 0,
    which is padding's. The result is bitwise the same in every process.
    """
    for table in tables:
        rows, values = _gradient_rows(table)
        if group.world_size > 1:
            rows, values = group.gather_rows(rows, values)
        table.grad = _sparse_gradient(table, *_sum_duplicates(rows, values))


def _gradient_rows(table: nn.Parameter) -> tuple[Tensor, Tensor]:
    """The rows (N,) of a gradient and their values (N, E); none if this process had no part of the batch."""
    if table.grad is None:
        return torch.zeros(0, dtype=torch.int64, device=table.device), table.new_zeros(0, table.shape[1])
    return table.grad._indices()[0], table.grad._values()  # the only access to an uncoalesced tensor


def _sum_duplicates(rows: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct rows and the sums of their values, filled up to (N,) and (N, E) with row 0 and zeros."""
    if not len(rows):
        return rows, values
    ordered, order = rows.sort(stable=True)
    starts = torch.cat((ordered.new_zeros(1), (ordered[1:] != ordered[:-1]).long()))
    group_of = starts.cumsum(0)  # the index of each read among the distinct rows
    return torch.zeros_like(rows).scatter_(0, group_of, ordered), sum_ordered(values[order], group_of, len(rows))


def _sparse_gradient(table: nn.Parameter, rows: Tensor, values: Tensor) -> Tensor:
    return torch.sparse_coo_tensor(rows[None], values, table.shape, check_invariants=False)


class RowAdam(torch.optim.Optimizer):
    """Adam for tables whose gradients come from `sum_rows`: rows that the batch did not read stay unchanged.

    Their moments stay unchanged too; dense Adam would let the moments decay and keep moving the row. This is
    torch.optim.SparseAdam, with two differences: eps is where Adam has it (the two are the same if every step reads all
    rows), and a CUDA graph can capture it. `weight_decay` is an L2 penalty on the rows that are read. The state has
    Adam's names: step (), exp_avg and exp_avg_sq (V, E).
    """

    _step_supports_amp_scaling = True  # GradScaler passes grad_scale and found_inf, and waits for nothing

    def __init__(self, tables: Sequence[nn.Parameter], learning_rate: float | Tensor, weight_decay: float) -> None:
        defaults = {"lr": learning_rate, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": weight_decay}
        super().__init__(list(tables), defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update the rows of each table's gradient."""
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is not None:
                    self._update_table(table, group)

    def _update_table(self, table: nn.Parameter, group: dict[str, Any]) -> None:
        state = self._state_of(table)
        (beta1, beta2), found_inf = group["betas"], getattr(self, "found_inf", None)
        rows, gradient = _gradient_rows(table)
        if getattr(self, "grad_scale", None) is not None:
            gradient = gradient / self.grad_scale  # type: ignore[attr-defined]
        weight, mean, square = (tensor[rows] for tensor in (table, state["exp_avg"], state["exp_avg_sq"]))
        gradient = gradient.add(weight, alpha=group["weight_decay"])
        step = state["step"] + 1
        new_mean = mean.lerp(gradient, 1 - beta1)
        new_square = square.lerp(gradient.square(), 1 - beta2)
        exact_step = step.double()  # 1 - 0.999 in float32 would be off by 1 in 20,000
        denominator = new_square.sqrt() / (1 - beta2**exact_step).sqrt() + group["eps"]
        new_weight = weight - group["lr"] / (1 - beta1**exact_step) * new_mean / denominator
        if found_inf is not None:  # skip the step after an overflow, without waiting for the device
            step = torch.where(found_inf > 0, state["step"], step)
            pairs = ((new_weight, weight), (new_mean, mean), (new_square, square))
            new_weight, new_mean, new_square = (torch.where(found_inf > 0, old, new) for new, old in pairs)
        state["step"].copy_(step.view(()))
        for tensor, new in ((table, new_weight), (state["exp_avg"], new_mean), (state["exp_avg_sq"], new_square)):
            tensor.index_copy_(0, rows, new)

    def _state_of(self, table: nn.Parameter) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[table]
        if not state:
            state["step"] = torch.zeros((), device=table.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(table), torch.zeros_like(table)
        return state
