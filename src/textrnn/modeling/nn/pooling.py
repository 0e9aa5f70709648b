"""Pool a row's hidden states into one vector that padding never changes.

Shapes: B batch, T steps, F features of a state.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from textrnn.common.config.model import PooledReadout, Readout


def readout_names(readout: tuple[PooledReadout, ...] | Readout) -> tuple[Readout, ...]:
    """The names of a model's readouts, one or more, in the order in which their vectors are joined."""
    return readout if isinstance(readout, tuple) else (readout,)


class AttentionPooling(nn.Module):
    """Sum of the states h, weighted by attention to one learned query q: u = tanh(W h + b), a = softmax(u . q).

    Source: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", section 2.2, after the
    additive attention of Bahdanau et al. 2015, arXiv:1409.0473.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.inner = nn.Linear(features, features)
        self.query = nn.Linear(features, 1, bias=False)

    def forward(self, states: Tensor, is_padding: Tensor) -> Tensor:
        """Pool states (T, B, F), except where is_padding (T, B) is true: (B, F)."""
        scores = self.query(torch.tanh(self.inner(states))).squeeze(2)  # (T, B)
        weights = scores.float() if scores.dtype == torch.bfloat16 else scores
        weights = weights.masked_fill(is_padding, -torch.inf).softmax(dim=0)
        return (states * weights[:, :, None]).sum(dim=0)


def pool(
    readouts: Sequence[PooledReadout], states: Tensor, last: Tensor, lengths: Tensor, attention: AttentionPooling | None
) -> Tensor:
    """The vectors of the readouts, joined: (B, F times the number of readouts).

    states: (T, B, F), zero from each row's length (B,) on. last: (B, F), the final state of each direction, joined.
    """
    lengths = lengths.clamp(min=1)
    is_padding = torch.arange(len(states), device=states.device)[:, None] >= lengths  # (T, B)
    pooled = []
    for readout in readouts:
        if readout == "last_valid":
            pooled.append(last)
        elif readout == "mean":
            pooled.append(states.sum(dim=0) / lengths[:, None])
        elif readout == "max":
            pooled.append(states.masked_fill(is_padding[:, :, None], -torch.inf).amax(dim=0))
        else:
            assert attention is not None
            pooled.append(attention(states, is_padding))
    return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=1)


def rotate_rows(x: Tensor, shifts: Tensor) -> Tensor:
    """Rotate each row of x (B, T, ...) left by its shift (B,): what falls off the start comes back at the end."""
    steps = torch.arange(x.shape[1], device=x.device)
    index = (steps + shifts[:, None]) % x.shape[1]  # (B, T)
    return x.gather(1, index.view(*index.shape, *[1] * (x.dim() - 2)).expand_as(x))
