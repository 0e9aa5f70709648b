"""The GRU from scratch: the textbook's equations in a loop over time, equal to nn.GRU weight for weight.

Shapes: B batch, T steps, F features, H hidden.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ScratchGRU(nn.Module):
    """One layer of a gated recurrent unit in one direction, with torch's parameters: three blocks in the order r, z, n.

    Its equations, for input x and state h (Cho et al. 2014, arXiv:1406.1078, in the form that torch.nn.GRU documents):

        r  = sigmoid(x W_xr + b_xr + h W_hr + b_hr)      reset gate
        z  = sigmoid(x W_xz + b_xz + h W_hz + b_hz)      update gate
        n  = tanh(x W_xn + b_xn + r * (h W_hn + b_hn))   candidate
        h' = z * h + (1 - z) * n

    `weight_ih` (3H, F), `weight_hh` (3H, H), `bias_ih` (3H,), `bias_hh` (3H,); the same seed gives nn.GRU's values.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(3 * hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(3 * hidden_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/sqrt(H), 1/sqrt(H)), as nn.GRU does and in its order."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run over all T >= 1 steps of x (B, T, F) from h0 (B, H), zero where None.

        Returns the state after every step (B, T, H) and after the last one (B, H).
        """
        # The input's share of all gates needs no state: one product for all steps, outside the loop.
        projected = F.linear(x.transpose(0, 1), self.weight_ih, self.bias_ih)  # (T, B, 3H)
        h = x.new_zeros(x.shape[0], self.hidden_size) if h0 is None else h0  # (B, H)
        states = []
        for from_input in projected.unbind(0):  # (B, 3H)
            xr, xz, xn = from_input.chunk(3, dim=-1)  # (B, H) each
            hr, hz, hn = F.linear(h, self.weight_hh, self.bias_hh).chunk(3, dim=-1)  # (B, H) each
            r = torch.sigmoid(xr + hr)
            z = torch.sigmoid(xz + hz)
            n = torch.tanh(xn + r * hn)
            h = z * h + (1 - z) * n
            states.append(h)
        return torch.stack(states, dim=1), h  # (B, T, H), (B, H)

    def extra_repr(self) -> str:
        """The sizes, for print(model)."""
        return f"{self.input_size}, {self.hidden_size}"
