"""The regression around a token: its features by brute force, its guesses against scikit-learn's, what dev chooses."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from test_ngrams import SETTINGS
from test_pad import write_encoded
from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError
from textrnn.evaluation.baselines import context_windows as windows
from textrnn.evaluation.baselines.context_windows import EncodedSentences, fit_context_windows, read_sentences


def sentences_of(rows, tags=None):
    lengths = [len(row) for row in rows]
    ids = np.array([each for row in rows for each in row], dtype=np.int32)
    gold = np.zeros(len(ids), np.int64) if tags is None else np.array([tag for row in tags for tag in row], np.int64)
    return EncodedSentences(ids, np.concatenate(([0], np.cumsum(lengths))).astype(np.int64), gold)


def around(row, at, order):
    """The n-grams near a token, each with its place; beyond the row there is 0."""
    reach = order - 1
    marked = [0] * reach + row + [0] * reach
    return {
        (first, *marked[at + reach + first : at + reach + first + size])
        for size in range(1, order + 1)
        for first in range(-reach, reach - size + 2)
    }


def draw(rows, seed):
    """Rows of 0 to 8 ids; a tag tells whether a token stands behind a 2, or is a 3 before a 4."""
    generator = np.random.default_rng(seed)
    ids = [generator.integers(2, 8, generator.integers(0, 9)).tolist() for _ in range(rows)]
    tags = [
        [1 if row[max(0, at - 1) : at] == [2] else 2 if row[at : at + 2] == [3, 4] else 0 for at in range(len(row))]
        for row in ids
    ]
    return ids, tags


@pytest.mark.parametrize("order", [1, 2, 3])
def test_features_are_the_ngrams_near_a_token_at_their_places(monkeypatch, order):
    rows, _ = draw(40, 1)
    given = []
    monkeypatch.setattr(windows, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(windows, "fit_strengths", lambda *inputs: given.extend(inputs))
    settings = dataclasses.replace(SETTINGS, ngrams=order, features=10_000)
    fit_context_windows(sentences_of(rows), sentences_of(rows[:5]), sentences_of([]), settings)
    near = [around(row, at, order) for row in rows for at in range(len(row))]
    kept = sorted(each for each, count in Counter(one for each in near for one in each).items() if count >= 2)
    wanted = np.array([[one in each for one in kept] for each in near], dtype=np.float32)
    (train, _), (dev, _), test = given[:3]
    assert sorted(map(tuple, train.toarray().T)) == sorted(map(tuple, wanted.T))  # columns in another order
    assert np.array_equal(dev.toarray(), train.toarray()[: sum(map(len, rows[:5]))])
    assert test.shape == (0, len(kept))


@pytest.mark.parametrize("order", [1, 2])
def test_the_guesses_are_those_of_scikit_learn(order):
    (rows, tags), (dev, dev_tags), (test, _) = draw(300, 1), draw(80, 2), draw(80, 3)
    settings = dataclasses.replace(SETTINGS, ngrams=order, regularization=(0.5,))
    found = fit_context_windows(sentences_of(rows, tags), sentences_of(dev, dev_tags), sentences_of(test), settings)

    def told(rows):
        return [dict.fromkeys(map(str, around(row, at, order)), 1.0) for row in rows for at in range(len(row))]

    # all n-grams of so small an alphabet stand twice
    vectorizer = DictVectorizer()
    gold = [each for row in tags for each in row]
    model = LogisticRegression(C=2.0, max_iter=1000).fit(vectorizer.fit_transform(told(rows)), gold)
    assert found.features == len(vectorizer.vocabulary_)
    assert (found.dev == model.predict(vectorizer.transform(told(dev)))).mean() >= 0.99
    assert (found.test == model.predict(vectorizer.transform(told(test)))).mean() >= 0.99
    right = (found.dev == [each for row in dev_tags for each in row]).mean()
    assert right == 1.0 if order == 2 else right < 0.9  # one token alone tells nothing of its neighbours


def test_the_most_frequent_features_are_kept_and_dev_chooses_the_strength():
    rows, tags = [[2, 3], [3, 2], [2, 2]], [[1, 0], [0, 1], [1, 1]]
    settings = dataclasses.replace(SETTINGS, ngrams=1, features=1, regularization=(1e5, 1e-3))
    found = fit_context_windows(
        sentences_of(rows, tags), sentences_of([[3, 2]], [[0, 1]]), sentences_of([[2], [3]]), settings
    )
    assert (found.features, found.regularization) == (1, 1e-3)  # 2 alone; under the strongest all is 1
    assert (found.dev.tolist(), found.test.tolist()) == ([0, 1], [1, 0])


def test_a_single_tag_is_refused():
    settings = dataclasses.replace(SETTINGS, ngrams=2)
    with pytest.raises(UserError, match=r"^baseline: the training split is of one class or tag alone; give it more"):
        fit_context_windows(sentences_of([[2, 3]]), sentences_of([[2]]), sentences_of([[3]]), settings)


def test_sentences_are_read_whole_and_cut_into_pieces(tmp_path):
    rows = [([2, 3], [1, 0], []), ([], [], []), ([4], [2], [])]
    reader = ShardReader(write_encoded(tmp_path / "in", "tag", {"train": rows}), "encoded")
    found = read_sentences(reader, "train")
    assert (found.ids.tolist(), found.offsets.tolist(), found.tags.tolist()) == ([2, 3, 4], [0, 2, 2, 3], [1, 0, 2])
    pieces = [(each.ids.tolist(), each.offsets.tolist(), each.tags.tolist()) for each in found.pieces(2)]
    assert pieces == [([2, 3], [0, 2, 2], [1, 0]), ([4], [0, 1], [2])]
    assert len(read_sentences(reader, "dev")) == 0


def test_features_are_one_or_none():
    inputs = windows._inputs(sentences_of([[2, 2, 2]]), 1, np.zeros(windows.CELLS, np.int32), 1)
    assert sparse.issparse(inputs)
    assert inputs.toarray().tolist() == [[1.0]] * 3
