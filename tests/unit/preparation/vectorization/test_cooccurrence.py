"""Streams of token numbers and the weights of contexts, compared with plain loops."""

import numpy as np
import pyarrow as pa
import pytest

from factories.information import as_matrix, contexts_around, random_rows
from textrnn.preparation.vectorization import cooccurrence
from textrnn.preparation.vectorization.cooccurrence import Contexts, count_contexts
from textrnn.preparation.vectorization.ngrams import NGrams, NGramStream
from textrnn.preparation.vectorization.token_stream import NONE, make_stream

TOKENS = list("abcde")
ROWS = random_rows(60)


def column(rows):
    return pa.array(rows, pa.list_(pa.string()))


def stream_of(rows, gap=3):
    return make_stream([column(rows)], pa.array(TOKENS), gap)


def columns_of(contexts):
    positions = range(2 * contexts.window) if contexts.positions else [0]
    return [(token, position) for position in positions for token in TOKENS[: contexts.tokens]]


def test_texts_are_parted_by_gaps_and_unknown_tokens_keep_their_places():
    batches = [column([["a", "x", "b"], []]), column([["c"]])]
    stream = make_stream(batches, pa.array(["c", "b", "a"]), 2)
    assert stream.dtype == np.int32
    assert stream.tolist() == [NONE, NONE, 2, NONE, 1, NONE, NONE, NONE, NONE, 0, NONE, NONE]
    sliced = column([["a"], ["b"], ["c", "a"]]).slice(1)
    assert make_stream([sliced], pa.array(["c", "b", "a"]), 1).tolist() == [NONE, 1, NONE, 0, 2, NONE]
    assert make_stream([], pa.array(["a"]), 2).tolist() == [NONE, NONE]


def test_a_near_context_weighs_more_than_a_far_one():
    stream = stream_of([["a", "b", "c", "d"]])
    counted = count_contexts(stream, Contexts(4, 3, False), lambda places: stream[places], 5, 1).toarray()
    assert counted[0].tolist() == pytest.approx([0, 1, 2 / 3, 1 / 3])
    assert counted[2].tolist() == pytest.approx([2 / 3, 1, 0, 1])


@pytest.mark.parametrize("positions", [False, True])
@pytest.mark.parametrize("places", [7, 1 << 20])
def test_the_contexts_of_tokens_are_those_of_a_loop(monkeypatch, positions, places):
    monkeypatch.setattr(cooccurrence, "PLACES_PER_CHUNK", places)
    contexts, stream = Contexts(3, 3, positions), stream_of(ROWS)
    counted = count_contexts(stream, contexts, lambda part: stream[part], len(TOKENS), 1)
    expected = contexts_around(ROWS, [(token,) for token in TOKENS], TOKENS[:3], 3, positions)
    assert (counted.dtype, counted.shape) == (np.float32, (5, contexts.count))
    np.testing.assert_allclose(counted.toarray(), as_matrix(expected.values(), columns_of(contexts)), rtol=1e-5)


@pytest.mark.parametrize("positions", [False, True])
def test_the_contexts_of_pairs_lie_around_both_tokens(positions):
    contexts, stream = Contexts(4, 2, positions), NGramStream(stream_of(ROWS), np.ones(5, bool))
    names = [("a", "b"), ("b", "a"), ("c", "c")]
    keys = np.array([5 * TOKENS.index(first) + TOKENS.index(second) for first, second in names])
    pairs = NGrams(2, keys, np.zeros(3, np.int64))
    counted = count_contexts(stream.numbers, contexts, lambda part: stream.find(part, pairs), 3, 2)
    expected = contexts_around(ROWS, names, TOKENS[:4], 2, positions)
    np.testing.assert_allclose(counted.toarray(), as_matrix(expected.values(), columns_of(contexts)), rtol=1e-5)


def test_the_number_of_workers_changes_no_bit(monkeypatch):
    monkeypatch.setattr(cooccurrence, "PLACES_PER_CHUNK", 11)
    stream = stream_of(ROWS)
    counted = []
    for workers in ("1", "3"):
        monkeypatch.setenv("TEXTRNN_WORKERS", workers)
        counted.append(count_contexts(stream, Contexts(4, 3, False), lambda part: stream[part], 5, 1))
    assert (counted[0].toarray() == counted[1].toarray()).all()
    assert counted[0].nnz > 10
