"""A batch: the rows that one step of training or prediction reads.

Shapes: B rows, T their width, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one width: row numbers (B,), ids (B, T), lengths (B,) and targets, (B,) classes or (B, T) tags.

    Lengths and targets are int64, as an index and a loss must be.
    soft_targets: the teachers' probabilities of each class, if there are teachers; shape of targets + (C,), float32.
    """

    row_numbers: Tensor
    ids: Tensor
    lengths: Tensor
    targets: Tensor
    soft_targets: Tensor | None = None

    @property
    def width(self) -> int:
        """The tokens of a row, padding included."""
        return self.ids.shape[1]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What a training step reads: ids, lengths, targets, and soft targets if there are any."""
        columns = (self.ids, self.lengths, self.targets)
        return columns if self.soft_targets is None else (*columns, self.soft_targets)

    def map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        """A batch of what the function returns for each column."""
        return Batch(
            row_numbers=function(self.row_numbers),
            ids=function(self.ids),
            lengths=function(self.lengths),
            targets=function(self.targets),
            soft_targets=None if self.soft_targets is None else function(self.soft_targets),
        )

    def part(self, rows: slice) -> Batch:
        """These rows of the batch."""
        return self.map(lambda column: column[rows])

    def to(self, device: torch.device, *, non_blocking: bool = False) -> Batch:
        """The batch on another device, as torch.Tensor.to."""
        return self.map(lambda column: column.to(device, non_blocking=non_blocking))

    def gather(self) -> Batch:
        """The batch itself, as RowSelection.gather."""
        return self

    def __len__(self) -> int:
        return len(self.row_numbers)
