"""Build the part of an ONNX graph that embeds tokens: token, bigram and soft-lexicon embeddings, concatenated.

Shapes: B batch, T steps, E embedding width, F features, C candidate words of a set at one step.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from textrnn.common.storage.schemas import PAD_ID, UNKNOWN_ID
from textrnn.inference.onnx.nodes import FLOAT, Graph
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.bigrams import FIRST_BIGRAM_ROW, BigramEmbedding
from textrnn.modeling.nn.embedding_lookup import SparseTable
from textrnn.modeling.nn.soft_lexicon import SoftLexicon

END = 2**62  # Slice takes it as the end of an axis


def embed(graph: Graph, network: TextRNN, ids: str) -> str:
    """Return the features of ids (B, T): embeddings of tokens, of bigrams and of lexicon words, (T, B, F)."""
    ids = graph.add("Transpose", ids, perm=[1, 0])
    parts = [graph.add("Gather", graph.constant(network.embedding.weight, "embedding"), ids)]
    if network.bigrams is not None:
        table = graph.constant(_weight(network.bigrams), "bigrams")
        parts.append(graph.add("Gather", table, _bigram_rows(graph, network.bigrams, ids)))
    if network.words is not None:
        table = graph.constant(_weight(network.words), "words")
        parts += [_mean(graph, table, columns) for columns in _word_rows(graph, network.words, ids)]
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
        "Add", _multiply(graph, ids, bigrams.vocabulary_size), _slice(graph, _pad(graph, ids, 0, 1), 1, END)
    )
    index, known = _search(
        graph, _sorted_keys(graph, bigrams.pairs, "pairs"), keys
    )  # "pairs": a name in exported files
    row = graph.add("Add", index, graph.constant(np.int64(FIRST_BIGRAM_ROW)))
    row = graph.add("Where", known, row, graph.constant(np.int64(UNKNOWN_ID)))
    padding = graph.constant(np.int64(PAD_ID))
    return graph.add("Where", graph.add("Equal", ids, padding), padding, row)


def _word_rows(graph: Graph, words: SoftLexicon, ids: str) -> list[list[str]]:
    """For each word set the columns (T, B) of table rows that `SoftLexicon.find_rows` returns for ids (T, B).

    The sets are the words that begin at a token, that contain it in the middle, and that end at it; each has at least
    one column.
    """
    before, none = words.longest - 1, graph.constant(np.int64(PAD_ID))
    real = graph.add("Greater", ids, graph.constant(np.int64(UNKNOWN_ID)))
    padded, rows = _pad(graph, ids, 0, before), graph.constant(words.rows, "word_rows")
    all_words = _sorted_keys(graph, words.keys, "word_keys")
    keys, starts = ids, {}  # by length, the table rows of the words that start at a step, after `before` rows of zeros
    for length in range(2, words.longest + 1):
        following = _slice(graph, padded, length - 1, length - 1 - before or END)
        keys = graph.add("Add", _multiply(graph, keys, words.vocabulary_size), following)
        index, known = _search(graph, all_words, keys)
        row = graph.add("Where", graph.add("And", known, real), graph.add("Gather", rows, index), none)
        starts[length] = _pad(graph, row, before, 0)
    # a word's length, and how many steps before the token it starts
    word_sets = (
        [(length, 0) for length in starts],
        [(length, back) for length in starts for back in range(1, length - 1)],
        [(length, length - 1) for length in starts],
    )
    empty = [_multiply(graph, ids, PAD_ID)]
    return [
        [_slice(graph, starts[length], before - back, -back or END) for length, back in word_set] or empty
        for word_set in word_sets
    ]


def _mean(graph: Graph, table: str, columns: list[str]) -> str:
    """The mean of the embeddings in the columns (T, B) of table rows, ignoring row 0; zero if all are 0, (T, B, E)."""
    axis = graph.constant([0])
    rows = graph.add("Concat", *(graph.add("Unsqueeze", column, axis) for column in columns), axis=0)  # (C, T, B)
    real = graph.add("Cast", graph.add("Greater", rows, graph.constant(np.int64(PAD_ID))), to=FLOAT)
    count = graph.add("Max", graph.add("ReduceSum", real, axis, keepdims=0), graph.constant(np.float32(1)))
    total = graph.add("ReduceSum", graph.add("Gather", table, rows), axis, keepdims=0)
    return graph.add("Div", total, graph.add("Unsqueeze", count, graph.constant([2])))


def _sorted_keys(graph: Graph, known: Tensor, name: str) -> tuple[str, int]:
    """Increasing keys (N,), extended to a power of two with the largest int64, and the exponent of that power."""
    bits = max(1, len(known) - 1).bit_length()
    keys = np.full(2**bits, np.iinfo(np.int64).max)
    keys[: len(known)] = known.cpu().numpy()
    return graph.constant(keys, name), bits


def _search(graph: Graph, known: tuple[str, int], keys: str) -> tuple[str, str]:
    """The index of each key among the known keys, and whether it is one of them.

    ONNX has no search in a sorted array, so this is a binary search that finds one bit of the index at a time.
    """
    known_keys, bits = known
    index = _multiply(graph, keys, 0)
    for bit in reversed(range(bits)):
        candidate = graph.add("Add", index, graph.constant(np.int64(2**bit)))
        reached = graph.add("LessOrEqual", graph.add("Gather", known_keys, candidate), keys)
        index = graph.add("Where", reached, candidate, index)
    return index, graph.add("Equal", graph.add("Gather", known_keys, index), keys)


def _multiply(graph: Graph, x: str, factor: int) -> str:
    return graph.add("Mul", x, graph.constant(np.int64(factor)))


def _pad(graph: Graph, x: str, before: int, after: int) -> str:
    """x (T, B) with `before` and `after` steps of zeros added."""
    return graph.add("Pad", x, graph.constant([before, 0, after, 0]))


def _slice(graph: Graph, x: str, start: int, end: int) -> str:
    return graph.add("Slice", x, graph.constant([start]), graph.constant([end]), graph.constant([0]))
