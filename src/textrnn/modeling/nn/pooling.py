"""What is read of a row's states: one vector of all its valid steps, whatever padding stands after them.

Shapes: B batch, T steps, F features of a state.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from textrnn.common.config.model import PooledReadout, Readout


def readout_names(readout: tuple[PooledReadout, ...] | Readout) -> tuple[Readout, ...]:
    """The names of a model's readout, one or more, in the order in which they are joined."""
    return readout if isinstance(readout, tuple) else (readout,)


class AttentionPooling(nn.Module):
    """Weighs the states by one learnt query: u = tanh(W h + b), a = softmax(u . q), and reads the sum of a h.

    Source: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", section 2.2, after the
    additive attention of Bahdanau et al. 2015, arXiv:1409.0473.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.inner = nn.Linear(features, features)
        self.query = nn.Linear(features, 1, bias=False)

    def forward(self, states: Tensor, past: Tensor) -> Tensor:
        """Of states (T, B, F), those where past (T, B) is true left out: (B, F)."""
        scores = self.query(torch.tanh(self.inner(states))).squeeze(2)  # (T, B)
        weights = scores.float() if scores.dtype == torch.bfloat16 else scores
        weights = weights.masked_fill(past, -torch.inf).softmax(dim=0)
        return (states * weights[:, :, None]).sum(dim=0)


def pool(
    readouts: Sequence[PooledReadout], states: Tensor, last: Tensor, lengths: Tensor, attention: AttentionPooling | None
) -> Tensor:
    """The readouts, joined: (B, F times their number).

    states: (T, B, F), zero past the lengths (B,); last: (B, F), of both directions at the end of what they read.
    """
    lengths = lengths.clamp(min=1)
    past = torch.arange(len(states), device=states.device)[:, None] >= lengths  # (T, B)
    found = []
    for readout in readouts:
        if readout == "last_valid":
            found.append(last)
        elif readout == "mean":
            found.append(states.sum(dim=0) / lengths[:, None])
        elif readout == "max":
            found.append(states.masked_fill(past[:, :, None], -torch.inf).amax(dim=0))
        else:
            assert attention is not None
            found.append(attention(states, past))
    return found[0] if len(found) == 1 else torch.cat(found, dim=1)


def rotate_rows(x: Tensor, shifts: Tensor) -> Tensor:
    """Each row of x (B, T, ...) turned towards its start by its shift (B,), what falls off coming back at the end."""
    steps = torch.arange(x.shape[1], device=x.device)
    index = (steps + shifts[:, None]) % x.shape[1]  # (B, T)
    return x.gather(1, index.view(*index.shape, *[1] * (x.dim() - 2)).expand_as(x))
