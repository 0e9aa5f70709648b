"""What a baseline gives: its metrics on each split, its hyperparameters, its time, and the model if it is linear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.evaluation.metrics.comparison import score_name
from textrnn.evaluation.metrics.intervals import Intervals
from textrnn.evaluation.metrics.precision_recall import score_classes
from textrnn.evaluation.metrics.predicted_rows import PredictedRows
from textrnn.evaluation.metrics.subsets import read_test_rows
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.linear_model import LinearModel

Metrics = dict[str, float]


@dataclass(frozen=True, eq=False)
class BaselineResult:
    """One baseline: its metrics on dev and test, the hyperparameters selected on dev, and its training time.

    unseen: metrics on the rows of test whose text occurs neither in train nor in dev; None when there is no such row.
    intervals: of the metrics, by split; rows: the labels that it predicts for test, by its name. model and dev_loss: of
    those that are linear in n-grams, the weights, and the loss of `LinearFit`.
    """

    name: str
    dev: Metrics
    test: Metrics
    unseen: Metrics | None
    selected: dict[str, Any]
    seconds: float
    intervals: dict[str, Intervals]
    rows: PredictedRows
    model: LinearModel | None = None
    dev_loss: float = np.inf

    def metrics(self) -> dict[str, Any]:
        """Return everything that is the same in every run: all but the time."""
        # `rest` is the key of the unseen texts in data/baselines/*.json, which stays as it is
        return {"dev": self.dev, "test": self.test, "rest": self.unseen, **self.selected, "intervals": self.intervals}

    def line(self) -> str:
        """The result in one line: `linear_svm  dev 0.9285  test 0.9330  C 1.0  12 s`."""
        metric = score_name(self.dev)
        scores = [f"dev {self.dev[metric]:.4f}", f"test {self.test[metric]:.4f}"]
        chosen = [f"{name} {value}" for name, value in self.selected.items()]
        return "  ".join([self.name, *scores, *chosen, f"{self.seconds:.0f} s"])


def best_linear_model(results: list[BaselineResult], empty: LinearModel) -> LinearModel:
    """The model of the linear baseline with the least loss on dev, the first of several equal ones.

    empty: what is returned if no baseline is linear in n-grams, as for taggers.
    """
    return min(results, key=lambda result: result.dev_loss).model or empty


def read_test_row_numbers(encoded: EncodedRows) -> np.ndarray:
    """Return the numbers (N,) of test's rows, in the order of the id shards."""
    batches = encoded.batches("test")
    return np.concatenate([np.empty(0, np.int64), *(np.array(batch["row"]) for batch in batches)])


def find_unseen_texts(row_numbers: np.ndarray, segmented: SegmentedRows) -> np.ndarray:
    """Return a mask (N,) of test's rows by their numbers: texts that neither train nor dev has."""
    test_rows = read_test_rows(segmented)
    unseen: np.ndarray = ~test_rows.seen[np.searchsorted(test_rows.row_numbers, row_numbers)]
    return unseen


def class_metrics(gold: np.ndarray, predicted: np.ndarray, labels: Labels) -> Metrics:
    """Accuracy and macro-F1 of predicted classes or tags (N,)."""
    scores = score_classes(gold, predicted, labels.names)
    return {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1}
