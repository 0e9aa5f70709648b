"""The linear ensemble: a weighted sum of logistic regression and NB-SVM, both on TF-IDF of n-grams.

One tells what the other does not. As both divide a row by the same length, the sum is a linear model like them. Shapes:
N texts, C classes.
"""

from __future__ import annotations

import numpy as np

from textrnn.common.config.baseline import Baseline
from textrnn.evaluation.baselines.linear_inputs import LinearInputs
from textrnn.evaluation.baselines.linear_models import LinearFit, fit_nb_svm_on
from textrnn.preparation.artifacts.linear_model import LinearModel
from textrnn.preparation.artifacts.score_scales import equal_scales, fit_scales

NAME = "linear_ensemble"


def fit_linear_ensemble(inputs: LinearInputs, settings: Baseline, regression: LinearFit) -> LinearFit:
    """Add an NB-SVM on TF-IDF to a logistic regression, with the weights under which dev is most likely.

    Dev selects C of the NB-SVM among `nb_svm_tfidf_c` and beta among `nb_svm_beta`. Where dev cannot tell the
    weights, both parts count equally; see `fit_scales`.
    """
    nb_svm = fit_nb_svm_on(NAME, inputs.tfidf, settings.nb_svm_tfidf_c, inputs, settings)
    judged, scores = inputs.judged, (regression.dev_scores, nb_svm.dev_scores)
    scales = fit_scales(scores[0][judged], scores[1][judged], inputs.dev[judged]) or equal_scales(*scores)
    parts = (regression.model, nb_svm.model)

    def total(values: list[np.ndarray]) -> np.ndarray:
        first, second = (scale * value.astype(np.float64) for scale, value in zip(scales, values, strict=True))
        first += second
        return first

    model = LinearModel(
        NAME,
        regression.model.vocabulary_size,
        regression.model.keys,
        total([part.weights for part in parts]).astype(np.float32),
        regression.model.squares,
        total([part.bias for part in parts]).astype(np.float32),
    )
    dev_scores = total([*scores])
    c = [regression.selected["C"], nb_svm.selected["C"]]
    selected = {**nb_svm.selected, "C": c, "weights": [round(scale, 6) for scale in scales]}
    return LinearFit(model, dev_scores, _classes(model, inputs), selected, inputs.loss(dev_scores))


def _classes(model: LinearModel, inputs: LinearInputs) -> np.ndarray:
    """The classes (N,) of test, as `LinearModel.scores` has them."""
    presence = inputs.presence.test
    squares = presence @ model.squares.astype(np.float64)
    norms = np.sqrt(np.where(squares > 0, squares, 1))
    scores = presence @ model.weights.astype(np.float64) / norms[:, None] + model.bias
    classes: np.ndarray = scores.astype(np.float32).argmax(axis=1)
    return classes
