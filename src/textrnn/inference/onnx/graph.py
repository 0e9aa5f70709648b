"""A network as an ONNX graph, written operator by operator: every length and every number of rows and steps.

ONNX has operators for whole recurrent layers that take each row's length, so nothing is traced and no size is fixed.
Shapes: B batch, T steps, F features, H hidden, D directions, L layers, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from textrnn.inference.onnx.embedding import embed
from textrnn.inference.onnx.nodes import FLOAT, INT32, INT64, Graph
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.recurrent import WEIGHTS
from textrnn.modeling.nn.scratch_gru import ScratchGRU

OPSET = 17  # the first with LayerNormalization
OPERATOR = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "scratch_gru": "GRU"}
# ONNX stacks the gates in another order than torch: i o f c for torch's i f g o, and z r h for its r z n
GATES = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "scratch_gru": (1, 0, 2)}


def make_model(network: TextRNN, opset: int = OPSET) -> Any:
    """The network as an onnx.ModelProto: ids (B, T) and lengths (B,), both int64, in; logits float32 out.

    The logits are TextRNN's, (B, C), or (B, T, C) for tagging. A CRF is no part of them. B and T are free.
    """
    from onnx import helper

    graph = Graph()
    features = _features(graph, network)
    logits = _head(graph, network, features)
    graph.nodes.append(helper.make_node("Identity", [logits], ["logits"], name="logits"))
    tags = network.config.readout == "every_step"
    classes = 2 if network.config.loss == "bce" else network.head.outer.out_features
    shape: list[str | int | None] = ["batch", "time", classes] if tags else ["batch", classes]
    inputs = [
        helper.make_tensor_value_info("ids", INT64, ["batch", "time"]),
        helper.make_tensor_value_info("lengths", INT64, ["batch"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", FLOAT, shape)]
    made = helper.make_graph(graph.nodes, "TextRNN", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(made, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets))


def _features(graph: Graph, network: TextRNN) -> str:
    """What the head sees; the steps are TextRNN.features's own, in its order."""
    config = network.config
    exact = config.readout != "last_step"
    turned = exact and network.pad_side == "left"
    ids = "ids"
    if turned:
        ids = _turn(graph, ids, graph.add("Sub", _steps(graph), "lengths"))
    x = embed(graph, network, ids)
    lengths = graph.add("Max", "lengths", graph.constant([1])) if exact else ""
    states, ends = _recurrent(graph, network, x, lengths)
    if not exact:
        found = graph.add("Gather", states, graph.constant(-1), axis=0)  # (B, D*H)
    else:
        found = _read(graph, network, states, ends, lengths)
    if turned and config.readout == "every_step":
        found = _turn(graph, found, "lengths")
    if config.relu:
        found = graph.add("Relu", found)
    if network.norm is None:
        return found
    weights = graph.constant(network.norm.weight), graph.constant(network.norm.bias)
    return graph.add("LayerNormalization", found, *weights, axis=-1, epsilon=network.norm.eps)


def _steps(graph: Graph) -> str:
    """T, (1,)."""
    return graph.add("Shape", "ids", start=1, end=2)


def _range(graph: Graph) -> str:
    """0 to T - 1, (T,)."""
    last = graph.add("Squeeze", _steps(graph), graph.constant([0]))
    return graph.add("Range", graph.constant(0), last, graph.constant(1))


def _turn(graph: Graph, x: str, shifts: str) -> str:
    """`readouts.turn`: each row of x (B, T, ...) turned towards its start by its shift (B,)."""
    column = graph.add("Unsqueeze", shifts, graph.constant([1]))
    index = graph.add("Mod", graph.add("Add", _range(graph), column), _steps(graph))  # (B, T)
    return graph.add("GatherND", x, graph.add("Unsqueeze", index, graph.constant([2])), batch_dims=1)


def _recurrent(graph: Graph, network: TextRNN, x: str, lengths: str) -> tuple[str, str]:
    """The last layer's outputs (T, B, D*H) and its last h (B, D*H), of rows of these lengths, all T steps if ''."""
    layers = network.recurrent
    size, ends = layers.hidden_size, ""
    if lengths:
        lengths = graph.add("Cast", lengths, to=INT32)
    attributes: dict[str, Any] = {"linear_before_reset": 1} if OPERATOR[layers.cell] == "GRU" else {}
    attributes |= {"hidden_size": size, "direction": "bidirectional" if layers.directions == 2 else "forward"}
    for layer in range(layers.layers):
        runs = list(layers.runs)[layer * layers.directions : (layer + 1) * layers.directions]
        weights = [graph.constant(array) for array in _weights(layers.cell, runs)]
        inputs = [x, *weights, lengths] if lengths else [x, *weights]
        out = graph.add(OPERATOR[layers.cell], *inputs, outputs=2, **attributes)  # (T, D, B, H)
        width = graph.constant([0, 0, layers.directions * size])
        x = graph.add("Reshape", graph.add("Transpose", out, perm=[0, 2, 1, 3]), width)
        ends = f"{out}.1"  # (D, B, H)
    width = graph.constant([0, layers.directions * size])
    return x, graph.add("Reshape", graph.add("Transpose", ends, perm=[1, 0, 2]), width)


def _weights(cell: str, runs: list[nn.Module]) -> list[np.ndarray]:
    """W (D, gates*H, F), R (D, gates*H, H) and both biases in one (D, 2*gates*H), in the order that ONNX has."""
    stacked = []
    for run in runs:
        own = "" if isinstance(run, ScratchGRU) else "_l0"
        arrays = [getattr(run, name + own).detach().cpu().numpy() for name in WEIGHTS]
        gates = [np.split(array, len(GATES[cell])) for array in arrays]
        w, r, b, rb = (np.concatenate([parts[gate] for gate in GATES[cell]]) for parts in gates)
        stacked.append((w, r, np.concatenate((b, rb))))
    return [np.stack(arrays) for arrays in zip(*stacked, strict=True)]


def _read(graph: Graph, network: TextRNN, states: str, ends: str, lengths: str) -> str:
    """The readouts of states (T, B, D*H), joined: (B, D*H times their number), or all states (B, T, D*H)."""
    axis = graph.constant([1])
    steps = graph.add("Unsqueeze", _range(graph), axis)
    past = graph.add("GreaterOrEqual", steps, lengths)  # (T, B)
    wide = graph.add("Unsqueeze", past, graph.constant([2]))
    # ONNX does not say what stands past the lengths
    states = graph.add("Where", wide, graph.constant(np.float32(0)), states)
    if network.config.readout == "every_step":
        return graph.add("Transpose", states, perm=[1, 0, 2])
    found = []
    for readout in network.readouts:
        if readout == "last_valid":
            found.append(ends)
        elif readout == "mean":
            total = graph.add("ReduceSum", states, graph.constant([0]), keepdims=0)
            count = graph.add("Unsqueeze", graph.add("Cast", lengths, to=FLOAT), axis)
            found.append(graph.add("Div", total, count))
        elif readout == "max":
            found.append(graph.add("ReduceMax", graph.add("Where", wide, _lowest(graph), states), axes=[0], keepdims=0))
        else:
            found.append(_attention(graph, network, states, wide))
    return found[0] if len(found) == 1 else graph.add("Concat", *found, axis=1)


def _lowest(graph: Graph) -> str:
    return graph.constant(np.float32(-np.inf))


def _attention(graph: Graph, network: TextRNN, states: str, wide: str) -> str:
    """`readouts.Attention` of states (T, B, D*H), those left out where wide (T, B, 1) is true: (B, D*H)."""
    attention = network.attention
    assert attention is not None
    inner = graph.add("Tanh", _linear(graph, attention.inner, states))
    scores = graph.add("Where", wide, _lowest(graph), _linear(graph, attention.query, inner))  # (T, B, 1)
    weighed = graph.add("Mul", states, graph.add("Softmax", scores, axis=0))
    return graph.add("ReduceSum", weighed, graph.constant([0]), keepdims=0)


def _linear(graph: Graph, layer: nn.Linear, x: str) -> str:
    product = graph.add("MatMul", x, graph.constant(layer.weight.t()))
    return product if layer.bias is None else graph.add("Add", product, graph.constant(layer.bias))


def _head(graph: Graph, network: TextRNN, x: str) -> str:
    if network.head.inner is not None:
        x = graph.add("Relu", _linear(graph, network.head.inner, x))
    logits = _linear(graph, network.head.outer, x)
    if network.config.loss != "bce":
        return logits
    return graph.add("Concat", graph.add("Sub", logits, logits), logits, axis=-1)
