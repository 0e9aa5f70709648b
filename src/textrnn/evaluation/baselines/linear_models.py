"""Linear models on n-grams: logistic regression, a linear SVM and NB-SVM, all solved by liblinear.

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
from textrnn.evaluation.baselines.linear_inputs import FeatureMatrices, LinearInputs, scale_columns
from textrnn.preparation.artifacts.linear_model import LinearModel

TOLERANCE = 0.1  # liblinear's own for these solvers; a hundred times less takes longer and is no better on dev
SEEDS = 2**32  # of scikit-learn's generators


@dataclass(frozen=True, eq=False)
class LinearFit:
    """The model that dev selected, its scores of dev (N, C), its classes of test (N,), and its hyperparameters.

    dev_loss: that of `LinearInputs.loss`.
    """

    model: LinearModel
    dev_scores: np.ndarray
    test: np.ndarray
    selected: dict[str, Any]
    dev_loss: float

    @property
    def dev(self) -> np.ndarray:
        """The classes of dev (N,)."""
        return self.dev_scores.argmax(axis=1)


@dataclass(frozen=True, eq=False)
class Candidate:
    """Weights (F, C) on the columns of the inputs, bias (C,), and the hyperparameters that they were fitted with."""

    weights: np.ndarray
    bias: np.ndarray
    selected: dict[str, Any]

    def scores(self, matrix: sparse.csr_matrix) -> np.ndarray:
        """The scores (N, C) of a matrix (N, F)."""
        scores: np.ndarray = matrix @ self.weights + self.bias
        return scores


def fit_logistic_regression(inputs: LinearInputs, settings: Baseline) -> LinearFit:
    """Logistic regression on TF-IDF, one class against the rest; dev selects C among `logistic_c`."""

    def make(c: float) -> LogisticRegression:
        return LogisticRegression(C=c, solver="liblinear", dual=True, tol=TOLERANCE, random_state=settings.seed % SEEDS)

    return _fit_on_tfidf("logistic_regression", make, settings.logistic_c, inputs)


def fit_linear_svm(inputs: LinearInputs, settings: Baseline) -> LinearFit:
    """A linear SVM on TF-IDF, one class against the rest; dev selects C among `svm_c`."""
    return _fit_on_tfidf("linear_svm", _svm_maker(settings), settings.svm_c, inputs)


def fit_nb_svm(inputs: LinearInputs, settings: Baseline) -> LinearFit:
    """NB-SVM on the presence of n-grams; dev selects C among `nb_svm_c` and beta among `nb_svm_beta`."""
    return fit_nb_svm_on("nb_svm", inputs.presence, settings.nb_svm_c, inputs, settings)


def fit_nb_svm_on(
    name: str,
    matrices: FeatureMatrices,
    candidates_c: tuple[float, ...],
    inputs: LinearInputs,
    settings: Baseline,
) -> LinearFit:
    """NB-SVM on presence or TF-IDF, one class against the rest; the ratios are those of presence.

    The weights are drawn to their mean magnitude by 1 - beta. Source: Wang & Manning 2012, "Baselines and Bigrams".
    """
    make = _svm_maker(settings)
    scales = np.stack(
        [log_count_ratio(inputs.presence.train, inputs.train == label) for label in range(inputs.classes)], axis=1
    )

    def candidates() -> Iterator[Candidate]:
        for c in candidates_c:
            raw, bias = _fit_one_vs_rest(make(c), matrices.train, inputs.train, inputs.classes, scales)
            for beta in settings.nb_svm_beta:
                drawn = (1 - beta) * np.abs(raw).mean(axis=0) + beta * raw
                yield _complete(scales * drawn, bias, matrices.train, inputs.train, {"C": c, "beta": beta})

    return _select(name, candidates(), matrices, inputs)


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
    def candidates() -> Iterator[Candidate]:
        for c in candidates_c:
            raw, bias = _fit_one_vs_rest(make(c), inputs.tfidf.train, inputs.train, inputs.classes, None)
            yield _complete(raw, bias, inputs.tfidf.train, inputs.train, {"C": c})

    return _select(name, candidates(), inputs.tfidf, inputs)


def _fit_one_vs_rest(
    estimator: Any, train: sparse.csr_matrix, gold: np.ndarray, classes: int, scales: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Fit each class against the rest, of two classes only the second: coefficients (F, C) and intercepts (C,).

    scales: (F, C), by which each class's inputs are multiplied. The classes that are not fitted have zeros.
    """
    weights, bias = np.zeros((train.shape[1], classes)), np.zeros(classes)
    present = np.unique(gold)
    for label in present if len(present) > 2 else present[1:]:
        scaled = train if scales is None else scale_columns(train, scales[:, label])
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


def _select(name: str, candidates: Iterator[Candidate], matrices: FeatureMatrices, inputs: LinearInputs) -> LinearFit:
    """The candidate on these matrices with the least loss on dev, the first of several equal ones, as a model.

    The loss, unlike the accuracy, also tells by how much rows are right or wrong: on a dev split of some hundred rows
    it chooses far more steadily.
    """
    best: tuple[Candidate, np.ndarray] | None = None
    least = np.inf
    for candidate in candidates:
        scores = candidate.scores(matrices.dev)
        loss = inputs.loss(scores)
        if loss < least:
            best, least = (candidate, scores), loss
    assert best is not None
    candidate, scores = best
    model = LinearModel(
        name,
        inputs.features.vocabulary_size,
        inputs.features.keys,
        (candidate.weights * matrices.factors[:, None]).astype(np.float32),
        matrices.squares.astype(np.float32),
        candidate.bias.astype(np.float32),
    )
    selected = {"features": len(inputs.features), **candidate.selected}
    return LinearFit(model, scores, candidate.scores(matrices.test).argmax(axis=1), selected, least)
