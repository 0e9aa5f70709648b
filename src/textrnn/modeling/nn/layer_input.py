"""The input of a recurrent layer: dense features, or rows of tables with the row that each step reads.

Shapes: T steps, B batch, F features, U distinct rows, N steps that read a row, S selected steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LayerInput:
    """The input of a layer: dense features (T*B, F), or distinct rows (U, F) and an index of the row of each step.

    index: (T, B), or None if the features are dense. shape: (T, B). joined: further features of the same steps, which
    are concatenated after these. skip_zero_row: row 0 is zero and so common that products with it are left out.
    """

    features: Tensor
    index: Tensor | None
    shape: tuple[int, int]
    joined: LayerInput | None = None
    skip_zero_row: bool = False

    @classmethod
    def from_dense(cls, x: Tensor) -> LayerInput:
        """Wrap dense features (T, B, F)."""
        return cls(x.flatten(0, 1), None, (x.shape[0], x.shape[1]))

    def split(self) -> list[LayerInput]:
        """These features and those joined to them, each on its own."""
        first = replace(self, joined=None)
        return [first] if self.joined is None else [first, *self.joined.split()]

    def row_indices(self) -> tuple[Tensor | None, Tensor | None]:
        """The rows that are read (N,), and which of the T*B steps (N,) read them.

        The rows are None if the features are dense, the steps are None if every step reads a row.
        """
        if self.index is None:
            return None, None
        rows = self.index.flatten()
        if not self.skip_zero_row:
            return rows, None
        steps = rows.nonzero().squeeze(1)
        return rows[steps], steps

    def to_dense(self) -> Tensor:
        """All features step by step, (T, B, F)."""
        if self.joined is not None:
            return torch.cat([part.to_dense() for part in self.split()], dim=-1)
        if self.index is not None:
            return self.features.index_select(0, self.index.flatten()).view(*self.shape, -1)
        return self.features.view(*self.shape, -1)

    def gather(self, steps: Tensor) -> LayerInput:
        """The input whose step s of row b is step steps[s, b] of this one; steps is (S, B)."""
        if self.index is not None:
            joined = None if self.joined is None else self.joined.gather(steps)
            index, shape = self.index.gather(0, steps), (len(steps), self.shape[1])
            return replace(self, index=index, shape=shape, joined=joined)
        dense = self.to_dense()
        return LayerInput.from_dense(dense.gather(0, steps[:, :, None].expand(-1, -1, dense.shape[2])))

    def flip(self) -> LayerInput:
        """All steps in the opposite order."""
        if self.index is not None:
            joined = None if self.joined is None else self.joined.flip()
            return LayerInput(self.features, self.index.flip(0), self.shape, joined)
        return LayerInput.from_dense(self.to_dense().flip(0))


def reversed_index(steps: int, lengths: Tensor) -> Tensor:
    """The step to read at each step (T, B) to reverse a row's first `lengths` (B,) steps and keep its padding in place.

    Applying the index twice restores the original order.
    """
    step = torch.arange(steps, device=lengths.device)[:, None]  # (T, 1)
    return torch.where(step < lengths, lengths - 1 - step, step)


def reverse_steps(x: LayerInput, lengths: Tensor | None) -> LayerInput:
    """Reverse each row's valid steps, or all steps if lengths is None."""
    return x.flip() if lengths is None else x.gather(reversed_index(x.shape[0], lengths))
