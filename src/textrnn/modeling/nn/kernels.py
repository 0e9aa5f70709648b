"""One direction of one layer on a CPU: a loop forward and a loop backward, written out by hand.

What the input adds to the gates needs no state: one matrix product before the loop. Where the input is rows of a table,
such as embeddings, it is computed once a distinct row and looked up. Against autograd over a loop this saves a node for
each operation, and the weights' gradient is one product over all steps instead of one a step. The results are those of
torch's modules to rounding.

Every tanh is written 2 sigmoid(2x) - 1: torch's sigmoid is faster than its tanh on a CPU, and the two differ by the
rounding of numbers near 1. Doubling is exact, and free as a factor of a matrix product.

Shapes: T steps, B batch, F features, H hidden, G gates (1 for a plain RNN, 4 for an LSTM, 3 for a GRU). Steps come
first, so that what one step reads and writes lies together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import Function

from textrnn.modeling.nn.layer_input import LayerInput

Mode = Literal["rnn", "lstm", "gru"]
Saved = tuple[Tensor, ...]
Indices = Sequence[Tensor | None]  # of each part of the input, as Steps.read gives them
Gradients = tuple[Tensor, Tensor, Tensor | None, Tensor]
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


def run_layer(mode: Mode, x: LayerInput, weights: Sequence[Tensor], start: Tensor | None) -> tuple[Tensor, Tensor]:
    """All states (T, B, H) and the last one (B, H) of a layer that begins at `start` (B, H), zero where None.

    weights: weight_ih (G*H, F), weight_hh (G*H, H), bias_ih (G*H,), bias_hh (G*H,), as torch.nn has them; an LSTM's
    cell state begins at zero. Under autocast all is computed in its type.
    """
    if start is None:
        start = x.features.new_zeros(x.shape[1], weights[1].shape[1])
    parts = x.parts()
    values: tuple[Tensor, ...] = (*weights, start, *(part.features for part in parts))
    if torch.is_autocast_enabled("cpu"):
        values = tuple(value.to(torch.get_autocast_dtype("cpu")) for value in values)
    with torch.autocast("cpu", enabled=False):
        rows, places = zip(*(part.read() for part in parts), strict=True)
        states, last = LayerFunction.apply(mode, rows, places, x.shape, *values)
    return states, last


class LayerFunction(Function):
    """A layer's forward and backward, but for the loop over steps, which is the cell's own."""

    @staticmethod
    def forward(
        ctx: Any,
        mode: Mode,
        rows: tuple[Tensor | None, ...],
        places: tuple[Tensor | None, ...],
        shape: tuple[int, int],
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
        start: Tensor,
        *parts: Tensor,
    ) -> tuple[Tensor, Tensor]:
        ahead, held = _split_bias(mode, bias_ih, bias_hh)
        gates = _project(ahead, parts, rows, places, weight_ih).view(*shape, -1)
        saved = LOOPS[mode][0](gates, weight_hh, held, start)
        ctx.mode, ctx.parts = mode, len(parts)
        ctx.save_for_backward(*rows, *places, *parts, weight_ih, weight_hh, start, *saved)
        ctx.set_materialize_grads(False)
        return saved[0], saved[0][-1].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        count = ctx.parts
        rows, places, parts = (ctx.saved_tensors[at * count : (at + 1) * count] for at in range(3))
        weight_ih, weight_hh, start, *saved = ctx.saved_tensors[3 * count :]
        inner, d_weight_hh, d_held, d_start = LOOPS[ctx.mode][1](tuple(saved), weight_hh, start, *gradients)
        flats = [_by_row(inner.flatten(0, 1), *part) for part in zip(parts, rows, places, strict=True)]
        d_weight_ih = _joined([flat.t() @ part for flat, part in zip(flats, parts, strict=True)])
        needed = ctx.needs_input_grad[-len(parts) :]
        pairs = zip(flats, _shares(weight_ih, parts), needed, strict=True)
        d_parts = [flat @ weight if need else None for flat, weight, need in pairs]
        d_bias = flats[0].sum(0)
        d_bias_hh = d_bias if d_held is None else torch.cat((d_bias[: -len(d_held)], d_held))
        return None, None, None, None, d_weight_ih, d_weight_hh, d_bias, d_bias_hh, d_start, *d_parts


def _shares(weight: Tensor, parts: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The columns of weight_ih (G*H, F) that each part of the features is multiplied by."""
    return weight.split([part.shape[1] for part in parts], dim=1)


def _joined(columns: list[Tensor]) -> Tensor:
    return columns[0] if len(columns) == 1 else torch.cat(columns, dim=1)


def _project(ahead: Tensor, parts: Sequence[Tensor], rows: Indices, places: Indices, weight_ih: Tensor) -> Tensor:
    """What the input adds to the gates, (T*B, G*H) in memory of its own: the sum of its parts' shares and `ahead`."""
    gates = None  # the first part has every step, and `ahead` with it; only later ones may leave steps out
    for part, index, where, weight in zip(parts, rows, places, _shares(weight_ih, parts), strict=True):
        share = torch.addmm(ahead, part, weight.t()) if gates is None else part @ weight.t()
        share = share if index is None else share.index_select(0, index)
        if gates is None or where is None:
            gates = share if gates is None else gates.add_(share)
        else:
            gates.index_add_(0, where, share)
    assert gates is not None
    return gates


def _by_row(flat: Tensor, part: Tensor, rows: Tensor | None, places: Tensor | None) -> Tensor:
    """The gates' gradients (T*B, G*H), summed over the steps that read the same row where rows are read."""
    if rows is None:
        return flat
    read = flat if places is None else flat.index_select(0, places)
    return flat.new_zeros(len(part), flat.shape[1]).index_add_(0, rows, read)


def _split_bias(mode: Mode, bias_ih: Tensor, bias_hh: Tensor) -> tuple[Tensor, Tensor]:
    """The biases that can be added before the loop, and the one inside a GRU's reset gate, which cannot."""
    held = bias_hh[-len(bias_hh) // 3 :] if mode == "gru" else bias_hh[:0]
    ahead = bias_ih.clone()
    ahead[: len(bias_hh) - len(held)] += bias_hh[: len(bias_hh) - len(held)]
    return ahead, held


def _state_gradient(inner: Tensor, states: Tensor, start: Tensor) -> Tensor:
    """Gradient of weight_hh (G*H, H): over steps and rows, gates (T, B, G*H) times the states before them."""
    later = inner[1:].flatten(0, 1).t() @ states[:-1].flatten(0, 1)
    return later.addmm_(inner[0].t(), start)


# A loop forward: gates (T, B, G*H), holding what the input adds, overwritten; weight_hh; what a GRU's reset gate holds
# back; start. It returns the states (T, B, H), then what its loop backward needs.
# A loop backward: that; weight_hh; start; the gradients of all states and of the last one, None where nobody read them.
# It returns the gradients of the gates' insides (T, B, G*H), of weight_hh, of what the reset gate holds back, of start.


def _tanh_forward(gates: Tensor, weight: Tensor, _: Tensor, start: Tensor) -> Saved:
    """h' = tanh(x + h W)."""
    turned, minus_one, h = weight.t(), gates.new_tensor(-1.0), start
    for out in gates.unbind():
        out.addmm_(h, turned, beta=2, alpha=2).sigmoid_()
        h = torch.add(minus_one, out, alpha=2, out=out)
    return (gates,)


def _tanh_backward(
    saved: Saved, weight: Tensor, start: Tensor, from_states: Tensor | None, from_last: Tensor | None
) -> Gradients:
    (states,) = saved
    inner = torch.empty_like(states)
    dh = torch.zeros_like(start) if from_last is None else from_last.clone()
    for step in range(len(states) - 1, -1, -1):
        if from_states is not None:
            dh += from_states[step]
        tanh_backward(dh, states[step], grad_input=inner[step])
        torch.mm(inner[step], weight, out=dh)
    return inner, _state_gradient(inner, states, start), None, dh


def _lstm_forward(gates: Tensor, weight: Tensor, _: Tensor, start: Tensor) -> Saved:
    """c' = f c + i g, h' = o tanh(c'), with i, f, o = sigmoid(x + h W), g = tanh(x + h W), in the order i, f, g, o.

    Source: Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, as torch.nn.LSTM documents it.
    """
    states, cells, squashed = (gates.new_empty(*gates.shape[:2], start.shape[1]) for _ in range(3))
    turned, minus_one, h, c = weight.t(), gates.new_tensor(-1.0), start, torch.zeros_like(start)
    for step, gate in enumerate(gates.unbind()):
        gate.addmm_(h, turned)
        i, f, g, o = gate.chunk(4, dim=1)
        g.mul_(2)
        gate.sigmoid_()
        torch.add(minus_one, g, alpha=2, out=g)
        c = torch.mul(f, c, out=cells[step]).addcmul_(i, g)
        tanh = torch.mul(c, 2, out=squashed[step]).sigmoid_()
        torch.add(minus_one, tanh, alpha=2, out=tanh)
        h = torch.mul(o, tanh, out=states[step])
    return states, cells, squashed, gates


def _lstm_backward(
    saved: Saved, weight: Tensor, start: Tensor, from_states: Tensor | None, from_last: Tensor | None
) -> Gradients:
    states, cells, squashed, gates = saved
    inner = torch.empty_like(gates)
    dh = torch.zeros_like(start) if from_last is None else from_last.clone()
    dc, part, nothing = torch.zeros_like(start), torch.empty_like(start), torch.zeros_like(start)
    for step in range(len(states) - 1, -1, -1):
        if from_states is not None:
            dh += from_states[step]
        i, f, g, o = gates[step].chunk(4, dim=1)
        di, df, dg, do = inner[step].chunk(4, dim=1)
        tanh = squashed[step]
        sigmoid_backward(torch.mul(dh, tanh, out=part), o, grad_input=do)
        dc += tanh_backward(torch.mul(dh, o, out=part), tanh, grad_input=part)
        sigmoid_backward(torch.mul(dc, g, out=part), i, grad_input=di)
        tanh_backward(torch.mul(dc, i, out=part), g, grad_input=dg)
        sigmoid_backward(torch.mul(dc, cells[step - 1] if step else nothing, out=part), f, grad_input=df)
        dc *= f
        torch.mm(inner[step], weight, out=dh)
    return inner, _state_gradient(inner, states, start), None, dh


def _gru_forward(gates: Tensor, weight: Tensor, bias: Tensor, start: Tensor) -> Saved:
    """r, z = sigmoid(x + h W), n = tanh(x + r (h W + b)), h' = n + z (h - n), in the order r, z, n.

    Source: Cho et al. 2014, arXiv:1406.1078, in the form that torch.nn.GRU documents.
    """
    size = start.shape[1]
    states, held = (gates.new_empty(*gates.shape[:2], size) for _ in range(2))  # held: what r lets through
    turned, turned_n = weight[: 2 * size].t(), weight[2 * size :].t()
    minus_one, h = gates.new_tensor(-1.0), start
    for step, gate in enumerate(gates.unbind()):
        r, _, n = gate.chunk(3, dim=1)
        gate[:, : 2 * size].addmm_(h, turned).sigmoid_()
        torch.addmm(bias, h, turned_n, out=held[step])
        n.addcmul_(r, held[step]).mul_(2).sigmoid_()
        torch.add(minus_one, n, alpha=2, out=n)
        h = torch.lerp(n, h, gate[:, size : 2 * size], out=states[step])
    return states, held, gates


def _gru_backward(
    saved: Saved, weight: Tensor, start: Tensor, from_states: Tensor | None, from_last: Tensor | None
) -> Gradients:
    states, held, gates = saved
    both = 2 * start.shape[1]  # r and z
    inner, d_held = torch.empty_like(gates), torch.empty_like(states)
    dh = torch.zeros_like(start) if from_last is None else from_last.clone()
    part = torch.empty_like(start)
    for step in range(len(states) - 1, -1, -1):
        if from_states is not None:
            dh += from_states[step]
        r, z, n = gates[step].chunk(3, dim=1)
        dr, dz, dn = inner[step].chunk(3, dim=1)
        torch.sub(states[step - 1] if step else start, n, out=part)
        sigmoid_backward(part.mul_(dh), z, grad_input=dz)
        kept = torch.mul(dh, z, out=part)
        tanh_backward(dh.sub_(kept), n, grad_input=dn)
        torch.mul(dn, r, out=d_held[step])
        torch.addmm(kept, d_held[step], weight[both:], out=dh)
        sigmoid_backward(torch.mul(dn, held[step], out=part), r, grad_input=dr)
        dh.addmm_(inner[step, :, :both], weight[:both])
    d_weight = (_state_gradient(inner[:, :, :both], states, start), _state_gradient(d_held, states, start))
    return inner, torch.cat(d_weight), d_held.sum((0, 1)), dh


LOOPS: dict[Mode, tuple[Callable[..., Saved], Callable[..., Gradients]]] = {
    "rnn": (_tanh_forward, _tanh_backward),
    "lstm": (_lstm_forward, _lstm_backward),
    "gru": (_gru_forward, _gru_backward),
}
