"""The features of the regression by brute force, and the regression against scikit-learn's own pipeline."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from test_ngrams import SETTINGS, make_texts, tuples
from textrnn.errors import UserError
from textrnn.evaluation.baselines.logistic_regression import NgramFeatures, fit_logistic


def grams(row, order):
    return [each for n in range(1, order + 1) for each in tuples(row, n)]


def draw(rows, seed, classes=3):
    """Rows of 0 to 8 ids; a class's rows have an id of their own more often than not."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, rows)
    ids = [generator.integers(2, 12, generator.integers(0, 9)).tolist() for _ in range(rows)]
    return [row + [20 + label] * int(generator.random() < 0.5) for row, label in zip(ids, labels, strict=True)], labels


@pytest.mark.parametrize("order", [1, 3])
def test_features_are_the_ngrams_of_two_rows_and_their_counts(monkeypatch, order):
    monkeypatch.setattr("textrnn.evaluation.baselines.logistic_regression.ROWS_AT_ONCE", 7)
    rows, _ = draw(60, 1)
    columns = NgramFeatures.choose(make_texts(rows), order, 10_000)
    in_rows = Counter(each for row in rows for each in set(grams(row, order)))
    kept = sorted(each for each, count in in_rows.items() if count >= 2)
    wanted = np.array([[grams(row, order).count(each) for each in kept] for row in rows])
    counts = columns.counts(make_texts(rows)).toarray()
    assert columns.count == len(kept)
    assert sorted(map(tuple, counts.T)) == sorted(map(tuple, wanted.T))  # columns in another order


def test_the_features_are_those_in_the_most_rows():
    rows = [[2, 3], [2, 3, 3, 3], [2, 4, 4, 4, 4], [5]]
    counts = NgramFeatures.choose(make_texts(rows), 1, 1).counts(make_texts(rows)).toarray()
    assert counts.tolist() == [[1], [1], [1], [0]]
    assert NgramFeatures.choose(make_texts(rows), 1, 9).count == 2


def test_where_no_ngram_stands_twice_all_are_features():
    assert NgramFeatures.choose(make_texts([[2, 3], [4]]), 1, 9).count == 3


@pytest.mark.parametrize("order", [1, 2])
def test_the_guesses_are_those_of_scikit_learns_pipeline(order):
    (train, gold), (dev, dev_gold), (test, _) = draw(300, 1), draw(80, 2), draw(80, 3)
    settings = dataclasses.replace(SETTINGS, ngrams=order, regularization=(0.5,))
    found = fit_logistic(
        make_texts(train, gold), make_texts(dev, dev_gold), make_texts(test, [0] * len(test)), settings
    )
    vectorizer = TfidfVectorizer(analyzer=lambda row: grams(row, order), min_df=2, sublinear_tf=True)
    model = LogisticRegression(C=2.0, max_iter=1000).fit(vectorizer.fit_transform(train), gold)
    assert found.features == len(vectorizer.vocabulary_)
    assert (found.dev == model.predict(vectorizer.transform(dev))).mean() >= 0.98  # two optimisations, one optimum
    assert (found.test == model.predict(vectorizer.transform(test))).mean() >= 0.98
    assert (found.dev == dev_gold).mean() > 0.55  # of three classes, half of the rows without a clue


def test_dev_chooses_the_strength_and_a_tie_goes_to_the_stronger():
    train = make_texts([[2], [2], [2], [3], [3]], [0, 0, 0, 1, 1])
    settings = dataclasses.replace(SETTINGS, ngrams=1, regularization=(1e-3, 1e5, 1e-4))
    # under the strongest every row is of the majority's class; the weaker ones tell 2 and 3 apart
    weak = fit_logistic(train, make_texts([[3], [2]], [1, 0]), make_texts([[3], [2]]), settings)
    assert (weak.regularization, weak.dev.tolist(), weak.test.tolist()) == (1e-3, [1, 0], [1, 0])
    strong = fit_logistic(train, make_texts([[3]], [0]), make_texts([[3], [2]]), settings)
    assert (strong.regularization, strong.test.tolist()) == (1e5, [0, 0])


def test_classes_that_train_has_not_are_never_guessed():
    rows = [[2], [2], [3], [3]]
    found = fit_logistic(make_texts(rows, [1, 1, 4, 4]), make_texts(rows, [1, 2, 3, 4]), make_texts(rows), SETTINGS)
    assert found.dev.tolist() == [1, 1, 4, 4]


def test_two_fits_are_the_same_and_one_class_is_refused():
    rows, labels = draw(100, 4)
    given = make_texts(rows, labels), make_texts(rows, labels), make_texts(rows), SETTINGS
    assert np.array_equal(fit_logistic(*given).test, fit_logistic(*given).test)
    with pytest.raises(UserError, match=r"^baseline: the training split is of one class or tag alone; give it more"):
        fit_logistic(make_texts(rows), *given[1:])


def test_every_strength_is_fitted_on_many_rows_too(monkeypatch):
    steps = []

    class Spy(LogisticRegression):
        def fit(self, *given):
            super().fit(*given)
            steps.append(int(self.n_iter_.max()))
            return self

    monkeypatch.setattr("textrnn.evaluation.baselines.logistic_regression.LogisticRegression", Spy)
    rows, gold = draw(20_000, 1)
    texts = make_texts(rows, gold)
    fit_logistic(texts, texts, texts, dataclasses.replace(SETTINGS, regularization=(1.0, 0.5, 0.25)))
    assert len(steps) == 3
    assert min(steps) > 2
