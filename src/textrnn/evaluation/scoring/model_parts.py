"""Scores of the parts of a model that has a wide part: the network alone, the wide part alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from textrnn.evaluation.metrics.precision_recall import score_classes
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.models.wide import WidePart
from textrnn.training.batching.batch import Batch

PARTS = ("deep", "wide")


@dataclass(frozen=True)
class PartScore:
    """The scores of one part on a split: mean loss per row, accuracy and macro-F1.

    The loss takes the part's scores as they are, without the scale that they have in the sum.
    """

    loss: float
    accuracy: float
    macro_f1: float


class PartScorer:
    """Computes the logits of batches part by part, and scores each part; the network has a wide part."""

    def __init__(self, network: TextRNN, wide: WidePart) -> None:
        self._network, self._wide = network, wide
        self._metrics = {name: RunningMetrics.for_network(network, None) for name in PARTS}
        self._predicted: dict[str, list[Tensor]] = {name: [] for name in PARTS}
        self._gold: list[Tensor] = []

    def logits(self, batch: Batch) -> Tensor:
        """The model's logits (B, C) for a batch, whose parts are added to the scores."""
        deep = self._network.deep_logits(batch.ids, batch.lengths)
        scores = self._wide(batch.ids, batch.lengths)
        for name, part in zip(PARTS, (deep, scores), strict=True):
            self._metrics[name].update(part, batch.targets)
            self._predicted[name].append(part.argmax(-1))
        self._gold.append(batch.targets)
        return self._wide.add(deep, scores)

    def compute(self, names: list[str]) -> dict[str, PartScore]:
        """The scores of each part over all batches; names: those of the classes."""
        gold, scores = _joined(self._gold), {}
        for part in PARTS:
            classes = score_classes(gold, _joined(self._predicted[part]), names)
            scores[part] = PartScore(self._metrics[part].compute().loss, classes.accuracy, classes.macro_f1)
        return scores


def _joined(parts: list[Tensor]) -> np.ndarray:
    return torch.cat(parts).cpu().numpy()
