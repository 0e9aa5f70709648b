"""Bigrams and words in a stream, compared with plain counting."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from factories.information import random_rows
from textrnn.preparation.vectorization import ngrams
from textrnn.preparation.vectorization.ngrams import NGramStream
from textrnn.preparation.vectorization.token_stream import NONE, make_stream

TOKENS = ["a", "b", "c", "bc"]
NUMBERS = {token: number for number, token in enumerate(TOKENS)}
ROWS = [*random_rows(50, TOKENS), ["c"], ["a", "x", "b"]]


@pytest.fixture(params=[5, 1 << 20])
def stream(monkeypatch, request):
    monkeypatch.setattr(ngrams, "PLACES_PER_CHUNK", request.param)
    texts = pa.array(ROWS, pa.list_(pa.string()))
    return NGramStream(make_stream([texts], pa.array(TOKENS), 2), np.array([True, True, False, True]))


def counted(names, length):
    windows = Counter(tuple(row[at : at + length]) for row in ROWS for at in range(len(row) - length + 1))
    return {name: windows[name] for name in names}


def spelled(stream, found):
    return [tuple(TOKENS[number] for number in digits) for digits in stream.digits(found).tolist()]


def test_bigrams_of_usable_tokens_are_counted(stream):
    found = stream.count_bigrams()
    names = [(first, second) for first in TOKENS for second in TOKENS if "c" not in (first, second)]
    expected = {name: count for name, count in counted(names, 2).items() if count}
    assert dict(zip(spelled(stream, found), found.counts.tolist(), strict=True)) == expected
    assert found.keys.tolist() == sorted(found.keys.tolist())
    frequent = found.at_least(5)
    assert dict(zip(spelled(stream, frequent), frequent.counts.tolist(), strict=True)) == {
        name: count for name, count in expected.items() if count >= 5
    }


def test_words_are_those_that_single_characters_spell(stream):
    # `bc` in one token is no word, `c` may not be used, and `z` is no token
    found = stream.count_words(["aab", "bab", "abc", "abz", "aab"], NUMBERS, 3)
    assert spelled(stream, found) == [("a", "a", "b"), ("b", "a", "b")]
    assert found.counts.tolist() == list(counted([("a", "a", "b"), ("b", "a", "b")], 3).values())
    assert stream.count_words([], NUMBERS, 3).keys.tolist() == []


def test_an_ngram_is_found_at_its_first_token(stream):
    pairs = stream.count_words(["ab", "ba"], NUMBERS, 2)
    rows = stream.find(slice(0, len(stream.numbers)), pairs)
    assert len(rows) == len(stream.numbers) - 1
    for at in range(len(rows)):
        pair = stream.numbers[at : at + 2].tolist()
        assert rows[at] == {(0, 1): 0, (1, 0): 1}.get(tuple(pair), NONE)
    nothing = stream.count_words([], NUMBERS, 2)
    assert (stream.find(slice(0, 9), nothing) == NONE).all()


def test_a_stream_shorter_than_the_ngram_has_none():
    short = NGramStream(np.array([NONE, 0, NONE], np.int32), np.array([True]))
    assert short.count_words(["aaaaa"], {"a": 0}, 5).counts.tolist() == [0]
    assert short.count_bigrams().keys.tolist() == []
