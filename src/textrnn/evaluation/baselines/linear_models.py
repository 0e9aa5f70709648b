"""Linear models on the presence of n-grams: logistic regression, a linear SVM and NB-SVM, all solved by liblinear.

Shapes: N texts, F n-grams, C classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from textrnn.common.config.baseline import Baseline
from textrnn.errors import UserError
from textrnn.evaluation.baselines.encoded_texts import EncodedTexts
from textrnn.evaluation.baselines.ngram_features import NgramFeatures
from textrnn.preparation.artifacts.linear_model import LinearModel

TOLERANCE = 0.1  # liblinear's own for these solvers; a hundred times less takes longer and is no better on dev
SEEDS = 2**32  # of scikit-learn's generators


@dataclass(frozen=True, eq=False)
class LinearInputs:
    """What all linear models of an encoding are fitted and judged on.

    presence: of train, dev and test, each (N, F) of zeros and ones. tfidf: the same as TF-IDF of unit length. gold:
    the classes of train and dev, each (N,). idf: (F,), scikit-learn's smooth inverse document frequency.
    """

    features: NgramFeatures
    presence: tuple[sparse.csr_matrix, ...]
    tfidf: tuple[sparse.csr_matrix, ...]
    gold: tuple[np.ndarray, np.ndarray]
    idf: np.ndarray
    classes: int

    @classmethod
    def extract(
        cls,
        splits: tuple[EncodedTexts, EncodedTexts, EncodedTexts],
        *,
        vocabulary_size: int,
        classes: int,
        settings: Baseline,
    ) -> LinearInputs:
        """Select n-grams on train and find them in train, dev and test.

        Raises UserError when train has only one class.
        """
        train, dev, _ = splits
        if len(np.unique(train.labels)) < 2:
            raise UserError("baseline", "the training split has only one class", do="give it more rows")
        features = NgramFeatures.select(train, vocabulary_size, settings.ngrams, settings.features)
        presence = tuple(features.presence(texts) for texts in splits)
        texts_with = np.bincount(presence[0].indices, minlength=len(features))
        idf = np.log((1 + len(train)) / (1 + texts_with)) + 1
        tfidf = tuple(_unit_rows(_scale_columns(matrix, idf)) for matrix in presence)
        return cls(features, presence, tfidf, (train.labels, dev.labels), idf, classes)


@dataclass(frozen=True, eq=False)
class LinearFit:
    """The model that dev selected: its classes of dev and test, (N,) each, and the hyperparameters."""

    model: LinearModel
    dev: np.ndarray
    test: np.ndarray
    selected: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Candidate:
    """Weights (F, C) on the columns of the inputs, bias (C,), and the hyperparameters that they were fitted with."""

    weights: np.ndarray
    bias: np.ndarray
    selected: dict[str, Any]


def fit_logistic_regression(inputs: LinearInputs, settings: Baseline) -> LinearFit:
    """Logistic regression on TF-IDF, one class against the rest; dev accuracy selects C among `logistic_c`."""

    def make(c: float) -> LogisticRegression:
        return LogisticRegression(C=c, solver="liblinear", dual=True, tol=TOLERANCE, random_state=settings.seed % SEEDS)

    return _fit_on_tfidf("logistic_regression", make, settings.logistic_c, inputs)


def fit_linear_svm(inputs: LinearInputs, settings: Baseline) -> LinearFit:
    """A linear SVM on TF-IDF, one class against the rest; dev accuracy selects C among `svm_c`."""
    return _fit_on_tfidf("linear_svm", _svm_maker(settings), settings.svm_c, inputs)


def fit_nb_svm(inputs: LinearInputs, settings: Baseline) -> LinearFit:
    """NB-SVM: a linear SVM on presence times the log-count ratio of naive Bayes, one class against the rest.

    The weights are drawn to their mean magnitude by 1 - beta. Dev accuracy selects C among `nb_svm_c` and beta among
    `nb_svm_beta`. Source: Wang & Manning 2012, "Baselines and Bigrams".
    """
    train, make = inputs.presence[0], _svm_maker(settings)
    ratios = np.stack([log_count_ratio(train, inputs.gold[0] == label) for label in range(inputs.classes)], axis=1)

    def candidates() -> Iterator[Candidate]:
        for c in settings.nb_svm_c:
            raw, bias = _fit_one_vs_rest(make(c), train, inputs.gold[0], inputs.classes, ratios)
            for beta in settings.nb_svm_beta:
                drawn = (1 - beta) * np.abs(raw).mean(axis=0) + beta * raw
                yield _complete(ratios * drawn, bias, train, inputs.gold[0], {"C": c, "beta": beta})

    best, dev = _select(candidates(), inputs.presence[1], inputs.gold[1])
    squares = np.zeros(len(inputs.features))
    return _finish("nb_svm", best, best.weights, squares, (dev, inputs.presence[2]), inputs)


def log_count_ratio(presence: sparse.csr_matrix, inside: np.ndarray) -> np.ndarray:
    """The log-count ratio of each n-gram (F,): how much likelier it is in the texts inside (N,) than in the others.

    Counts are of texts, with one added to each.
    """
    p, q = (1 + np.bincount(presence[mask].indices, minlength=presence.shape[1]) for mask in (inside, ~inside))
    ratio: np.ndarray = np.log(p / p.sum()) - np.log(q / q.sum())
    return ratio


def _svm_maker(settings: Baseline) -> Callable[[float], LinearSVC]:
    return lambda c: LinearSVC(C=c, dual=True, tol=TOLERANCE, random_state=settings.seed % SEEDS)


def _fit_on_tfidf(
    name: str, make: Callable[[float], Any], candidates_c: tuple[float, ...], inputs: LinearInputs
) -> LinearFit:
    train, gold = inputs.tfidf[0], inputs.gold[0]

    def candidates() -> Iterator[Candidate]:
        for c in candidates_c:
            raw, bias = _fit_one_vs_rest(make(c), train, gold, inputs.classes, None)
            yield _complete(raw, bias, train, gold, {"C": c})

    best, dev = _select(candidates(), inputs.tfidf[1], inputs.gold[1])
    weights = best.weights * inputs.idf[:, None]
    return _finish(name, best, weights, inputs.idf**2, (dev, inputs.tfidf[2]), inputs)


def _fit_one_vs_rest(
    estimator: Any, train: sparse.csr_matrix, gold: np.ndarray, classes: int, scales: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Fit each class against the rest, of two classes only the second: coefficients (F, C) and intercepts (C,).

    scales: (F, C), by which each class's inputs are multiplied. The classes that are not fitted have zeros.
    """
    weights, bias = np.zeros((train.shape[1], classes)), np.zeros(classes)
    present = np.unique(gold)
    for label in present if len(present) > 2 else present[1:]:
        scaled = train if scales is None else _scale_columns(train, scales[:, label])
        with warnings.catch_warnings():
            # liblinear's bound on steps bounds the time: a fit that reaches it is judged on dev like any other
            warnings.simplefilter("ignore", ConvergenceWarning)
            estimator.fit(scaled, gold == label)
        weights[:, label], bias[label] = estimator.coef_[0], estimator.intercept_[0]
    return weights, bias


def _complete(
    weights: np.ndarray, bias: np.ndarray, train: sparse.csr_matrix, gold: np.ndarray, selected: dict[str, Any]
) -> Candidate:
    """Give the classes that were not fitted their scores.

    Of two classes, each gets half of the fitted weights, with opposite signs. A class that train lacks gets a bias
    below every score of train, so that it is not predicted.
    """
    weights, bias = weights.copy(), bias.copy()  # other candidates are made of the same fit
    present = np.unique(gold)
    if len(present) == 2:
        first, second = present
        weights[:, second], bias[second] = weights[:, second] / 2, bias[second] / 2
        weights[:, first], bias[first] = -weights[:, second], -bias[second]
    missing = np.setdiff1d(np.arange(len(bias)), present)
    if len(missing):
        weights[:, missing] = 0
        bias[missing] = (train @ weights[:, present] + bias[present]).min() - 1
    return Candidate(weights, bias, selected)


def _select(candidates: Iterator[Candidate], dev: sparse.csr_matrix, gold: np.ndarray) -> tuple[Candidate, np.ndarray]:
    """The candidate with the best dev accuracy, the first of several equal ones, and its classes of dev (N,)."""
    best: tuple[Candidate, np.ndarray] | None = None
    best_hits = -1
    for candidate in candidates:
        predicted = _predict(candidate, dev)
        hits = int((predicted == gold).sum())
        if hits > best_hits:
            best, best_hits = (candidate, predicted), hits
    assert best is not None
    return best


def _finish(
    name: str,
    best: Candidate,
    weights: np.ndarray,
    squares: np.ndarray,
    dev_and_test: tuple[np.ndarray, sparse.csr_matrix],
    inputs: LinearInputs,
) -> LinearFit:
    dev, test = dev_and_test
    model = LinearModel(
        name,
        inputs.features.vocabulary_size,
        inputs.features.keys,
        weights.astype(np.float32),
        squares.astype(np.float32),
        best.bias.astype(np.float32),
    )
    return LinearFit(model, dev, _predict(best, test), {"features": len(inputs.features), **best.selected})


def _predict(candidate: Candidate, matrix: sparse.csr_matrix) -> np.ndarray:
    predicted: np.ndarray = (matrix @ candidate.weights + candidate.bias).argmax(axis=1)
    return predicted


def _scale_columns(matrix: sparse.csr_matrix, scales: np.ndarray) -> sparse.csr_matrix:
    """The matrix with each column multiplied by its scale (F,)."""
    return sparse.csr_matrix((matrix.data * scales[matrix.indices], matrix.indices, matrix.indptr), matrix.shape)


def _unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix with each row divided by its length; a row of zeros stays as it is."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    data = matrix.data / np.repeat(lengths, np.diff(matrix.indptr))
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)
