"""Build the part of an ONNX graph that adds the wide part, as textrnn.modeling.models.wide computes it.

Shapes: B batch, T steps, C classes, F n-grams, P = T + 2 positions at which an n-gram may start, marks included.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from textrnn.inference.onnx.key_search import multiply, search, sorted_keys
from textrnn.inference.onnx.nodes import Graph
from textrnn.modeling.models.wide import WidePart


def add_wide(graph: Graph, wide: WidePart, logits: str) -> str:
    """Return the weighted sum of the network's own logits (B, C) and the linear scores of `ids` and `lengths`."""
    absent = len(wide.weights)  # the row of zeros that stands for no n-gram
    rows = torch.nn.functional.pad(torch.cat((wide.weights, wide.squares), dim=1), (0, 0, 0, 1))
    table = graph.constant(rows, "wide")  # (F + 1, C + 1)
    sums = [_sum_distinct(graph, table, places, absent) for places in _places(graph, wide, absent)]
    total = sums[0]
    for other in sums[1:]:
        total = graph.add("Add", total, other)
    classes, axis = wide.weights.shape[1], graph.constant([1])
    scores = graph.add("Slice", total, graph.constant([0]), graph.constant([classes]), axis)
    squares = graph.add("Slice", total, graph.constant([classes]), graph.constant([classes + 1]), axis)  # (B, 1)
    positive = graph.add("Greater", squares, graph.constant(np.float32(0)))
    norm = graph.add("Sqrt", graph.add("Where", positive, squares, graph.constant(np.float32(1))))
    scores = graph.add("Add", graph.add("Div", scores, norm), graph.constant(wide.bias))
    parts = [
        graph.add("Mul", part, graph.constant(scale)) for part, scale in zip((logits, scores), wide.scales, strict=True)
    ]
    return graph.add("Add", *parts)


def _places(graph: Graph, wide: WidePart, absent: int) -> Iterator[str]:
    """For each order the rows of the n-grams that start at each position, (B, P); `absent` for an unknown one."""
    steps = graph.add("Add", graph.add("Shape", "ids", start=1, end=2), graph.constant([2]))  # (1,)
    marked = graph.add("Pad", "ids", graph.constant([0, 1, 0, len(wide.counts)]))
    position = _positions(graph, wide, steps)
    lengths = graph.add("Unsqueeze", "lengths", graph.constant([1]))
    keys, first = "", 0
    for order, known in enumerate(wide.keys.split(wide.counts), start=1):
        shift = graph.constant([order - 1])
        tokens = graph.add("Slice", marked, shift, graph.add("Add", steps, shift), graph.constant([1]))
        keys = graph.add("Add", multiply(graph, keys, wide.vocabulary_size), tokens) if keys else tokens
        if len(known):
            index, found = search(graph, sorted_keys(graph, known, f"ngrams_{order}"), keys)
            begin = graph.constant(np.int64(1 if order == 1 else 0))
            last = lengths if order == 1 else graph.add("Sub", lengths, graph.constant(np.int64(order - 2)))
            inside = graph.add(
                "And", graph.add("GreaterOrEqual", position, begin), graph.add("LessOrEqual", position, last)
            )
            row = graph.add("Add", index, graph.constant(np.int64(first)))
            yield graph.add("Where", graph.add("And", found, inside), row, graph.constant(np.int64(absent)))
        first += len(known)


def _positions(graph: Graph, wide: WidePart, steps: str) -> str:
    """Each position, counted from the mark before its row's first token: (1, P), or (B, P) with padding on the left."""
    last = graph.add("Squeeze", steps, graph.constant([0]))
    position = graph.add("Range", graph.constant(0), last, graph.constant(1))
    position = graph.add("Unsqueeze", position, graph.constant([0]))
    if wide.pad_side == "right":
        return position
    start = graph.add("Sub", graph.add("Shape", "ids", start=1, end=2), "lengths")
    return graph.add("Sub", position, graph.add("Unsqueeze", start, graph.constant([1])))


def _sum_distinct(graph: Graph, table: str, places: str, absent: int) -> str:
    """The sum of the rows of the table at the distinct places (B, P) of each row of the batch, (B, C + 1).

    Sorted by TopK, equal places are neighbours. GatherND, as onnxruntime's quantization to 8 bits would take Gather for
    the lookup of an embedding, and n-grams have weights of very different sizes.
    """
    count = graph.add("Shape", places, start=1, end=2)
    ordered = graph.add("TopK", places, count, outputs=2, axis=1, largest=0, sorted=1)
    axis = graph.constant([1])
    before = graph.add("Slice", ordered, graph.constant([0]), graph.constant([-1]), axis)
    before = graph.add("Pad", before, graph.constant([0, 1, 0, 0]), graph.constant(np.int64(-1)))
    rows = graph.add("Where", graph.add("Equal", ordered, before), graph.constant(np.int64(absent)), ordered)
    found = graph.add("GatherND", table, graph.add("Unsqueeze", rows, graph.constant([2])))  # (B, P, C + 1)
    return graph.add("ReduceSum", found, axis, keepdims=0)
