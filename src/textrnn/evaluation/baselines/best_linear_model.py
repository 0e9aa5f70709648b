"""The linear model on n-grams that dev selects, for a recipe with a wide part where no baselines are reported."""

from __future__ import annotations

import numpy as np

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.evaluation.baselines.encoded_texts import read_encoded_texts
from textrnn.evaluation.baselines.fit import LINEAR_MODELS
from textrnn.evaluation.baselines.linear_models import LinearInputs
from textrnn.evaluation.metrics.comparison import best_baseline
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.linear_model import LinearModel


def fit_best_linear_model(
    encoded: EncodedRows, labels: Labels, vocabulary_size: int, settings: Baseline
) -> LinearModel:
    """Fit the linear models on train and return the one that is best on dev, the first of several equal ones.

    That is the model which the stage `baseline` keeps, without a split for test, and without the other baselines.
    Raises UserError when train or dev is empty, or train has only one class.
    """
    train, dev = (read_encoded_texts(encoded, split) for split in ("train", "dev"))
    no_test = dev.take(np.empty(0, np.int64))
    inputs = LinearInputs.extract(
        (train, dev, no_test), vocabulary_size=vocabulary_size, classes=len(labels.names), settings=settings
    )
    fits = {fitted.model.name: fitted for fitted in (fit(inputs, settings) for fit in LINEAR_MODELS)}
    accuracies = {name: {"dev": {"accuracy": (fitted.dev == dev.labels).mean()}} for name, fitted in fits.items()}
    return fits[best_baseline(accuracies, "accuracy")].model
