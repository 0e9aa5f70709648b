"""What type checkers see of the names that are imported when they are first used."""

from pathlib import Path

from textrnn.estimator.sequence_tagger import SequenceTagger as SequenceTagger
from textrnn.estimator.text_classifier import TextClassifier as TextClassifier
from textrnn.inference.prediction.predictor import Predictor

__all__ = ["SequenceTagger", "TextClassifier", "__version__", "load"]

__version__: str

def load(folder: str | Path) -> Predictor: ...
