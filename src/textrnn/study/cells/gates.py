"""What a GRU becomes with its gates at their extremes, and how many parameters a layer of each cell has.

Shapes: B batch, T steps, F features, H hidden.
"""

from __future__ import annotations

import torch
from torch import nn

from textrnn.modeling.nn.scratch_gru import ScratchGRU
from textrnn.study.plan.variants import CellComparison

OPEN = 1e6  # added to a gate's bias: its sigmoid is exactly 1, and exactly 0 with the other sign


def extreme_gates(settings: CellComparison, seed: int) -> dict[str, dict[str, float]]:
    """The largest differences of states, in float64, from what a GRU should be with its gates held open or closed.

    `plain`: with z = 0 and r = 1 from an nn.RNN with the weights of the candidate. `kept`: with z = 1 from the state
    that the layer starts from.
    """
    torch.manual_seed(seed)
    gru = ScratchGRU(settings.input_size, settings.hidden_size).double()
    rnn = nn.RNN(settings.input_size, settings.hidden_size).double()
    x = torch.randn(settings.steps, settings.batch_size, settings.input_size, dtype=torch.float64)
    h0 = torch.randn(settings.batch_size, settings.hidden_size, dtype=torch.float64)
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(rnn, f"{name}_l0").copy_(getattr(gru, name).chunk(3)[2])
        plain, _ = _with_gates(gru, reset=OPEN, update=-OPEN).equations(x, h0)
        expected, _ = rnn(x, h0[None])
        kept, _ = _with_gates(gru, reset=0.0, update=OPEN).equations(x, h0)
    found = {"plain": plain - expected, "kept": kept - h0}
    return {name: {"state_difference": float(value.abs().max())} for name, value in found.items()}


def _with_gates(gru: ScratchGRU, *, reset: float, update: float) -> ScratchGRU:
    """A copy of the layer with these values added to the biases of its gates."""
    copied = ScratchGRU(gru.input_size, gru.hidden_size).double()
    copied.load_state_dict(gru.state_dict())
    r, z, _ = copied.bias_ih.chunk(3)
    r += reset
    z += update
    return copied


def layer_parameters(settings: CellComparison) -> dict[str, int]:
    """The parameters of one layer of each of torch's cells."""
    sizes = settings.input_size, settings.hidden_size
    layers: dict[str, nn.Module] = {"nn_rnn": nn.RNN(*sizes), "nn_gru": nn.GRU(*sizes), "nn_lstm": nn.LSTM(*sizes)}
    return {name: sum(weight.numel() for weight in layer.parameters()) for name, layer in layers.items()}
