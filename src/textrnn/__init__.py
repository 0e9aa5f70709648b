"""Recurrent text models as a cached, reproducible pipeline.

What takes long to import, torch and scikit-learn, is imported when it is first used. `__init__.pyi` has the types.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

__all__ = ["SequenceTagger", "TextClassifier", "__version__", "load"]

__version__ = "0.1.0"

_ESTIMATORS = {
    "SequenceTagger": "textrnn.estimator.sequence_tagger",
    "TextClassifier": "textrnn.estimator.text_classifier",
}


def load(folder: str | Path) -> Any:
    """Load the Predictor of a model directory; see textrnn.inference.prediction.predictor."""
    return importlib.import_module("textrnn.inference.prediction.predictor").load(folder)


def __getattr__(name: str) -> Any:
    """An estimator, imported when it is first asked for."""
    if name not in _ESTIMATORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ESTIMATORS[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
