"""Recurrent text models as a cached, reproducible pipeline."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def load(folder: str | Path) -> Any:
    """Load the Predictor of a model directory; see textrnn.inference.prediction.predictor.

    That module imports torch, which takes seconds, so it is imported here and not with the package.
    """
    return importlib.import_module("textrnn.inference.prediction.predictor").load(folder)
