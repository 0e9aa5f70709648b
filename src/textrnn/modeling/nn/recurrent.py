"""Stacked, optionally bidirectional recurrent layers whose results for padded rows are those of PackedSequence.

Shapes: B batch, T steps, F features, H hidden, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from textrnn.common.config.model import Cell
from textrnn.modeling.devices.streams import run_both
from textrnn.modeling.nn import kernels
from textrnn.modeling.nn.dropout import dropout, locked_dropout
from textrnn.modeling.nn.kernels import Mode
from textrnn.modeling.nn.layer_input import LayerInput, reverse_steps
from textrnn.modeling.nn.scratch_gru import ScratchGRU

TORCH_MODULES: dict[Cell, type[nn.RNN | nn.LSTM | nn.GRU]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
TORCH_MODES: dict[Cell, str] = {"rnn": "RNN_TANH", "lstm": "LSTM", "gru": "GRU", "scratch_gru": "GRU"}
KERNEL_MODES: dict[Cell, Mode] = {"rnn": "rnn", "lstm": "lstm", "gru": "gru", "scratch_gru": "gru"}
SMALL_BATCH = 32  # rows up to which torch's modules predict faster than the loops of `kernels`, measured at 20 steps
WEIGHT_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Recurrent(nn.Module):
    """L layers of one cell in one or two directions, one module per layer and direction, with dropout between layers.

    The layers are stacked here instead of by torch, for two reasons: nn.LSTM(dropout=...) keeps a state on the GPU that
    re-seeding does not reproduce, and a backward direction that starts at each row's own end needs no PackedSequence.

    torch's modules always hold the weights. On a CPU the loops of `kernels` replace their computation where they are
    faster. They are not for an LSTM over dense input, for which torch uses oneDNN, nor for a prediction of at most
    SMALL_BATCH rows, whose steps are so short that the overhead of Python's loop counts. `use_kernels = False` always
    uses torch. locked: use one dropout mask for all steps of a row.
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
        self.use_kernels = True
        self._prepacked: dict[int, list[Tensor]] = {}  # by index in `runs`; see `prepack`
        # One module per layer and direction: runs[k * D + d] is direction d of layer k, the order of torch's weights
        # and states. `runs` is in the names of saved weights, so it keeps its name.
        self.runs = nn.ModuleList(
            _make_module(cell, input_size if layer == 0 else self.directions * hidden_size, hidden_size)
            for layer in range(layers)
            for _ in range(self.directions)
        )

    def forward(self, x: LayerInput, lengths: Tensor | None, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run over x from the states h0 (L*D, B, H); None means zero. An LSTM's cell state always starts at zero.

        With `lengths` (B,), int64 on x's device, rows are padded on the right and the result is that of PackedSequence:
        the backward direction starts at a row's last valid step, and outputs after it are zero. A length of 0 counts
        as 1, so that an empty row reads one step of padding. Without lengths all T steps are read, padding included.

        Returns the last layer's outputs (T, B, D*H) and the last h of every layer and direction (L*D, B, H). Raises
        ValueError if h0 has another shape.
        """
        self._check_start(h0, x.shape[1])
        lengths = self._effective_lengths(lengths, x)
        last: list[Tensor] = []
        for layer in range(self.layers):
            outputs, ends = self._run_layer(layer, x, lengths, h0)
            last += ends
            if layer + 1 < self.layers:
                x = self._drop_between_layers(outputs)
        states = torch.cat(outputs, dim=-1)  # (T, B, D*H)
        if lengths is not None:
            # Once, at the end, is enough: in no layer does a valid step read a step of padding.
            is_padding = torch.arange(x.shape[0], device=states.device)[:, None] >= lengths
            states = states.masked_fill(is_padding[:, :, None], 0)
        return states, torch.stack(last)  # (T, B, D*H), (L*D, B, H)

    def final_states(self, x: LayerInput, lengths: Tensor | None) -> Tensor:
        """The final state of each row (B, D*H), without computing steps that are not needed for it.

        With `lengths` it is the last h of each direction of the last layer, after that direction read the whole row.
        Without, it is the output at the last of the T steps, where the backward direction has read only that step.
        """
        only_last_step = lengths is None
        lengths = self._effective_lengths(lengths, x)
        for layer in range(self.layers - 1):
            x = self._drop_between_layers(self._run_layer(layer, x, lengths, None)[0])

        def run(direction_index: int) -> tuple[Tensor, Tensor]:
            if only_last_step and self._is_backward(direction_index):
                last_step = x.gather(torch.full((1, x.shape[1]), x.shape[0] - 1, device=x.features.device))
                return self._run_module(direction_index, last_step, None)
            return self._run_direction(direction_index, x, lengths, None)

        return torch.cat([end for _, end in self._run_both_directions(self.layers - 1, run, x, lengths)], dim=-1)

    def prepack(self) -> None:
        """Convert an LSTM's weights to oneDNN's layout for predictions of few rows; do not change the weights after it.

        torch's module converts them in every call, which takes a third of the time of one row. The results are
        identical to the bit. Without oneDNN nothing happens.
        """
        if self.cell == "lstm" and torch.backends.mkldnn.is_available():
            for direction_index, module in enumerate(self.runs):
                matrices = [weight.detach() for weight in _weights(module)[:2]]
                # as torch's own compiler freezes an LSTM (torch/_inductor/fx_passes/mkldnn_fusion.py)
                reorder = torch.ops.mkldnn._reorder_mkldnn_rnn_layer_weight
                self._prepacked[direction_index] = reorder(*matrices, self.hidden_size, False, True, False)

    def _run_prepacked(self, direction_index: int, x: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
        """Run an LSTM over x (T, B, F) from h0 (1, B, H): outputs (T, B, H) and last h (1, B, H)."""
        zeros = x.new_zeros(1, x.shape[1], self.hidden_size)
        states = zeros if start is None else start, zeros
        # one forward layer in the mode of nn.LSTM (2), with biases, steps first, not in training
        arguments: tuple[object, ...] = False, [], 2, self.hidden_size, 1, True, False, False, False
        biases = _weights(self.runs[direction_index])[2:]
        matrices = self._prepacked[direction_index]
        out, last, *_ = torch.ops.aten.mkldnn_rnn_layer(x, *matrices, *biases, *states, *arguments)
        return out, last

    def _effective_lengths(self, lengths: Tensor | None, x: LayerInput) -> Tensor | None:
        """Lengths of at least 1, or None for a small prediction in which no row has padding."""
        if lengths is None or (self._is_small_prediction(x.shape[1]) and lengths.amin().item() == x.shape[0]):
            return None
        return lengths.clamp(min=1)

    def _is_small_prediction(self, rows: int) -> bool:
        return torch.is_inference_mode_enabled() and rows <= SMALL_BATCH

    def uses_kernels(self, rows: int, device: torch.device) -> bool:
        """Whether the loops of `kernels` are used for this many rows on the device."""
        small = self._is_small_prediction(rows) and self.cell != "scratch_gru"
        return self.use_kernels and device.type == "cpu" and not small

    def _run_layer(
        self, layer: int, x: LayerInput, lengths: Tensor | None, h0: Tensor | None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs (T, B, H) and the last h (B, H) of each direction."""

        def run(direction_index: int) -> tuple[Tensor, Tensor]:
            out, end = self._run_direction(direction_index, x, lengths, None if h0 is None else h0[direction_index])
            if self._is_backward(direction_index):
                out = reverse_steps(LayerInput.from_dense(out), lengths).to_dense()
            return out, end

        results = self._run_both_directions(layer, run, x, lengths, h0)
        return [out for out, _ in results], [end for _, end in results]

    def _run_both_directions(
        self, layer: int, run: Callable[[int], tuple[Tensor, Tensor]], x: LayerInput, *others: Tensor | None
    ) -> list[tuple[Tensor, Tensor]]:
        """What `run` returns for each direction of a layer, possibly both at the same time.

        x, others: what it reads besides the weights.
        """
        first = layer * self.directions
        if self.directions == 1:
            return [run(first)]
        reads = [x.features, *(tensor for tensor in others if tensor is not None)]
        return list(run_both(partial(run, first), partial(run, first + 1), reads))

    def _drop_between_layers(self, outputs: list[Tensor]) -> LayerInput:
        joined = torch.cat(outputs, dim=-1)
        if self.locked:
            return LayerInput.from_dense(locked_dropout(joined, self.dropout, self.training, 0))
        return LayerInput.from_dense(dropout(joined, self.dropout, self.training))

    def _is_backward(self, direction_index: int) -> bool:
        return direction_index % self.directions == 1

    def _run_direction(
        self, direction_index: int, x: LayerInput, lengths: Tensor | None, start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """One direction of a layer: outputs (T, B, H) in its reading order, and h after its last valid step (B, H)."""
        if self._is_backward(direction_index):
            x = reverse_steps(x, lengths)
        out, end = self._run_module(direction_index, x, start)
        if lengths is not None:
            # The module continued over the padding, but its state at the last valid step has not seen any.
            end = out.gather(0, (lengths - 1)[None, :, None].expand(1, -1, out.shape[2])).squeeze(0)
        return out, end

    def _run_module(self, direction_index: int, x: LayerInput, start: Tensor | None) -> tuple[Tensor, Tensor]:
        """The outputs (T, B, H) and the last h (B, H) of one direction, by the loops of `kernels` or by torch."""
        module = self.runs[direction_index]
        if self.uses_kernels(x.shape[1], x.features.device) and (self.cell != "lstm" or x.index is not None):
            return kernels.run_layer(KERNEL_MODES[self.cell], x, _weights(module), start)
        if isinstance(module, ScratchGRU):
            return module(x.to_dense(), start) if self.use_kernels else module.equations(x.to_dense(), start)
        state = None if start is None else start[None].contiguous()  # (1, B, H)
        if self._prepacked and self._is_small_prediction(x.shape[1]):
            out, last = self._run_prepacked(direction_index, x.to_dense(), state)
        elif isinstance(module, nn.LSTM):
            out, (last, _) = module(x.to_dense(), None if state is None else (state, torch.zeros_like(state)))
        else:
            out, last = module(x.to_dense(), state)
        return out, last.squeeze(0)

    def _check_start(self, h0: Tensor | None, rows: int) -> None:
        expected = (len(self.runs), rows, self.hidden_size)
        if h0 is not None and h0.shape != expected:
            raise ValueError(f"h0 must be (L*D, B, H) = {expected}, got {tuple(h0.shape)}")

    def load_torch_weights(self, module: nn.RNNBase) -> None:
        """Copy the weights of a whole nn.RNN (tanh), nn.LSTM or nn.GRU: `weight_ih_l{k}`, `weight_ih_l{k}_reverse`, ...

        Raises ValueError if the two differ in cell, sizes, layers or directions, or if `module` has projections or no
        biases.
        """
        mode, bidirectional = TORCH_MODES[self.cell], self.directions == 2
        expected = (mode, self.input_size, self.hidden_size, self.layers, bidirectional, True, 0)
        actual = (module.mode, module.input_size, module.hidden_size, module.num_layers, module.bidirectional)
        if (*actual, module.bias, module.proj_size) != expected:
            raise ValueError(
                f"{module} does not fit a Recurrent of {expected} (mode, F, H, L, bidirectional, bias, proj_size)"
            )
        with torch.no_grad():
            for direction_index, layer_module in enumerate(self.runs):
                layer, direction = divmod(direction_index, self.directions)
                suffix = f"_l{layer}" + ("_reverse" if direction else "")
                for name, weight in zip(WEIGHT_NAMES, _weights(layer_module), strict=True):
                    weight.copy_(getattr(module, name + suffix))

    def extra_repr(self) -> str:
        """The options, for print(model)."""
        return f"{self.cell}, layers={self.layers}, directions={self.directions}, dropout={self.dropout}"


def _make_module(cell: Cell, input_size: int, hidden_size: int) -> nn.Module:
    if cell == "scratch_gru":
        return ScratchGRU(input_size, hidden_size)
    return TORCH_MODULES[cell](input_size=input_size, hidden_size=hidden_size)


def _weights(module: nn.Module) -> list[Tensor]:
    suffix = "" if isinstance(module, ScratchGRU) else "_l0"
    return [getattr(module, name + suffix) for name in WEIGHT_NAMES]
