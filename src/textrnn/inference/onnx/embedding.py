"""Build the part of an ONNX graph that embeds tokens: token, bigram and soft-lexicon embeddings, concatenated.

Shapes: B batch, T steps, E embedding width, F features, C candidate words of a set at one step.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from textrnn.common.storage.schemas import PAD_ID, UNKNOWN_ID
from textrnn.inference.onnx.key_search import multiply, search, sorted_keys
from textrnn.inference.onnx.nodes import FLOAT, Graph
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.bigrams import FIRST_BIGRAM_ROW, BigramEmbedding
from textrnn.modeling.nn.embedding_lookup import SparseTable
from textrnn.modeling.nn.soft_lexicon import SoftLexicon, word_places

END = 2**62  # Slice takes it as the end of an axis


def embed(graph: Graph, network: TextRNN, ids: str) -> str:
    """Return the features of ids (B, T): embeddings of tokens, of bigrams and of lexicon words, (T, B, F)."""
    ids = graph.add("Transpose", ids, perm=[1, 0])
    parts = [graph.add("Gather", graph.constant(network.embedding.weight, "embedding"), ids)]
    if network.bigrams is not None:
        table = graph.constant(_weight(network.bigrams), "bigrams")
        parts.append(graph.add("Gather", table, _bigram_rows(graph, network.bigrams, ids)))
    if network.words is not None:
        parts += _word_sets(graph, network.words, ids)
    x = parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=-1)
    return graph.add("Relu", x) if network.options.relu else x


def _weight(table: SparseTable) -> Tensor:
    """The weight of a table with a zero row for padding, as the network reads it."""
    weight = table.weight.detach().clone()
    weight[PAD_ID] = 0
    return weight


def _bigram_rows(graph: Graph, bigrams: BigramEmbedding, ids: str) -> str:
    """The table rows of ids (T, B), as `BigramEmbedding.find_rows` returns them."""
    keys = graph.add(
        "Add", multiply(graph, ids, bigrams.vocabulary_size), _slice(graph, _pad(graph, ids, 0, 1), 1, END)
    )
    index, known = search(graph, sorted_keys(graph, bigrams.pairs, "pairs"), keys)  # "pairs": a name in exported files
    row = graph.add("Add", index, graph.constant(np.int64(FIRST_BIGRAM_ROW)))
    row = graph.add("Where", known, row, graph.constant(np.int64(UNKNOWN_ID)))
    padding = graph.constant(np.int64(PAD_ID))
    return graph.add("Where", graph.add("Equal", ids, padding), padding, row)


def _word_sets(graph: Graph, words: SoftLexicon, ids: str) -> list[str]:
    """The features of each word set of ids (T, B), (T, B, E), as `SoftLexicon.find_words` and the lookup give them."""
    table = graph.constant(_weight(words), "words")
    index, known = _words_at_starts(graph, words, ids)
    none, rows = graph.constant(np.int64(PAD_ID)), graph.constant(words.rows, "word_rows")
    row_sets = _by_set(graph, words, known, {n: graph.add("Gather", rows, index[n]) for n in index}, none, ids)
    if words.frequencies is None:
        return [_mean(graph, table, columns) for columns in row_sets]
    # integers, which they are: the 8-bit export would round a table of floats, and rare words would count for nothing
    none, all_words = graph.constant(np.float32(0)), graph.constant(words.frequencies, "word_frequencies")
    found = {n: graph.add("Cast", graph.add("Gather", all_words, index[n]), to=FLOAT) for n in index}
    frequencies = _by_set(graph, words, known, found, none, graph.add("Cast", ids, to=FLOAT))
    total = graph.add("Sum", *(column for columns in frequencies for column in columns))
    total = graph.add("Max", total, graph.constant(np.float32(1)))
    scale = graph.add("Div", graph.constant(np.float32(len(words.sets))), total)
    return [
        _weighted_sum(graph, table, columns, weights, scale)
        for columns, weights in zip(row_sets, frequencies, strict=True)
    ]


def _words_at_starts(graph: Graph, words: SoftLexicon, ids: str) -> tuple[dict[int, str], dict[int, str]]:
    """By length: the index of the word that starts at each step of ids (T, B), and whether there is one."""
    real = graph.add("Greater", ids, graph.constant(np.int64(UNKNOWN_ID)))
    padded, all_words = _pad(graph, ids, 0, words.longest - 1), sorted_keys(graph, words.keys, "word_keys")
    keys, index, known = ids, {}, {}
    for length in range(1, words.longest + 1):
        if length > 1:
            following = _slice(graph, padded, length - 1, length - words.longest or END)
            keys = graph.add("Add", multiply(graph, keys, words.vocabulary_size), following)
        if length >= words.shortest:
            index[length], matches = search(graph, all_words, keys)
            known[length] = graph.add("And", matches, real)
    return index, known


def _by_set(
    graph: Graph, words: SoftLexicon, known: dict[int, str], values: dict[int, str], none: str, ids: str
) -> list[list[str]]:
    """For each word set the columns (T, B) of values of words, as `SoftLexicon._by_set` stacks them.

    known, values: by length, of the words that start at each step; none: the value where there is no word; ids: (T, B)
    of the type of the values. Each set has at least one column.
    """
    before = words.longest - 1
    starts = {
        length: _pad(graph, graph.add("Where", known[length], values[length], none), before, 0) for length in values
    }
    empty = [graph.add("Mul", ids, none)]
    return [
        [_slice(graph, starts[length], before - back, -back or END) for length, back in word_set] or empty
        for word_set in word_places(words.sets, words.longest)
    ]


def _mean(graph: Graph, table: str, columns: list[str]) -> str:
    """The mean of the embeddings in the columns (T, B) of table rows, ignoring row 0; zero if all are 0, (T, B, E)."""
    axis, rows = graph.constant([0]), _stack(graph, columns)
    real = graph.add("Cast", graph.add("Greater", rows, graph.constant(np.int64(PAD_ID))), to=FLOAT)
    count = graph.add("Max", graph.add("ReduceSum", real, axis, keepdims=0), graph.constant(np.float32(1)))
    total = graph.add("ReduceSum", graph.add("Gather", table, rows), axis, keepdims=0)
    return graph.add("Div", total, graph.add("Unsqueeze", count, graph.constant([2])))


def _weighted_sum(graph: Graph, table: str, columns: list[str], weights: list[str], scale: str) -> str:
    """The sum of the embeddings in the columns (T, B) of table rows by weights (T, B) and a scale (T, B), (T, B, E)."""
    weighted = graph.add("Mul", _stack(graph, weights), scale)  # (C, T, B)
    embedded = graph.add("Gather", table, _stack(graph, columns))
    product = graph.add("Mul", embedded, graph.add("Unsqueeze", weighted, graph.constant([3])))
    return graph.add("ReduceSum", product, graph.constant([0]), keepdims=0)


def _stack(graph: Graph, columns: list[str]) -> str:
    """Columns (T, B) as one tensor (C, T, B)."""
    axis = graph.constant([0])
    return graph.add("Concat", *(graph.add("Unsqueeze", column, axis) for column in columns), axis=0)


def _pad(graph: Graph, x: str, before: int, after: int) -> str:
    """x (T, B) with `before` and `after` steps of zeros added."""
    return graph.add("Pad", x, graph.constant([before, 0, after, 0]))


def _slice(graph: Graph, x: str, start: int, end: int) -> str:
    return graph.add("Slice", x, graph.constant([start]), graph.constant([end]), graph.constant([0]))
