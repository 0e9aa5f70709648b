"""Stacked, optionally bidirectional recurrent layers that read padded rows exactly as PackedSequence would.

Shapes: B batch, T steps, F features, H hidden, L layers, D directions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.architecture import Cell
from textrnn.cells import ScratchGRU

STOCK: dict[Cell, type[nn.RNN | nn.LSTM | nn.GRU]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
STOCK_MODE: dict[Cell, str] = {"rnn": "RNN_TANH", "lstm": "LSTM", "gru": "GRU", "scratch_gru": "GRU"}
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def flip_by_length(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse the first `lengths` (B,) steps of each row of x (B, T, F) and leave its padding where it is.

    Applied twice it gives x back. A length over T raises torch's out-of-bounds error.
    """
    steps = torch.arange(x.shape[1], device=x.device)  # (T,)
    ends = lengths[:, None]  # (B, 1)
    index = torch.where(steps < ends, ends - 1 - steps, steps)  # (B, T)
    return x.gather(1, index[:, :, None].expand_as(x))  # (B, T, F)


class Recurrent(nn.Module):
    """L layers of one cell in one or two directions, each a module of its own, with dropout between layers.

    The layers are stacked here, not by torch, for two reasons: nn.LSTM(dropout=...) keeps a state on the GPU that
    re-seeding does not reproduce, and a backward direction that starts at each row's own end needs no PackedSequence.
    """

    def __init__(
        self, cell: Cell, input_size: int, hidden_size: int, layers: int, bidirectional: bool, dropout: float
    ) -> None:
        super().__init__()
        self.cell: Cell = cell
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.layers = layers
        self.directions = 2 if bidirectional else 1
        self.dropout = dropout
        # Run k * D + d is direction d of layer k, the order of torch's weights and states.
        self.runs = nn.ModuleList(
            _single_run(cell, input_size if layer == 0 else self.directions * hidden_size, hidden_size)
            for layer in range(layers)
            for _ in range(self.directions)
        )

    def forward(self, x: Tensor, lengths: Tensor | None, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run over x (B, T, F) from h0 (L*D, B, H), zero where None; an LSTM's cell state always starts at zero.

        With `lengths` (B,), int64 on x's device, the rows are right-padded and the result is PackedSequence's: the
        backward direction starts at a row's last valid step, outputs after it are zero. A length of 0 counts as 1,
        so an empty row reads one step of padding. Without lengths all T steps are read, padding included.

        Returns the last layer's outputs (B, T, D*H) and the last h of every run (L*D, B, H). Raises ValueError when
        h0 has another shape.
        """
        expected = (len(self.runs), x.shape[0], self.hidden_size)
        if h0 is not None and h0.shape != expected:
            raise ValueError(f"h0 must be (L*D, B, H) = {expected}, got {tuple(h0.shape)}")
        if lengths is not None:
            lengths = lengths.clamp(min=1)
        last: list[Tensor] = []
        for layer in range(self.layers):
            if layer > 0:
                x = F.dropout(x, self.dropout, self.training)
            outputs = []
            for direction in range(self.directions):
                run = layer * self.directions + direction
                start = None if h0 is None else h0[run]  # (B, H)
                out, hidden = self._one_direction(run, x, lengths, start)
                outputs.append(out)
                last.append(hidden)
            x = torch.cat(outputs, dim=-1)  # (B, T, D*H)
        if lengths is not None:
            # Once, at the end: no valid step of any layer reads a step of padding.
            x = x.masked_fill((torch.arange(x.shape[1], device=x.device) >= lengths[:, None])[:, :, None], 0)
        return x, torch.stack(last)  # (B, T, D*H), (L*D, B, H)

    def _one_direction(
        self, run: int, x: Tensor, lengths: Tensor | None, start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """One run over x, turned round before and after where it reads backward: outputs (B, T, H), last h (B, H)."""
        backward = run % self.directions == 1
        out, hidden = _states(self.runs[run], _reverse(x, lengths) if backward else x, start)
        if lengths is not None:
            # The run went on over the padding; its state at the last valid step has not seen any.
            hidden = out.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, out.shape[2])).squeeze(1)  # (B, H)
        return _reverse(out, lengths) if backward else out, hidden

    def copy_from_stock(self, stock: nn.RNNBase) -> None:
        """Copy the weights of a whole nn.RNN (tanh), nn.LSTM or nn.GRU: `weight_ih_l{k}`, `weight_ih_l{k}_reverse`, ...

        Raises ValueError when the two differ in cell, sizes, layers or directions, or `stock` has projections or no
        biases.
        """
        ours = (STOCK_MODE[self.cell], self.input_size, self.hidden_size, self.layers, self.directions == 2, True, 0)
        theirs = (stock.mode, stock.input_size, stock.hidden_size, stock.num_layers, stock.bidirectional)
        if (*theirs, stock.bias, stock.proj_size) != ours:
            raise ValueError(
                f"{stock} does not fit a Recurrent of {ours} (mode, F, H, L, bidirectional, bias, proj_size)"
            )
        with torch.no_grad():
            for run, module in enumerate(self.runs):
                layer, direction = divmod(run, self.directions)
                suffix = f"_l{layer}" + ("_reverse" if direction else "")
                own = "" if isinstance(module, ScratchGRU) else "_l0"
                for name in WEIGHTS:
                    getattr(module, name + own).copy_(getattr(stock, name + suffix))

    def extra_repr(self) -> str:
        """The options, for print(model)."""
        return f"{self.cell}, layers={self.layers}, directions={self.directions}, dropout={self.dropout}"


def _single_run(cell: Cell, input_size: int, hidden_size: int) -> nn.Module:
    if cell == "scratch_gru":
        return ScratchGRU(input_size, hidden_size)
    return STOCK[cell](input_size=input_size, hidden_size=hidden_size, batch_first=True)


def _states(module: nn.Module, x: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
    """Outputs (B, T, H) and last h (B, H) of a module, whichever form its state has.

    An LSTM's state is a pair (h, c) of which h is wanted; nn.GRU's and nn.RNN's is h itself, where [0] would
    be layer 0; ScratchGRU's has no layer axis.
    """
    if isinstance(module, ScratchGRU):
        return module(x, start)
    state = None if start is None else start[None].contiguous()  # (1, B, H)
    if isinstance(module, nn.LSTM):
        out, (hidden, _) = module(x, None if state is None else (state, torch.zeros_like(state)))
    else:
        out, hidden = module(x, state)
    return out, hidden.squeeze(0)


def _reverse(x: Tensor, lengths: Tensor | None) -> Tensor:
    return torch.flip(x, (1,)) if lengths is None else flip_by_length(x, lengths)
