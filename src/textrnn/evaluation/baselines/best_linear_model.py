"""All linear models on n-grams, and the best of them on dev, which is the wide part of a recipe that has one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.evaluation.baselines.encoded_texts import read_encoded_texts
from textrnn.evaluation.baselines.linear_ensemble import fit_linear_ensemble
from textrnn.evaluation.baselines.linear_inputs import LinearInputs
from textrnn.evaluation.baselines.linear_models import LinearFit, fit_linear_svm, fit_logistic_regression, fit_nb_svm
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.linear_model import LinearModel


def fit_linear_models(inputs: LinearInputs, settings: Baseline) -> Iterator[tuple[LinearFit, float]]:
    """Yield the linear models, each with the seconds that it took; the ensemble's are those of its two parts."""
    regression, seconds = _timed(lambda: fit_logistic_regression(inputs, settings))
    yield regression, seconds
    yield _timed(lambda: fit_linear_svm(inputs, settings))
    yield _timed(lambda: fit_nb_svm(inputs, settings))
    ensemble, more_seconds = _timed(lambda: fit_linear_ensemble(inputs, settings, regression))
    yield ensemble, seconds + more_seconds


def fit_best_linear_model(
    encoded: EncodedRows, labels: Labels, vocabulary_size: int, settings: Baseline
) -> LinearModel:
    """Fit the linear models on train and return the one with the least loss on dev, the first of several equal ones.

    That is the model which the stage `baseline` keeps, without a split for test, and without the other baselines.
    Raises UserError when train or dev is empty, or train has only one class.
    """
    train, dev = (read_encoded_texts(encoded, split) for split in ("train", "dev"))
    no_test = dev.take(np.empty(0, np.int64))
    inputs = LinearInputs.extract(
        (train, dev, no_test), vocabulary_size=vocabulary_size, classes=len(labels.names), settings=settings
    )
    fits = (fitted for fitted, _ in fit_linear_models(inputs, settings))  # only the best is kept in memory
    return min(fits, key=lambda fitted: fitted.dev_loss).model


def _timed(fit: Callable[[], LinearFit]) -> tuple[LinearFit, float]:
    started = time.monotonic()
    return fit(), time.monotonic() - started
