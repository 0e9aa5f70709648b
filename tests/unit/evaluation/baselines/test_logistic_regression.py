"""The features of the regression by brute force, and the regression compared with scikit-learn's pipeline."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from factories.baseline_texts import SETTINGS, make_texts, tuples
from textrnn.errors import UserError
from textrnn.evaluation.baselines.logistic_regression import NgramFeatures, fit_logistic


def grams(row, order):
    return [ngram for n in range(1, order + 1) for ngram in tuples(row, n)]


def sample(rows, seed, classes=3):
    """Random rows of 0 to 8 ids, half of which also have an id that identifies their class."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, rows)
    ids = [generator.integers(2, 12, generator.integers(0, 9)).tolist() for _ in range(rows)]
    return [row + [20 + label] * int(generator.random() < 0.5) for row, label in zip(ids, labels, strict=True)], labels


@pytest.mark.parametrize("order", [1, 3])
def test_features_are_the_counts_of_ngrams_in_at_least_two_rows(monkeypatch, order):
    monkeypatch.setattr("textrnn.evaluation.baselines.logistic_regression.ROWS_AT_ONCE", 7)
    rows, _ = sample(60, 1)
    features = NgramFeatures.select(make_texts(rows), order, 10_000)
    row_counts = Counter(ngram for row in rows for ngram in set(grams(row, order)))
    selected = sorted(ngram for ngram, count in row_counts.items() if count >= 2)
    expected = np.array([[grams(row, order).count(ngram) for ngram in selected] for row in rows])
    counts = features.counts(make_texts(rows)).toarray()
    assert features.count == len(selected)
    assert sorted(map(tuple, counts.T)) == sorted(map(tuple, expected.T))  # columns in another order


def test_the_ngrams_in_the_most_rows_are_selected():
    rows = [[2, 3], [2, 3, 3, 3], [2, 4, 4, 4, 4], [5]]
    counts = NgramFeatures.select(make_texts(rows), 1, 1).counts(make_texts(rows)).toarray()
    assert counts.tolist() == [[1], [1], [1], [0]]
    assert NgramFeatures.select(make_texts(rows), 1, 9).count == 2


def test_if_no_ngram_occurs_twice_all_are_features():
    assert NgramFeatures.select(make_texts([[2, 3], [4]]), 1, 9).count == 3


@pytest.mark.parametrize("order", [1, 2])
def test_the_predictions_equal_those_of_scikit_learns_pipeline(order):
    (train, gold), (dev, dev_gold), (test, _) = sample(300, 1), sample(80, 2), sample(80, 3)
    settings = dataclasses.replace(SETTINGS, ngrams=order, regularization=(0.5,))
    result = fit_logistic(
        make_texts(train, gold), make_texts(dev, dev_gold), make_texts(test, [0] * len(test)), settings
    )
    vectorizer = TfidfVectorizer(analyzer=lambda row: grams(row, order), min_df=2, sublinear_tf=True)
    model = LogisticRegression(C=2.0, max_iter=1000).fit(vectorizer.fit_transform(train), gold)
    assert result.features == len(vectorizer.vocabulary_)
    assert (
        result.dev == model.predict(vectorizer.transform(dev))
    ).mean() >= 0.98  # two optimizations of one convex loss
    assert (result.test == model.predict(vectorizer.transform(test))).mean() >= 0.98
    assert (result.dev == dev_gold).mean() > 0.55  # three classes; half of the rows have no informative id


def test_dev_selects_the_regularization_and_a_tie_goes_to_the_larger():
    train = make_texts([[2], [2], [2], [3], [3]], [0, 0, 0, 1, 1])
    settings = dataclasses.replace(SETTINGS, ngrams=1, regularization=(1e-3, 1e5, 1e-4))
    # with the largest value every row gets the majority class; the smaller ones separate 2 and 3
    weak = fit_logistic(train, make_texts([[3], [2]], [1, 0]), make_texts([[3], [2]]), settings)
    assert (weak.regularization, weak.dev.tolist(), weak.test.tolist()) == (1e-3, [1, 0], [1, 0])
    strong = fit_logistic(train, make_texts([[3]], [0]), make_texts([[3], [2]]), settings)
    assert (strong.regularization, strong.test.tolist()) == (1e5, [0, 0])


def test_classes_that_are_not_in_train_are_never_predicted():
    rows = [[2], [2], [3], [3]]
    result = fit_logistic(make_texts(rows, [1, 1, 4, 4]), make_texts(rows, [1, 2, 3, 4]), make_texts(rows), SETTINGS)
    assert result.dev.tolist() == [1, 1, 4, 4]


def test_two_fits_are_equal_and_a_single_class_is_refused():
    rows, labels = sample(100, 4)
    arguments = make_texts(rows, labels), make_texts(rows, labels), make_texts(rows), SETTINGS
    assert np.array_equal(fit_logistic(*arguments).test, fit_logistic(*arguments).test)
    with pytest.raises(UserError, match=r"^baseline: the training split has only one class or tag; give it more"):
        fit_logistic(make_texts(rows), *arguments[1:])


def test_every_regularization_is_fitted_even_on_many_rows(monkeypatch):
    steps = []

    class Spy(LogisticRegression):
        def fit(self, *arguments):
            super().fit(*arguments)
            steps.append(int(self.n_iter_.max()))
            return self

    monkeypatch.setattr("textrnn.evaluation.baselines.logistic_regression.LogisticRegression", Spy)
    rows, gold = sample(20_000, 1)
    texts = make_texts(rows, gold)
    fit_logistic(texts, texts, texts, dataclasses.replace(SETTINGS, regularization=(1.0, 0.5, 0.25)))
    assert len(steps) == 3
    assert min(steps) > 2
