"""What a recurrent layer reads: features step by step, or rows of tables and which of them each step reads.

Shapes: T steps, B batch, F features, U distinct rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LayerInput:
    """The input of a layer: features (T*B, F) step by step; or distinct rows (U, F) and which of them each step reads.

    index: (T, B), or None where features are in their places; shape: (T, B). beside: more features of the same steps,
    joined behind these. blank: row 0 is zero, and so many steps read it that what is made of it is left out.
    """

    features: Tensor
    index: Tensor | None
    shape: tuple[int, int]
    beside: LayerInput | None = None
    blank: bool = False

    @classmethod
    def of(cls, x: Tensor) -> LayerInput:
        """Features (T, B, F) in their places."""
        return cls(x.flatten(0, 1), None, (x.shape[0], x.shape[1]))

    def parts(self) -> list[LayerInput]:
        """These features and those beside them, each alone."""
        own = replace(self, beside=None)
        return [own] if self.beside is None else [own, *self.beside.parts()]

    def read(self) -> tuple[Tensor | None, Tensor | None]:
        """The rows that are read (N,) and at which of the T*B steps (N,), None where it is all; None for features."""
        if self.index is None:
            return None, None
        rows = self.index.flatten()
        if not self.blank:
            return rows, None
        places = rows.nonzero().squeeze(1)
        return rows[places], places

    def dense(self) -> Tensor:
        """All features in their places, (T, B, F)."""
        if self.beside is not None:
            return torch.cat([part.dense() for part in self.parts()], dim=-1)
        if self.index is not None:
            return self.features.index_select(0, self.index.flatten()).view(*self.shape, -1)
        return self.features.view(*self.shape, -1)

    def gather(self, steps: Tensor) -> LayerInput:
        """Each row's steps in another order or number: those of `steps` (S, B)."""
        if self.index is not None:
            beside = None if self.beside is None else self.beside.gather(steps)
            index, shape = self.index.gather(0, steps), (len(steps), self.shape[1])
            return replace(self, index=index, shape=shape, beside=beside)
        dense = self.dense()
        return LayerInput.of(dense.gather(0, steps[:, :, None].expand(-1, -1, dense.shape[2])))

    def flip(self) -> LayerInput:
        """All steps in the opposite order."""
        if self.index is not None:
            beside = None if self.beside is None else self.beside.flip()
            return LayerInput(self.features, self.index.flip(0), self.shape, beside)
        return LayerInput.of(self.dense().flip(0))
