"""The embedded tokens of an ONNX graph, with the pairs and words beside them.

Shapes: B batch, T steps, E width of a table, F features, C words of a set at one step.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from textrnn.common.storage.schemas import PAD_ID, UNKNOWN_ID
from textrnn.inference.onnx.nodes import FLOAT, Graph
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.bigrams import FIRST, BigramEmbedding
from textrnn.modeling.nn.embedding_lookup import SparseTable
from textrnn.modeling.nn.soft_lexicon import SoftLexicon

END = 2**62  # what Slice takes for the end of an axis


def embed(graph: Graph, network: TextRNN, ids: str) -> str:
    """The embedded tokens of ids (B, T), their pairs and the means of their words, (T, B, F)."""
    ids = graph.add("Transpose", ids, perm=[1, 0])
    found = [graph.add("Gather", graph.constant(network.embedding.weight, "embedding"), ids)]
    if network.bigrams is not None:
        table = graph.constant(_weight(network.bigrams), "bigrams")
        found.append(graph.add("Gather", table, _pairs(graph, network.bigrams, ids)))
    if network.words is not None:
        table = graph.constant(_weight(network.words), "words")
        found += [_mean(graph, table, columns) for columns in _words(graph, network.words, ids)]
    x = found[0] if len(found) == 1 else graph.add("Concat", *found, axis=-1)
    return graph.add("Relu", x) if network.config.relu else x


def _weight(table: SparseTable) -> Tensor:
    """The rows of a table as they are read: padding's is zero."""
    weight = table.weight.detach().clone()
    weight[PAD_ID] = 0
    return weight


def _pairs(graph: Graph, bigrams: BigramEmbedding, ids: str) -> str:
    """`Bigrams.find`, ids (T, B)."""
    keys = graph.add("Add", _times(graph, ids, bigrams.tokens), _part(graph, _padded(graph, ids, 0, 1), 1, END))
    at, known = _search(graph, _sorted(graph, bigrams.pairs, "pairs"), keys)
    row = graph.add("Add", at, graph.constant(np.int64(FIRST)))
    row = graph.add("Where", known, row, graph.constant(np.int64(UNKNOWN_ID)))
    padding = graph.constant(np.int64(PAD_ID))
    return graph.add("Where", graph.add("Equal", ids, padding), padding, row)


def _words(graph: Graph, words: SoftLexicon, ids: str) -> list[list[str]]:
    """`Words.find`, ids (T, B): of each set the columns (T, B), one at least."""
    before, none = words.longest - 1, graph.constant(np.int64(PAD_ID))
    real = graph.add("Greater", ids, graph.constant(np.int64(UNKNOWN_ID)))
    after, rows = _padded(graph, ids, 0, before), graph.constant(words.rows, "word_rows")
    all_words = _sorted(graph, words.keys, "word_keys")
    keys, starts = ids, {}  # by length, the rows of the words that start at a step, after steps at which none does
    for length in range(2, words.longest + 1):
        following = _part(graph, after, length - 1, length - 1 - before or END)
        keys = graph.add("Add", _times(graph, keys, words.tokens), following)
        at, known = _search(graph, all_words, keys)
        row = graph.add("Where", graph.add("And", known, real), graph.add("Gather", rows, at), none)
        starts[length] = _padded(graph, row, before, 0)
    places = (
        [(length, 0) for length in starts],
        [(length, back) for length in starts for back in range(1, length - 1)],
        [(length, length - 1) for length in starts],
    )
    empty = [_times(graph, ids, PAD_ID)]
    return [
        [_part(graph, starts[length], before - back, -back or END) for length, back in one] or empty for one in places
    ]


def _mean(graph: Graph, table: str, columns: list[str]) -> str:
    """The mean over the rows (T, B) of a table that are not 0, zero where all are, (T, B, E)."""
    axis = graph.constant([0])
    rows = graph.add("Concat", *(graph.add("Unsqueeze", column, axis) for column in columns), axis=0)  # (C, T, B)
    real = graph.add("Cast", graph.add("Greater", rows, graph.constant(np.int64(PAD_ID))), to=FLOAT)
    count = graph.add("Max", graph.add("ReduceSum", real, axis, keepdims=0), graph.constant(np.float32(1)))
    total = graph.add("ReduceSum", graph.add("Gather", table, rows), axis, keepdims=0)
    return graph.add("Div", total, graph.add("Unsqueeze", count, graph.constant([2])))


def _sorted(graph: Graph, known: Tensor, name: str) -> tuple[str, int]:
    """Rising keys (N,), filled up to a power of two, and its exponent."""
    bits = max(1, len(known) - 1).bit_length()
    room = np.full(2**bits, np.iinfo(np.int64).max)
    room[: len(known)] = known.cpu().numpy()
    return graph.constant(room, name), bits


def _search(graph: Graph, known: tuple[str, int], keys: str) -> tuple[str, str]:
    """Of keys the places among the known ones, and whether they are there.

    ONNX has no search of a sorted list: the bits of the place are found one by one.
    """
    room, bits = known
    at = _times(graph, keys, 0)
    for bit in reversed(range(bits)):
        further = graph.add("Add", at, graph.constant(np.int64(2**bit)))
        reached = graph.add("LessOrEqual", graph.add("Gather", room, further), keys)
        at = graph.add("Where", reached, further, at)
    return at, graph.add("Equal", graph.add("Gather", room, at), keys)


def _times(graph: Graph, numbers: str, factor: int) -> str:
    return graph.add("Mul", numbers, graph.constant(np.int64(factor)))


def _padded(graph: Graph, steps: str, before: int, after: int) -> str:
    """Steps (T, B) with so many of zeros before and after them."""
    return graph.add("Pad", steps, graph.constant([before, 0, after, 0]))


def _part(graph: Graph, steps: str, start: int, end: int) -> str:
    return graph.add("Slice", steps, graph.constant([start]), graph.constant([end]), graph.constant([0]))
