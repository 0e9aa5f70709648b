"""A GRU from scratch: the textbook equations in a loop over time, with the parameters and results of nn.GRU.

Shapes: B batch, T steps, F features, H hidden.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.modeling.nn.kernels import run_layer
from textrnn.modeling.nn.layer_input import LayerInput


class ScratchGRU(nn.Module):
    """One layer of a gated recurrent unit in one direction.

    The equations, for input x and state h (Cho et al. 2014, arXiv:1406.1078, in the form that torch.nn.GRU documents):

        r  = sigmoid(x W_xr + b_xr + h W_hr + b_hr)      reset gate
        z  = sigmoid(x W_xz + b_xz + h W_hz + b_hz)      update gate
        n  = tanh(x W_xn + b_xn + r * (h W_hn + b_hn))   candidate
        h' = z * h + (1 - z) * n

    `equations` is written exactly so. Calling the module computes the same result faster: on a CPU with the loops of
    `kernels`, on a GPU with one kernel for everything that follows a step's matrix product.

    The parameters are those of nn.GRU, in blocks of the order r, z, n: `weight_ih` (3H, F), `weight_hh` (3H, H),
    `bias_ih` (3H,), `bias_hh` (3H,). The same seed gives the same values as nn.GRU.
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
        """Run over all T >= 1 steps of x (T, B, F) from the state h0 (B, H); None means zero.

        Returns the state after every step (T, B, H) and after the last one (B, H).
        """
        if x.device.type != "cpu":
            return self.step_by_step(x, h0)
        weights = self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        return run_layer("gru", LayerInput.from_dense(x), weights, h0)

    def step_by_step(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The result of `forward`, with `gru_cell`; the input's matrix products are one for all steps."""
        projected = F.linear(x, self.weight_ih)  # (T, B, 3H)
        h = x.new_zeros(x.shape[1], self.hidden_size) if h0 is None else h0
        states = []
        for from_input in projected.unbind(0):
            h = gru_cell(from_input, F.linear(h, self.weight_hh), h, self.bias_ih, self.bias_hh)
            states.append(h)
        return torch.stack(states), h

    def equations(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The result of `forward`, written for readers; autograd computes the gradients."""
        # The input's part of the gates does not depend on the state: one product for all steps, before the loop.
        projected = F.linear(x, self.weight_ih, self.bias_ih)  # (T, B, 3H)
        h = x.new_zeros(x.shape[1], self.hidden_size) if h0 is None else h0  # (B, H)
        states = []
        for from_input in projected.unbind(0):  # (B, 3H)
            xr, xz, xn = from_input.chunk(3, dim=-1)  # (B, H) each
            hr, hz, hn = F.linear(h, self.weight_hh, self.bias_hh).chunk(3, dim=-1)  # (B, H) each
            r = torch.sigmoid(xr + hr)
            z = torch.sigmoid(xz + hz)
            n = torch.tanh(xn + r * hn)
            h = z * h + (1 - z) * n
            states.append(h)
        return torch.stack(states), h  # (T, B, H), (B, H)

    def extra_repr(self) -> str:
        """The sizes, for print(model)."""
        return f"{self.input_size}, {self.hidden_size}"


def gru_cell(from_input: Tensor, from_state: Tensor, h: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> Tensor:
    """The next state (B, H) from the matrix products of input and state (B, 3H), the state (B, H) and the biases (3H,).

    On a GPU it is one kernel, that of torch.gru_cell.
    """
    if from_input.device.type == "cuda":
        state: Tensor = torch.ops.aten._thnn_fused_gru_cell(from_input, from_state, h, bias_ih, bias_hh)[0]
        return state
    xr, xz, xn = (from_input + bias_ih).chunk(3, dim=-1)
    hr, hz, hn = (from_state + bias_hh).chunk(3, dim=-1)
    z = torch.sigmoid(xz + hz)
    return z * h + (1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn)
