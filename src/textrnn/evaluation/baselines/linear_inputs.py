"""What linear models on n-grams are fitted and judged on: which n-grams each text has, also as TF-IDF.

Shapes: N texts, F n-grams, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from textrnn.common.config.baseline import Baseline
from textrnn.errors import UserError
from textrnn.evaluation.baselines.encoded_texts import EncodedTexts
from textrnn.evaluation.baselines.ngram_features import NgramFeatures
from textrnn.preparation.artifacts.score_scales import least_loss


@dataclass(frozen=True, eq=False)
class FeatureMatrices:
    """A column for each n-gram, of train, dev and test, each (N, F); and how they follow from presence.

    A row is the presence of its n-grams times `factors` (F,), divided by the square root of the sum of their `squares`
    (F,), or by 1 where that sum is 0: as in `LinearModel`.
    """

    train: sparse.csr_matrix
    dev: sparse.csr_matrix
    test: sparse.csr_matrix
    factors: np.ndarray
    squares: np.ndarray


@dataclass(frozen=True, eq=False)
class LinearInputs:
    """What all linear models of an encoding are fitted and judged on.

    presence: zeros and ones. tfidf: rows of unit length, with scikit-learn's smooth inverse document frequency. train
    and dev: the classes, (N,) each; C is `classes`.
    """

    features: NgramFeatures
    presence: FeatureMatrices
    tfidf: FeatureMatrices
    train: np.ndarray
    dev: np.ndarray
    classes: int

    @cached_property
    def judged(self) -> np.ndarray:
        """The rows of dev by which models are compared: those whose class train has, or all where it has none of them.

        No linear model gets the others right. How wrong they are depends on nothing that was learned.
        """
        known = np.flatnonzero(np.isin(self.dev, np.unique(self.train)))
        return known if len(known) else np.arange(len(self.dev))

    def loss(self, dev_scores: np.ndarray) -> float:
        """The mean cross-entropy of the judged rows for scores of dev (N, C), at the scale where it is least."""
        return least_loss(dev_scores[self.judged], self.dev[self.judged])

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
        on_train, on_dev, on_test = (features.presence(texts) for texts in splits)
        ones, zeros = np.ones(len(features)), np.zeros(len(features))
        presence = FeatureMatrices(on_train, on_dev, on_test, ones, zeros)
        return cls(features, presence, _tfidf(presence), train.labels, dev.labels, classes)


def _tfidf(presence: FeatureMatrices) -> FeatureMatrices:
    texts, ngrams = presence.train.shape
    texts_with = np.bincount(presence.train.indices, minlength=ngrams)
    idf = np.log((1 + texts) / (1 + texts_with)) + 1
    on_train, on_dev, on_test = (
        _unit_rows(scale_columns(matrix, idf)) for matrix in (presence.train, presence.dev, presence.test)
    )
    return FeatureMatrices(on_train, on_dev, on_test, idf, idf**2)


def scale_columns(matrix: sparse.csr_matrix, scales: np.ndarray) -> sparse.csr_matrix:
    """The matrix with each column multiplied by its scale (F,)."""
    return sparse.csr_matrix((matrix.data * scales[matrix.indices], matrix.indices, matrix.indptr), matrix.shape)


def _unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix with each row divided by its length; a row of zeros stays as it is."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    data = matrix.data / np.repeat(lengths, np.diff(matrix.indptr))
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)
