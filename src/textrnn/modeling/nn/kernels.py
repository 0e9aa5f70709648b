"""One recurrent layer in one direction on a CPU, with hand-written loops for the forward and the backward pass.

The input's part of the gates does not depend on the state: it is one matrix product before the loop. If the input is
rows of a table, such as embeddings, the product is computed once per distinct row and then looked up. Compared with
autograd over a loop this saves a graph node per operation, and the gradient of the weights is one product over all
steps instead of one per step. The results equal those of torch's modules up to rounding.

Every tanh is computed as 2 sigmoid(2x) - 1: torch's sigmoid is faster than its tanh on a CPU, and the two differ by the
rounding of numbers near 1. Doubling is exact, and costs nothing as a factor of a matrix product.

Shapes: T steps, B batch, F features, H hidden, G gates (1 for a plain RNN, 4 for an LSTM, 3 for a GRU). Steps are the
first dimension, so that the data of one step is contiguous.
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
Indices = Sequence[Tensor | None]  # one per part of the input, as LayerInput.row_indices returns them
Gradients = tuple[Tensor, Tensor, Tensor | None, Tensor]
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


def run_layer(mode: Mode, x: LayerInput, weights: Sequence[Tensor], start: Tensor | None) -> tuple[Tensor, Tensor]:
    """Run a layer from the state `start` (B, H), or from zero if None: all states (T, B, H) and the last one (B, H).

    weights: weight_ih (G*H, F), weight_hh (G*H, H), bias_ih (G*H,), bias_hh (G*H,), as in torch.nn. The cell state of
    an LSTM starts at zero. Under autocast everything is computed in autocast's type.
    """
    if start is None:
        start = x.features.new_zeros(x.shape[1], weights[1].shape[1])
    parts = x.split()
    values: tuple[Tensor, ...] = (*weights, start, *(part.features for part in parts))
    if torch.is_autocast_enabled("cpu"):
        values = tuple(value.to(torch.get_autocast_dtype("cpu")) for value in values)
    with torch.autocast("cpu", enabled=False):
        rows, steps = zip(*(part.row_indices() for part in parts), strict=True)
        states, last = LayerFunction.apply(mode, rows, steps, x.shape, *values)
    return states, last


class LayerFunction(Function):
    """The forward and backward pass of a layer; the loop over the steps is in LOOPS."""

    @staticmethod
    def forward(
        ctx: Any,
        mode: Mode,
        rows: tuple[Tensor | None, ...],
        steps: tuple[Tensor | None, ...],
        shape: tuple[int, int],
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
        start: Tensor,
        *parts: Tensor,
    ) -> tuple[Tensor, Tensor]:
        input_bias, reset_bias = _split_bias(mode, bias_ih, bias_hh)
        gates = _project(input_bias, parts, rows, steps, weight_ih).view(*shape, -1)
        saved = LOOPS[mode][0](gates, weight_hh, reset_bias, start)
        ctx.mode, ctx.parts = mode, len(parts)
        ctx.save_for_backward(*rows, *steps, *parts, weight_ih, weight_hh, start, *saved)
        ctx.set_materialize_grads(False)
        return saved[0], saved[0][-1].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        count = ctx.parts
        rows, steps, parts = (ctx.saved_tensors[group * count : (group + 1) * count] for group in range(3))
        weight_ih, weight_hh, start, *saved = ctx.saved_tensors[3 * count :]
        d_gates, d_weight_hh, d_reset_bias, d_start = LOOPS[ctx.mode][1](tuple(saved), weight_hh, start, *gradients)
        d_rows = [_sum_by_row(d_gates.flatten(0, 1), *part) for part in zip(parts, rows, steps, strict=True)]
        d_weight_ih = _join_columns([d_row.t() @ part for d_row, part in zip(d_rows, parts, strict=True)])
        needs_grad = ctx.needs_input_grad[-len(parts) :]
        columns = zip(d_rows, _split_columns(weight_ih, parts), needs_grad, strict=True)
        d_parts = [d_row @ weight if needed else None for d_row, weight, needed in columns]
        d_bias = d_rows[0].sum(0)
        d_bias_hh = d_bias if d_reset_bias is None else torch.cat((d_bias[: -len(d_reset_bias)], d_reset_bias))
        return None, None, None, None, d_weight_ih, d_weight_hh, d_bias, d_bias_hh, d_start, *d_parts


def _split_columns(weight: Tensor, parts: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The columns of weight_ih (G*H, F) that belong to each part of the features."""
    return weight.split([part.shape[1] for part in parts], dim=1)


def _join_columns(columns: list[Tensor]) -> Tensor:
    return columns[0] if len(columns) == 1 else torch.cat(columns, dim=1)


def _project(bias: Tensor, parts: Sequence[Tensor], rows: Indices, steps: Indices, weight_ih: Tensor) -> Tensor:
    """The input's part of the gates (T*B, G*H), in newly allocated memory: the sum over the parts, plus the bias."""
    gates = None  # the first part covers every step and brings the bias; only later parts may skip steps
    for part, index, where, weight in zip(parts, rows, steps, _split_columns(weight_ih, parts), strict=True):
        projected = torch.addmm(bias, part, weight.t()) if gates is None else part @ weight.t()
        projected = projected if index is None else projected.index_select(0, index)
        if gates is None or where is None:
            gates = projected if gates is None else gates.add_(projected)
        else:
            gates.index_add_(0, where, projected)
    assert gates is not None
    return gates


def _sum_by_row(d_gates: Tensor, part: Tensor, rows: Tensor | None, steps: Tensor | None) -> Tensor:
    """The gradients of the gates (T*B, G*H), summed over the steps that read the same row, if the part has rows."""
    if rows is None:
        return d_gates
    selected = d_gates if steps is None else d_gates.index_select(0, steps)
    return d_gates.new_zeros(len(part), d_gates.shape[1]).index_add_(0, rows, selected)


def _split_bias(mode: Mode, bias_ih: Tensor, bias_hh: Tensor) -> tuple[Tensor, Tensor]:
    """The biases that can be added before the loop, and the bias inside a GRU's reset gate, which cannot."""
    reset_bias = bias_hh[-len(bias_hh) // 3 :] if mode == "gru" else bias_hh[:0]
    input_bias = bias_ih.clone()
    input_bias[: len(bias_hh) - len(reset_bias)] += bias_hh[: len(bias_hh) - len(reset_bias)]
    return input_bias, reset_bias


def _recurrent_weight_gradient(d_gates: Tensor, states: Tensor, start: Tensor) -> Tensor:
    """The gradient of weight_hh (G*H, H): d_gates (T, B, G*H) times the states before, over all steps and rows."""
    gradient = d_gates[1:].flatten(0, 1).t() @ states[:-1].flatten(0, 1)
    return gradient.addmm_(d_gates[0].t(), start)


# A forward loop takes gates (T, B, G*H), which hold the input's part and are overwritten; weight_hh; the bias inside a
# GRU's reset gate; and start. It returns the states (T, B, H) and whatever else its backward loop needs.
# A backward loop takes these tensors; weight_hh; start; and the gradients of all states and of the last one, None if
# unused. It returns the gradients of the gates' pre-activations (T, B, G*H), of weight_hh, of that bias, and of start.


def _tanh_forward(gates: Tensor, weight: Tensor, _: Tensor, start: Tensor) -> Saved:
    """h' = tanh(x + h W)."""
    weight_t, minus_one, h = weight.t(), gates.new_tensor(-1.0), start
    for out in gates.unbind():
        out.addmm_(h, weight_t, beta=2, alpha=2).sigmoid_()
        h = torch.add(minus_one, out, alpha=2, out=out)
    return (gates,)


def _tanh_backward(
    saved: Saved, weight: Tensor, start: Tensor, d_states: Tensor | None, d_last: Tensor | None
) -> Gradients:
    (states,) = saved
    d_gates = torch.empty_like(states)
    dh = torch.zeros_like(start) if d_last is None else d_last.clone()
    for step in range(len(states) - 1, -1, -1):
        if d_states is not None:
            dh += d_states[step]
        tanh_backward(dh, states[step], grad_input=d_gates[step])
        torch.mm(d_gates[step], weight, out=dh)
    return d_gates, _recurrent_weight_gradient(d_gates, states, start), None, dh


def _lstm_forward(gates: Tensor, weight: Tensor, _: Tensor, start: Tensor) -> Saved:
    """c' = f c + i g, h' = o tanh(c'), with i, f, o = sigmoid(x + h W), g = tanh(x + h W), in the order i, f, g, o.

    Source: Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, as torch.nn.LSTM documents it.
    """
    states, cells, tanh_cells = (gates.new_empty(*gates.shape[:2], start.shape[1]) for _ in range(3))
    weight_t, minus_one, h, c = weight.t(), gates.new_tensor(-1.0), start, torch.zeros_like(start)
    for step, gate in enumerate(gates.unbind()):
        gate.addmm_(h, weight_t)
        i, f, g, o = gate.chunk(4, dim=1)
        g.mul_(2)
        gate.sigmoid_()
        torch.add(minus_one, g, alpha=2, out=g)
        c = torch.mul(f, c, out=cells[step]).addcmul_(i, g)
        tanh = torch.mul(c, 2, out=tanh_cells[step]).sigmoid_()
        torch.add(minus_one, tanh, alpha=2, out=tanh)
        h = torch.mul(o, tanh, out=states[step])
    return states, cells, tanh_cells, gates


def _lstm_backward(
    saved: Saved, weight: Tensor, start: Tensor, d_states: Tensor | None, d_last: Tensor | None
) -> Gradients:
    states, cells, tanh_cells, gates = saved
    d_gates = torch.empty_like(gates)
    dh = torch.zeros_like(start) if d_last is None else d_last.clone()
    dc, buffer, zeros = torch.zeros_like(start), torch.empty_like(start), torch.zeros_like(start)
    for step in range(len(states) - 1, -1, -1):
        if d_states is not None:
            dh += d_states[step]
        i, f, g, o = gates[step].chunk(4, dim=1)
        di, df, dg, do = d_gates[step].chunk(4, dim=1)
        tanh = tanh_cells[step]
        sigmoid_backward(torch.mul(dh, tanh, out=buffer), o, grad_input=do)
        dc += tanh_backward(torch.mul(dh, o, out=buffer), tanh, grad_input=buffer)
        sigmoid_backward(torch.mul(dc, g, out=buffer), i, grad_input=di)
        tanh_backward(torch.mul(dc, i, out=buffer), g, grad_input=dg)
        sigmoid_backward(torch.mul(dc, cells[step - 1] if step else zeros, out=buffer), f, grad_input=df)
        dc *= f
        torch.mm(d_gates[step], weight, out=dh)
    return d_gates, _recurrent_weight_gradient(d_gates, states, start), None, dh


def _gru_forward(gates: Tensor, weight: Tensor, bias: Tensor, start: Tensor) -> Saved:
    """r, z = sigmoid(x + h W), n = tanh(x + r (h W + b)), h' = n + z (h - n), in the order r, z, n.

    Source: Cho et al. 2014, arXiv:1406.1078, in the form that torch.nn.GRU documents.
    """
    size = start.shape[1]
    states, hidden_n = (gates.new_empty(*gates.shape[:2], size) for _ in range(2))  # hidden_n: h W + b, times r in n
    weight_rz_t, weight_n_t = weight[: 2 * size].t(), weight[2 * size :].t()
    minus_one, h = gates.new_tensor(-1.0), start
    for step, gate in enumerate(gates.unbind()):
        r, _, n = gate.chunk(3, dim=1)
        gate[:, : 2 * size].addmm_(h, weight_rz_t).sigmoid_()
        torch.addmm(bias, h, weight_n_t, out=hidden_n[step])
        n.addcmul_(r, hidden_n[step]).mul_(2).sigmoid_()
        torch.add(minus_one, n, alpha=2, out=n)
        h = torch.lerp(n, h, gate[:, size : 2 * size], out=states[step])
    return states, hidden_n, gates


def _gru_backward(
    saved: Saved, weight: Tensor, start: Tensor, d_states: Tensor | None, d_last: Tensor | None
) -> Gradients:
    states, hidden_n, gates = saved
    rz_size = 2 * start.shape[1]
    d_gates, d_hidden_n = torch.empty_like(gates), torch.empty_like(states)
    dh = torch.zeros_like(start) if d_last is None else d_last.clone()
    buffer = torch.empty_like(start)
    for step in range(len(states) - 1, -1, -1):
        if d_states is not None:
            dh += d_states[step]
        r, z, n = gates[step].chunk(3, dim=1)
        dr, dz, dn = d_gates[step].chunk(3, dim=1)
        torch.sub(states[step - 1] if step else start, n, out=buffer)
        sigmoid_backward(buffer.mul_(dh), z, grad_input=dz)
        dh_z = torch.mul(dh, z, out=buffer)
        tanh_backward(dh.sub_(dh_z), n, grad_input=dn)
        torch.mul(dn, r, out=d_hidden_n[step])
        torch.addmm(dh_z, d_hidden_n[step], weight[rz_size:], out=dh)
        sigmoid_backward(torch.mul(dn, hidden_n[step], out=buffer), r, grad_input=dr)
        dh.addmm_(d_gates[step, :, :rz_size], weight[:rz_size])
    d_weight_rz = _recurrent_weight_gradient(d_gates[:, :, :rz_size], states, start)
    d_weight_n = _recurrent_weight_gradient(d_hidden_n, states, start)
    return d_gates, torch.cat((d_weight_rz, d_weight_n)), d_hidden_n.sum((0, 1)), dh


LOOPS: dict[Mode, tuple[Callable[..., Saved], Callable[..., Gradients]]] = {
    "rnn": (_tanh_forward, _tanh_backward),
    "lstm": (_lstm_forward, _lstm_backward),
    "gru": (_gru_forward, _gru_backward),
}
