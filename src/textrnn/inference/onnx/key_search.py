"""Find keys in a sorted constant, a search that ONNX has no operator for."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from textrnn.inference.onnx.nodes import Graph


def sorted_keys(graph: Graph, known: Tensor, name: str) -> tuple[str, int]:
    """Increasing keys (N,), extended to a power of two with the largest int64, and the exponent of that power."""
    bits = max(1, len(known) - 1).bit_length()
    keys = np.full(2**bits, np.iinfo(np.int64).max)
    keys[: len(known)] = known.cpu().numpy()
    return graph.constant(keys, name), bits


def search(graph: Graph, known: tuple[str, int], keys: str) -> tuple[str, str]:
    """The index of each key among the known keys, and whether it is one of them.

    It is a binary search that finds one bit of the index at a time.
    """
    known_keys, bits = known
    index = multiply(graph, keys, 0)
    for bit in reversed(range(bits)):
        candidate = graph.add("Add", index, graph.constant(np.int64(2**bit)))
        reached = graph.add("LessOrEqual", graph.add("Gather", known_keys, candidate), keys)
        index = graph.add("Where", reached, candidate, index)
    return index, graph.add("Equal", graph.add("Gather", known_keys, index), keys)


def multiply(graph: Graph, x: str, factor: int) -> str:
    """The int64 values x times a constant."""
    return graph.add("Mul", x, graph.constant(np.int64(factor)))
