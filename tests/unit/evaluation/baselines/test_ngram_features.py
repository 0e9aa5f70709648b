"""The features of linear models by brute force: which n-grams are selected, and which of them each text has."""

from collections import Counter

import numpy as np
import pytest

from factories.baseline_texts import ROWS, make_texts, tuples
from textrnn.evaluation.baselines.ngram_features import NgramFeatures
from textrnn.preparation.artifacts.linear_model import ngram_keys


def grams(row, order):
    return [ngram for n in range(1, order + 1) for ngram in tuples(row, n)]


def key_of(ngram, size):
    return sum(token * size**place for place, token in enumerate(reversed(ngram)))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_each_ngram_has_the_row_and_the_key_of_its_tokens(order):
    size = 5 if order > 2 else 2**31  # 2^31 - 1 is a token of the last row
    rows = ROWS if order <= 2 else ROWS[:4]
    texts = make_texts(rows)
    keys, numbers = ngram_keys(texts.ids, texts.offsets, order, size)
    expected = [(index, ngram) for index, row in enumerate(rows) for ngram in tuples(row, order)]
    assert numbers.tolist() == [index for index, _ in expected]
    assert keys.tolist() == [key_of(ngram, size) for _, ngram in expected]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_features_are_the_ngrams_of_at_least_two_rows(monkeypatch, order):
    monkeypatch.setattr("textrnn.evaluation.baselines.ngram_features.ROWS_AT_ONCE", 7)
    generator = np.random.default_rng(1)
    rows = [generator.integers(2, 12, generator.integers(0, 9)).tolist() for _ in range(60)]
    features = NgramFeatures.select(make_texts(rows), 12, order, 10_000)
    row_counts = Counter(ngram for row in rows for ngram in set(grams(row, order)))
    selected = sorted(
        (ngram for ngram, count in row_counts.items() if count >= 2), key=lambda ngram: (len(ngram), ngram)
    )
    assert [key for keys in features.keys for key in keys.tolist()] == [key_of(ngram, 12) for ngram in selected]
    expected = np.array([[float(ngram in grams(row, order)) for ngram in selected] for row in rows])
    assert np.array_equal(features.presence(make_texts(rows)).toarray(), expected)
    assert len(features) == len(selected)


def test_the_ngrams_in_the_most_rows_are_selected():
    rows = [[2, 3], [2, 3, 3, 3], [2, 4, 4, 4, 4], [5]]
    features = NgramFeatures.select(make_texts(rows), 6, 1, 1)
    assert features.presence(make_texts(rows)).toarray().tolist() == [[1], [1], [1], [0]]
    assert len(NgramFeatures.select(make_texts(rows), 6, 1, 9)) == 2


def test_a_tie_goes_to_the_lower_order_and_then_to_the_lower_key():
    # 2 and 3 stand in two rows, and so do four bigrams
    features = NgramFeatures.select(make_texts([[3, 2], [3, 2]]), 4, 2, 3)
    assert [keys.tolist() for keys in features.keys] == [[2, 3], [3]]


def test_if_no_ngram_occurs_twice_all_are_features():
    assert len(NgramFeatures.select(make_texts([[2, 3], [4]]), 5, 1, 9)) == 3


def test_texts_without_tokens_have_boundary_marks_alone():
    features = NgramFeatures.select(make_texts([[], []]), 5, 2, 9)
    assert [keys.tolist() for keys in features.keys] == [[], [0]]


def test_orders_whose_keys_do_not_fit_are_left_out():
    assert len(NgramFeatures.select(make_texts([[2], [2]]), 2**31, 2, 9).keys) == 2
    found = NgramFeatures.select(make_texts([[2, 3], [2, 3]]), 3_000_000, 5, 9)
    assert [keys.tolist() for keys in found.keys] == [[2, 3], [2, 2 * 3_000_000 + 3, 3 * 3_000_000]]
