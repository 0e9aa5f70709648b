"""Stacked, optionally bidirectional recurrent layers that read padded rows exactly as PackedSequence would.

Shapes: B batch, T steps, F features, H hidden, L layers, D directions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textrnn.common.config.model import Cell
from textrnn.modeling.nn import kernels
from textrnn.modeling.nn.dropout import dropout, locked_dropout
from textrnn.modeling.nn.kernels import Mode
from textrnn.modeling.nn.layer_input import LayerInput
from textrnn.modeling.nn.scratch_gru import ScratchGRU

STOCK: dict[Cell, type[nn.RNN | nn.LSTM | nn.GRU]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
STOCK_MODE: dict[Cell, str] = {"rnn": "RNN_TANH", "lstm": "LSTM", "gru": "GRU", "scratch_gru": "GRU"}
MODE: dict[Cell, Mode] = {"rnn": "rnn", "lstm": "lstm", "gru": "gru", "scratch_gru": "gru"}
FEW_ROWS = 32  # up to which torch's modules answer sooner than the loops of `kernels`, measured at 20 steps
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def reversed_steps(steps: int, lengths: Tensor) -> Tensor:
    """Which step to read at each step (T, B) so that a row's first `lengths` (B,) come backwards, its padding in place.

    Read twice it gives the steps in order.
    """
    step = torch.arange(steps, device=lengths.device)[:, None]  # (T, 1)
    return torch.where(step < lengths, lengths - 1 - step, step)


def turned(x: LayerInput, lengths: Tensor | None) -> LayerInput:
    """Each row's valid steps in the opposite order, or all steps where there are no lengths."""
    return x.flip() if lengths is None else x.gather(reversed_steps(x.shape[0], lengths))


class Recurrent(nn.Module):
    """L layers of one cell in one or two directions, each a module of its own, with dropout between layers.

    The layers are stacked here, not by torch, for two reasons: nn.LSTM(dropout=...) keeps a state on the GPU that
    re-seeding does not reproduce, and a backward direction that starts at each row's own end needs no PackedSequence.

    On a CPU the loops of `kernels` run where they are faster than torch's modules, which hold the weights in any case:
    always but for an LSTM over dense input, for which torch has oneDNN, and for a prediction of FEW_ROWS, whose steps
    are so short that Python's part of the loop counts. `kernels = False` leaves all to torch.
    locked: one mask of the dropout between layers for all steps of a row.
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        layers: int,
        bidirectional: bool,
        dropout: float,
        locked: bool = False,
    ) -> None:
        super().__init__()
        self.cell: Cell = cell
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.layers = layers
        self.directions = 2 if bidirectional else 1
        self.dropout, self.locked = dropout, locked
        self.kernels = True
        self._packed: dict[int, list[Tensor]] = {}  # by run, see `pack`
        # Run k * D + d is direction d of layer k, the order of torch's weights and states.
        self.runs = nn.ModuleList(
            _single_run(cell, input_size if layer == 0 else self.directions * hidden_size, hidden_size)
            for layer in range(layers)
            for _ in range(self.directions)
        )

    def forward(self, x: LayerInput, lengths: Tensor | None, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run over x from h0 (L*D, B, H), zero where None; an LSTM's cell state always starts at zero.

        With `lengths` (B,), int64 on x's device, the rows are right-padded and the result is PackedSequence's: the
        backward direction starts at a row's last valid step, outputs after it are zero. A length of 0 counts as 1,
        so an empty row reads one step of padding. Without lengths all T steps are read, padding included.

        Returns the last layer's outputs (T, B, D*H) and the last h of every run (L*D, B, H). Raises ValueError when
        h0 has another shape.
        """
        self._check_start(h0, x.shape[1])
        lengths = self._needed(lengths, x)
        last: list[Tensor] = []
        for layer in range(self.layers):
            outputs, ends = self._layer(layer, x, lengths, h0)
            last += ends
            if layer + 1 < self.layers:
                x = self._between(outputs)
        states = torch.cat(outputs, dim=-1)  # (T, B, D*H)
        if lengths is not None:
            # Once, at the end: no valid step of any layer reads a step of padding.
            past = torch.arange(x.shape[0], device=states.device)[:, None] >= lengths
            states = states.masked_fill(past[:, :, None], 0)
        return states, torch.stack(last)  # (T, B, D*H), (L*D, B, H)

    def ends(self, x: LayerInput, lengths: Tensor | None) -> Tensor:
        """What stands at the end of each row (B, D*H), without the steps that nobody reads.

        With `lengths` it is the last h of both directions of the last layer, each having read the whole row. Without,
        it is the output at the last of the T steps, where the backward direction has read that step alone.
        """
        whole = lengths is None
        lengths = self._needed(lengths, x)
        for layer in range(self.layers - 1):
            x = self._between(self._layer(layer, x, lengths, None)[0])
        ends = []
        for run in range((self.layers - 1) * self.directions, len(self.runs)):
            if whole and self._backward(run):
                last_step = x.gather(torch.full((1, x.shape[1]), x.shape[0] - 1, device=x.features.device))
                ends.append(self._states(run, last_step, None)[1])
            else:
                ends.append(self._one_direction(run, x, lengths, None)[1])
        return torch.cat(ends, dim=-1)

    def pack(self) -> None:
        """Lay an LSTM's weights out as oneDNN reads them, for predictions of few rows; they must not change after it.

        torch's module has them laid out in every call, which is a third of the time of one row. The results are the
        same bits. Nothing happens without oneDNN.
        """
        if self.cell == "lstm" and torch.backends.mkldnn.is_available():
            for run, module in enumerate(self.runs):
                matrices = [weight.detach() for weight in _weights(module)[:2]]
                # as torch's own compiler freezes an LSTM (torch/_inductor/fx_passes/mkldnn_fusion.py)
                lay_out = torch.ops.mkldnn._reorder_mkldnn_rnn_layer_weight
                self._packed[run] = lay_out(*matrices, self.hidden_size, False, True, False)

    def _run_packed(self, run: int, x: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
        """An LSTM over x (T, B, F) from h0 (1, B, H): outputs (T, B, H) and last h (1, B, H)."""
        nothing = x.new_zeros(1, x.shape[1], self.hidden_size)
        states = nothing if start is None else start, nothing
        # one layer that reads forward, of nn.LSTM's mode (2), with biases, steps first, not in training
        options: tuple[object, ...] = False, [], 2, self.hidden_size, 1, True, False, False, False
        biases = _weights(self.runs[run])[2:]
        out, last, *_ = torch.ops.aten.mkldnn_rnn_layer(x, *self._packed[run], *biases, *states, *options)
        return out, last

    def _needed(self, lengths: Tensor | None, x: LayerInput) -> Tensor | None:
        """Lengths from 1 up, or None where no row of the few that are asked about has padding."""
        if lengths is None or (self._few(x.shape[1]) and lengths.amin().item() == x.shape[0]):
            return None
        return lengths.clamp(min=1)

    def _few(self, rows: int) -> bool:
        return torch.is_inference_mode_enabled() and rows <= FEW_ROWS

    def uses_kernels(self, rows: int, device: torch.device) -> bool:
        """Whether the loops of `kernels` are to run over so many rows on the device."""
        few = self._few(rows) and self.cell != "scratch_gru"
        return self.kernels and device.type == "cpu" and not few

    def _layer(
        self, layer: int, x: LayerInput, lengths: Tensor | None, h0: Tensor | None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Outputs (T, B, H) and last h (B, H) of each direction."""
        outputs, ends = [], []
        for run in range(layer * self.directions, (layer + 1) * self.directions):
            out, end = self._one_direction(run, x, lengths, None if h0 is None else h0[run])
            if self._backward(run):
                out = turned(LayerInput.of(out), lengths).dense()
            outputs.append(out)
            ends.append(end)
        return outputs, ends

    def _between(self, outputs: list[Tensor]) -> LayerInput:
        joined = torch.cat(outputs, dim=-1)
        if self.locked:
            return LayerInput.of(locked_dropout(joined, self.dropout, self.training, 0))
        return LayerInput.of(dropout(joined, self.dropout, self.training))

    def _backward(self, run: int) -> bool:
        return run % self.directions == 1

    def _one_direction(
        self, run: int, x: LayerInput, lengths: Tensor | None, start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """One run over x in its own order of steps: outputs (T, B, H), and the last h that read a valid step (B, H)."""
        out, end = self._states(run, turned(x, lengths) if self._backward(run) else x, start)
        if lengths is not None:
            # The run went on over the padding; its state at the last valid step has not seen any.
            end = out.gather(0, (lengths - 1)[None, :, None].expand(1, -1, out.shape[2])).squeeze(0)
        return out, end

    def _states(self, run: int, x: LayerInput, start: Tensor | None) -> tuple[Tensor, Tensor]:
        """Outputs (T, B, H) and last h (B, H) of a run, by the loops of `kernels` or by torch's module."""
        module = self.runs[run]
        if self.uses_kernels(x.shape[1], x.features.device) and (self.cell != "lstm" or x.index is not None):
            return kernels.run_layer(MODE[self.cell], x, _weights(module), start)
        if isinstance(module, ScratchGRU):
            return module(x.dense(), start) if self.kernels else module.equations(x.dense(), start)
        state = None if start is None else start[None].contiguous()  # (1, B, H)
        if self._packed and self._few(x.shape[1]):
            out, last = self._run_packed(run, x.dense(), state)
        elif isinstance(module, nn.LSTM):
            out, (last, _) = module(x.dense(), None if state is None else (state, torch.zeros_like(state)))
        else:
            out, last = module(x.dense(), state)
        return out, last.squeeze(0)

    def _check_start(self, h0: Tensor | None, rows: int) -> None:
        expected = (len(self.runs), rows, self.hidden_size)
        if h0 is not None and h0.shape != expected:
            raise ValueError(f"h0 must be (L*D, B, H) = {expected}, got {tuple(h0.shape)}")

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
                for name, weight in zip(WEIGHTS, _weights(module), strict=True):
                    weight.copy_(getattr(stock, name + suffix))

    def extra_repr(self) -> str:
        """The options, for print(model)."""
        return f"{self.cell}, layers={self.layers}, directions={self.directions}, dropout={self.dropout}"


def _single_run(cell: Cell, input_size: int, hidden_size: int) -> nn.Module:
    if cell == "scratch_gru":
        return ScratchGRU(input_size, hidden_size)
    return STOCK[cell](input_size=input_size, hidden_size=hidden_size)


def _weights(module: nn.Module) -> list[Tensor]:
    own = "" if isinstance(module, ScratchGRU) else "_l0"
    return [getattr(module, name + own) for name in WEIGHTS]
