"""Build the ONNX graph of a network, operator by operator, for any batch size, number of steps and row lengths.

Nothing is traced, so no size is fixed: ONNX has operators for whole recurrent layers that take each row's length.
Shapes: B batch, T steps, F features, H hidden, D directions, L layers, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from textrnn.inference.onnx.embedding import embed
from textrnn.inference.onnx.nodes import FLOAT, INT32, INT64, Graph
from textrnn.inference.onnx.wide import add_wide
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.recurrent import WEIGHT_NAMES
from textrnn.modeling.nn.scratch_gru import ScratchGRU

OPSET = 17  # the first with LayerNormalization
OPERATOR = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "scratch_gru": "GRU"}
# ONNX stacks the gates in another order than torch: LSTM i o f c instead of i f g o, GRU z r h instead of r z n
GATES = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "scratch_gru": (1, 0, 2)}


def make_model(network: TextRNN, opset: int = OPSET) -> Any:
    """Return the network as an onnx.ModelProto, with dynamic B and T.

    Inputs: `ids` (B, T) and `lengths` (B,), int64. Output: `logits`, float32, (B, C) or for tagging (B, T, C), as
    TextRNN computes them; a CRF is not included.
    """
    from onnx import helper

    graph = Graph()
    features = _features(graph, network)
    logits = _head(graph, network, features)
    if network.wide is not None:
        logits = add_wide(graph, network.wide, logits)
    graph.nodes.append(helper.make_node("Identity", [logits], ["logits"], name="logits"))
    tags = network.options.readout == "every_step"
    classes = 2 if network.options.loss == "bce" else network.head.outer.out_features
    shape: list[str | int | None] = ["batch", "time", classes] if tags else ["batch", classes]
    inputs = [
        helper.make_tensor_value_info("ids", INT64, ["batch", "time"]),
        helper.make_tensor_value_info("lengths", INT64, ["batch"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", FLOAT, shape)]
    proto = helper.make_graph(graph.nodes, "TextRNN", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets))


def _features(graph: Graph, network: TextRNN) -> str:
    """The features that the head reads; the operations are those of TextRNN.features, in the same order."""
    options = network.options
    ignores_padding = options.readout != "last_step"
    rotated = ignores_padding and network.pad_side == "left"
    ids = "ids"
    if rotated:
        ids = _rotate_rows(graph, ids, graph.add("Sub", _steps(graph), "lengths"))
    x = embed(graph, network, ids)
    lengths = graph.add("Max", "lengths", graph.constant([1])) if ignores_padding else ""
    states, ends = _recurrent(graph, network, x, lengths)
    if not ignores_padding:
        features = graph.add("Gather", states, graph.constant(-1), axis=0)  # (B, D*H)
    else:
        features = _pool(graph, network, states, ends, lengths)
    if rotated and options.readout == "every_step":
        features = _rotate_rows(graph, features, "lengths")
    if options.relu:
        features = graph.add("Relu", features)
    if network.norm is None:
        return features
    weights = graph.constant(network.norm.weight), graph.constant(network.norm.bias)
    return graph.add("LayerNormalization", features, *weights, axis=-1, epsilon=network.norm.eps)


def _steps(graph: Graph) -> str:
    """The number of steps T, (1,)."""
    return graph.add("Shape", "ids", start=1, end=2)


def _range(graph: Graph) -> str:
    """The steps 0 to T - 1, (T,)."""
    last = graph.add("Squeeze", _steps(graph), graph.constant([0]))
    return graph.add("Range", graph.constant(0), last, graph.constant(1))


def _rotate_rows(graph: Graph, x: str, shifts: str) -> str:
    """Rotate each row of x (B, T, ...) towards its start by its shift (B,), as `pooling.rotate_rows` does."""
    column = graph.add("Unsqueeze", shifts, graph.constant([1]))
    index = graph.add("Mod", graph.add("Add", _range(graph), column), _steps(graph))  # (B, T)
    return graph.add("GatherND", x, graph.add("Unsqueeze", index, graph.constant([2])), batch_dims=1)


def _recurrent(graph: Graph, network: TextRNN, x: str, lengths: str) -> tuple[str, str]:
    """The last layer's outputs (T, B, D*H) and final hidden states (B, D*H).

    lengths: the name of the row lengths; "" reads all T steps of every row.
    """
    layers = network.recurrent
    hidden_size, ends = layers.hidden_size, ""
    if lengths:
        lengths = graph.add("Cast", lengths, to=INT32)
    attributes: dict[str, Any] = {"linear_before_reset": 1} if OPERATOR[layers.cell] == "GRU" else {}
    attributes |= {"hidden_size": hidden_size, "direction": "bidirectional" if layers.directions == 2 else "forward"}
    for layer in range(layers.layers):
        modules = list(layers.runs)[layer * layers.directions : (layer + 1) * layers.directions]
        weights = [graph.constant(array) for array in _weights(layers.cell, modules)]
        inputs = [x, *weights, lengths] if lengths else [x, *weights]
        out = graph.add(OPERATOR[layers.cell], *inputs, outputs=2, **attributes)  # (T, D, B, H)
        shape = graph.constant([0, 0, layers.directions * hidden_size])
        x = graph.add("Reshape", graph.add("Transpose", out, perm=[0, 2, 1, 3]), shape)
        ends = f"{out}.1"  # (D, B, H)
    shape = graph.constant([0, layers.directions * hidden_size])
    return x, graph.add("Reshape", graph.add("Transpose", ends, perm=[1, 0, 2]), shape)


def _weights(cell: str, modules: list[nn.Module]) -> list[np.ndarray]:
    """W (D, gates*H, F), R (D, gates*H, H) and the two biases joined (D, 2*gates*H), with the gates in ONNX's order."""
    stacked = []
    for module in modules:
        suffix = "" if isinstance(module, ScratchGRU) else "_l0"
        arrays = [getattr(module, name + suffix).detach().cpu().numpy() for name in WEIGHT_NAMES]
        gates = [np.split(array, len(GATES[cell])) for array in arrays]
        w, r, b, rb = (np.concatenate([parts[gate] for gate in GATES[cell]]) for parts in gates)
        stacked.append((w, r, np.concatenate((b, rb))))
    return [np.stack(arrays) for arrays in zip(*stacked, strict=True)]


def _pool(graph: Graph, network: TextRNN, states: str, ends: str, lengths: str) -> str:
    """The readouts of states (T, B, D*H), concatenated: (B, D*H times their number), or all states (B, T, D*H)."""
    axis = graph.constant([1])
    steps = graph.add("Unsqueeze", _range(graph), axis)
    padding = graph.add("GreaterOrEqual", steps, lengths)  # (T, B)
    padding = graph.add("Unsqueeze", padding, graph.constant([2]))  # (T, B, 1)
    # ONNX does not define the outputs past the lengths
    states = graph.add("Where", padding, graph.constant(np.float32(0)), states)
    if network.options.readout == "every_step":
        return graph.add("Transpose", states, perm=[1, 0, 2])
    pooled = []
    for readout in network.readouts:
        if readout == "last_valid":
            pooled.append(ends)
        elif readout == "mean":
            total = graph.add("ReduceSum", states, graph.constant([0]), keepdims=0)
            count = graph.add("Unsqueeze", graph.add("Cast", lengths, to=FLOAT), axis)
            pooled.append(graph.add("Div", total, count))
        elif readout == "max":
            masked = graph.add("Where", padding, _minus_infinity(graph), states)
            pooled.append(graph.add("ReduceMax", masked, axes=[0], keepdims=0))
        else:
            pooled.append(_attention(graph, network, states, padding))
    return pooled[0] if len(pooled) == 1 else graph.add("Concat", *pooled, axis=1)


def _minus_infinity(graph: Graph) -> str:
    return graph.constant(np.float32(-np.inf))


def _attention(graph: Graph, network: TextRNN, states: str, padding: str) -> str:
    """The attention pooling of states (T, B, D*H), ignoring steps where padding (T, B, 1) is true: (B, D*H).

    It computes what `pooling.AttentionPooling` does.
    """
    attention = network.attention
    assert attention is not None
    inner = graph.add("Tanh", _linear(graph, attention.inner, states))
    scores = graph.add("Where", padding, _minus_infinity(graph), _linear(graph, attention.query, inner))  # (T, B, 1)
    weighted = graph.add("Mul", states, graph.add("Softmax", scores, axis=0))
    return graph.add("ReduceSum", weighted, graph.constant([0]), keepdims=0)


def _linear(graph: Graph, layer: nn.Linear, x: str) -> str:
    product = graph.add("MatMul", x, graph.constant(layer.weight.t()))
    return product if layer.bias is None else graph.add("Add", product, graph.constant(layer.bias))


def _head(graph: Graph, network: TextRNN, x: str) -> str:
    if network.head.inner is not None:
        x = graph.add("Relu", _linear(graph, network.head.inner, x))
    logits = _linear(graph, network.head.outer, x)
    if network.options.loss != "bce":
        return logits
    return graph.add("Concat", graph.add("Sub", logits, logits), logits, axis=-1)
