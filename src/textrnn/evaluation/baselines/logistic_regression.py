"""Multinomial logistic regression on n-grams, by scikit-learn: the linear model that a network has to beat."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from textrnn.common.config.baseline import Baseline
from textrnn.errors import UserError
from textrnn.evaluation.baselines.ngrams import EncodedTexts, ngrams

CELLS = 2**24  # n-grams are counted by hash in so many cells, 64 MB: two of a million meet in one now and then
ROWS_AT_ONCE = 4_096
# of the gradient of the mean loss; with scikit-learn's 1e-4 a new strength, whose share in the mean over many rows is
# small, would be done before its first step
TOLERANCE = 1e-7
MIN_ROWS = 2  # an n-gram of a single training row tells nothing of another row


@dataclass(frozen=True, eq=False)
class NgramFeatures:
    """The n-grams that are features: of the cell of each its column, or -1, (CELLS,) int32."""

    order: int
    column: np.ndarray
    count: int

    @classmethod
    def choose(cls, texts: EncodedTexts, order: int, features: int) -> NgramFeatures:
        """The cells that stand in the most rows, in MIN_ROWS at least, at most `features`; ties to the lower cell.

        Where no cell stands in so many rows, all are taken that stand in one.
        """
        rows = np.zeros(CELLS, dtype=np.int32)
        for piece in texts.pieces(ROWS_AT_ONCE):
            pairs = np.unique(np.concatenate([row * CELLS + cell for cell, row in _cells(piece, order)]))
            cells, counts = np.unique(pairs % CELLS, return_counts=True)
            rows[cells] += counts
        return cls(order, *choose_columns(rows, features))

    def counts(self, texts: EncodedTexts) -> sparse.csr_matrix:
        """How often each row has each feature: (N, count) float64."""
        made = []
        for piece in texts.pieces(ROWS_AT_ONCE):
            cells, rows = (np.concatenate(part) for part in zip(*_cells(piece, self.order), strict=True))
            columns = self.column[cells]
            rows, columns = rows[columns >= 0], columns[columns >= 0]
            made.append(sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), (len(piece), self.count)))
        return sparse.vstack(made, format="csr")


def choose_columns(counts: np.ndarray, features: int) -> tuple[np.ndarray, int]:
    """Of each cell its column, or -1, (CELLS,) int32, and how many columns there are: see Columns.choose."""
    found = np.flatnonzero(counts >= min(MIN_ROWS, counts.max()))
    found = np.sort(found[np.argsort(-counts[found], kind="stable")[:features]])
    column = np.full(CELLS, -1, dtype=np.int32)
    column[found] = np.arange(len(found))
    return column, len(found)


def _cells(texts: EncodedTexts, order: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for each in range(1, order + 1):
        hashes, rows = ngrams(texts, each)
        yield (hashes % np.uint64(CELLS)).astype(np.int64), rows


@dataclass(frozen=True, eq=False)
class LogisticResult:
    """The regression that dev chose: the guessed classes of dev and test, its features and its regularization."""

    dev: np.ndarray
    test: np.ndarray
    features: int
    regularization: float

    def chosen(self) -> dict[str, float]:
        """What stands beside its figures."""
        return {"features": self.features, "regularization": self.regularization}


def fit_logistic(train: EncodedTexts, dev: EncodedTexts, test: EncodedTexts, settings: Baseline) -> LogisticResult:
    """Fit one regression for each strength in `settings.regularization`; dev's accuracy chooses.

    Features are n-grams of 1 to `settings.ngrams` tokens, as sublinear tf-idf of unit length (scikit-learn's
    TfidfTransformer). The strength is the factor of half the squared weights beside the summed cross-entropy, 1/C of
    scikit-learn. L-BFGS goes from the strongest to the weakest, each starting where the last one ended; a tie goes to
    the stronger. Nothing is drawn. Raises UserError when train has one class alone.
    """
    columns = NgramFeatures.choose(train, settings.ngrams, settings.features)
    weigh = TfidfTransformer(sublinear_tf=True)
    inputs = weigh.fit_transform(columns.counts(train))
    seen, unseen = (weigh.transform(columns.counts(texts)) for texts in (dev, test))
    return fit_regularization_path((inputs, train.labels), (seen, dev.labels), unseen, settings)


def fit_regularization_path(
    train: tuple[sparse.csr_matrix, np.ndarray],
    dev: tuple[sparse.csr_matrix, np.ndarray],
    test: sparse.csr_matrix,
    settings: Baseline,
) -> LogisticResult:
    """One regression for each strength, on inputs (N, F) and classes (N,); the one that dev's accuracy chooses."""
    inputs, gold = train
    if len(np.unique(gold)) < 2:
        raise UserError("baseline", "the training split is of one class or tag alone", do="give it more rows")
    model = LogisticRegression(tol=TOLERANCE, max_iter=settings.iterations, warm_start=True)
    best, best_hits = None, -1
    for strength in sorted(settings.regularization, reverse=True):
        model.C = 1 / strength
        with warnings.catch_warnings():
            # `iterations` is a bound on time: a fit that it ends is a model like any other, judged on dev
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(inputs, gold)
        guess = model.predict(dev[0])
        hits = int((guess == dev[1]).sum())
        if hits > best_hits:
            best, best_hits = LogisticResult(guess, model.predict(test), inputs.shape[1], strength), hits
    assert best is not None
    return best
