"""The regression on context windows: features by brute force, predictions by scikit-learn, and selection by dev."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from factories.baseline_texts import SETTINGS
from factories.shards import write_encoded
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.errors import UserError
from textrnn.evaluation.baselines import context_windows as windows
from textrnn.evaluation.baselines.context_windows import EncodedSentences, fit_context_windows, read_sentences


def sentences_of(rows, tags=None):
    lengths = [len(row) for row in rows]
    ids = np.array([token for row in rows for token in row], dtype=np.int32)
    gold = np.zeros(len(ids), np.int64) if tags is None else np.array([tag for row in tags for tag in row], np.int64)
    return EncodedSentences(ids, np.concatenate(([0], np.cumsum(lengths))).astype(np.int64), gold)


def around(row, position, order):
    """The n-grams around a token, each with its relative position; beyond the row there is 0."""
    reach = order - 1
    marked = [0] * reach + row + [0] * reach
    return {
        (first, *marked[position + reach + first : position + reach + first + size])
        for size in range(1, order + 1)
        for first in range(-reach, reach - size + 2)
    }


def sample(rows, seed):
    """Random rows of 0 to 8 ids; a token has tag 1 after a 2, tag 2 if it is a 3 before a 4, and tag 0 otherwise."""
    generator = np.random.default_rng(seed)
    ids = [generator.integers(2, 8, generator.integers(0, 9)).tolist() for _ in range(rows)]
    tags = [
        [1 if row[max(0, i - 1) : i] == [2] else 2 if row[i : i + 2] == [3, 4] else 0 for i in range(len(row))]
        for row in ids
    ]
    return ids, tags


@pytest.mark.parametrize("order", [1, 2, 3])
def test_features_are_the_ngrams_around_a_token_by_position(monkeypatch, order):
    rows, _ = sample(40, 1)
    arguments = []
    monkeypatch.setattr(windows, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(windows, "fit_regularization_path", lambda *inputs: arguments.extend(inputs))
    settings = dataclasses.replace(SETTINGS, ngrams=order, features=10_000)
    fit_context_windows(sentences_of(rows), sentences_of(rows[:5]), sentences_of([]), settings)
    token_ngrams = [around(row, position, order) for row in rows for position in range(len(row))]
    counts = Counter(ngram for ngrams in token_ngrams for ngram in ngrams)
    selected = sorted(ngram for ngram, count in counts.items() if count >= 2)
    expected = np.array([[ngram in ngrams for ngram in selected] for ngrams in token_ngrams], dtype=np.float32)
    (train, _), (dev, _), test = arguments[:3]
    assert sorted(map(tuple, train.toarray().T)) == sorted(map(tuple, expected.T))  # columns in another order
    assert np.array_equal(dev.toarray(), train.toarray()[: sum(map(len, rows[:5]))])
    assert test.shape == (0, len(selected))


@pytest.mark.parametrize("order", [1, 2])
def test_the_predictions_equal_those_of_scikit_learn(order):
    (rows, tags), (dev, dev_tags), (test, _) = sample(300, 1), sample(80, 2), sample(80, 3)
    settings = dataclasses.replace(SETTINGS, ngrams=order, regularization=(0.5,))
    result = fit_context_windows(sentences_of(rows, tags), sentences_of(dev, dev_tags), sentences_of(test), settings)

    def features(rows):
        return [
            dict.fromkeys(map(str, around(row, position, order)), 1.0) for row in rows for position in range(len(row))
        ]

    # all n-grams of such a small alphabet occur twice
    vectorizer = DictVectorizer()
    gold = [tag for row in tags for tag in row]
    model = LogisticRegression(C=2.0, max_iter=1000).fit(vectorizer.fit_transform(features(rows)), gold)
    assert result.features == len(vectorizer.vocabulary_)
    assert (result.dev == model.predict(vectorizer.transform(features(dev)))).mean() >= 0.99
    assert (result.test == model.predict(vectorizer.transform(features(test)))).mean() >= 0.99
    accuracy = (result.dev == [tag for row in dev_tags for tag in row]).mean()
    assert accuracy == 1.0 if order == 2 else accuracy < 0.9  # a token alone has no information about its neighbours


def test_the_most_frequent_features_are_kept_and_dev_selects_the_regularization():
    rows, tags = [[2, 3], [3, 2], [2, 2]], [[1, 0], [0, 1], [1, 1]]
    settings = dataclasses.replace(SETTINGS, ngrams=1, features=1, regularization=(1e5, 1e-3))
    result = fit_context_windows(
        sentences_of(rows, tags), sentences_of([[3, 2]], [[0, 1]]), sentences_of([[2], [3]]), settings
    )
    assert (result.features, result.regularization) == (1, 1e-3)  # token 2; with 1e5 every tag is 1
    assert (result.dev.tolist(), result.test.tolist()) == ([0, 1], [1, 0])


def test_a_single_tag_is_refused():
    settings = dataclasses.replace(SETTINGS, ngrams=2)
    with pytest.raises(UserError, match=r"^baseline: the training split has only one class or tag; give it more"):
        fit_context_windows(sentences_of([[2, 3]]), sentences_of([[2]]), sentences_of([[3]]), settings)


def test_sentences_are_read_whole_and_split_into_chunks(tmp_path):
    rows = [([2, 3], [1, 0], []), ([], [], []), ([4], [2], [])]
    reader = EncodedRows.read(write_encoded(tmp_path / "in", "tag", {"train": rows}))
    sentences = read_sentences(reader, "train")
    assert (sentences.ids.tolist(), sentences.offsets.tolist(), sentences.tags.tolist()) == (
        [2, 3, 4],
        [0, 2, 2, 3],
        [1, 0, 2],
    )
    chunks = [(chunk.ids.tolist(), chunk.offsets.tolist(), chunk.tags.tolist()) for chunk in sentences.chunks(2)]
    assert chunks == [([2, 3], [0, 2, 2], [1, 0]), ([4], [0, 1], [2])]
    assert len(read_sentences(reader, "dev")) == 0


def test_features_are_one_or_zero():
    inputs = windows._feature_matrix(sentences_of([[2, 2, 2]]), 1, np.zeros(windows.HASH_BUCKETS, np.int32), 1)
    assert sparse.issparse(inputs)
    assert inputs.toarray().tolist() == [[1.0]] * 3
