"""Multinomial logistic regression on n-grams, by scikit-learn: the linear baseline for classification."""

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

HASH_BUCKETS = 2**24  # n-grams are counted by hash, in 64 MB of counters; among a million, few collide
ROWS_AT_ONCE = 4_096
# Stopping tolerance on the gradient of the mean loss. Over many rows the penalty has a small share in that mean: with
# scikit-learn's 1e-4, the fit after a change of the penalty would stop before its first step.
TOLERANCE = 1e-7
MIN_COUNT = 2  # an n-gram of a single training row says nothing about other rows


@dataclass(frozen=True, eq=False)
class NgramFeatures:
    """The n-grams selected as features: the column of each hash bucket or -1, (HASH_BUCKETS,) int32."""

    order: int
    columns: np.ndarray
    count: int

    @classmethod
    def select(cls, texts: EncodedTexts, order: int, features: int) -> NgramFeatures:
        """Select the buckets that occur in the most rows, at most `features` of them; ties go to the lower bucket.

        A bucket must occur in at least MIN_COUNT rows. If none does, every bucket that occurs is selected.
        """
        rows_of_bucket = np.zeros(HASH_BUCKETS, dtype=np.int32)
        for chunk in texts.chunks(ROWS_AT_ONCE):
            pairs = np.unique(np.concatenate([row * HASH_BUCKETS + bucket for bucket, row in _buckets(chunk, order)]))
            buckets, counts = np.unique(pairs % HASH_BUCKETS, return_counts=True)
            rows_of_bucket[buckets] += counts
        return cls(order, *select_columns(rows_of_bucket, features))

    def counts(self, texts: EncodedTexts) -> sparse.csr_matrix:
        """Count the features of each row: (N, count) float64."""
        matrices = []
        for chunk in texts.chunks(ROWS_AT_ONCE):
            buckets, rows = (np.concatenate(part) for part in zip(*_buckets(chunk, self.order), strict=True))
            columns = self.columns[buckets]
            rows, columns = rows[columns >= 0], columns[columns >= 0]
            matrices.append(sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), (len(chunk), self.count)))
        return sparse.vstack(matrices, format="csr")


def select_columns(counts: np.ndarray, features: int) -> tuple[np.ndarray, int]:
    """Assign columns to the buckets with the highest counts (HASH_BUCKETS,), as NgramFeatures.select describes.

    Returns the column of each bucket or -1, (HASH_BUCKETS,) int32, and the number of columns.
    """
    buckets = np.flatnonzero(counts >= min(MIN_COUNT, counts.max()))
    buckets = np.sort(buckets[np.argsort(-counts[buckets], kind="stable")[:features]])
    columns = np.full(HASH_BUCKETS, -1, dtype=np.int32)
    columns[buckets] = np.arange(len(buckets))
    return columns, len(buckets)


def _buckets(texts: EncodedTexts, max_order: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the bucket and the row of each n-gram (G,) int64, for each order up to `max_order`."""
    for order in range(1, max_order + 1):
        hashes, rows = ngrams(texts, order)
        yield (hashes % np.uint64(HASH_BUCKETS)).astype(np.int64), rows


@dataclass(frozen=True, eq=False)
class LogisticResult:
    """The regression selected on dev: its predicted classes on dev and test, number of features, regularization."""

    dev: np.ndarray
    test: np.ndarray
    features: int
    regularization: float

    def selected(self) -> dict[str, float]:
        """Return the values reported next to its metrics."""
        return {"features": self.features, "regularization": self.regularization}


def fit_logistic(train: EncodedTexts, dev: EncodedTexts, test: EncodedTexts, settings: Baseline) -> LogisticResult:
    """Fit one regression for each value of `settings.regularization` and return the one with the best dev accuracy.

    Features are n-grams of 1 to `settings.ngrams` tokens, as sublinear tf-idf of unit length (scikit-learn's
    TfidfTransformer). `regularization` is 1/C of scikit-learn: the factor of half the sum of squared weights, which is
    added to the summed cross-entropy. L-BFGS fits the largest value first and starts each next fit from the last
    solution; a tie goes to the larger value. Nothing is random. Raises UserError when train has only one class.
    """
    features = NgramFeatures.select(train, settings.ngrams, settings.features)
    tfidf = TfidfTransformer(sublinear_tf=True)
    train_inputs = tfidf.fit_transform(features.counts(train))
    dev_inputs, test_inputs = (tfidf.transform(features.counts(texts)) for texts in (dev, test))
    return fit_regularization_path((train_inputs, train.labels), (dev_inputs, dev.labels), test_inputs, settings)


def fit_regularization_path(
    train: tuple[sparse.csr_matrix, np.ndarray],
    dev: tuple[sparse.csr_matrix, np.ndarray],
    test: sparse.csr_matrix,
    settings: Baseline,
) -> LogisticResult:
    """Fit one regression for each regularization on inputs (N, F) and classes (N,); return the best by dev accuracy."""
    inputs, gold = train
    if len(np.unique(gold)) < 2:
        raise UserError("baseline", "the training split has only one class or tag", do="give it more rows")
    model = LogisticRegression(tol=TOLERANCE, max_iter=settings.iterations, warm_start=True)
    best, best_hits = None, -1
    for regularization in sorted(settings.regularization, reverse=True):
        model.C = 1 / regularization
        with warnings.catch_warnings():
            # `iterations` bounds the time: a fit that reaches it is a model like any other, judged on dev
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(inputs, gold)
        predicted = model.predict(dev[0])
        hits = int((predicted == dev[1]).sum())
        if hits > best_hits:
            best = LogisticResult(predicted, model.predict(test), inputs.shape[1], regularization)
            best_hits = hits
    assert best is not None
    return best
