"""Calibration of a model's confidence: reliability bins and the expected calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 15  # of equal width over 0..1, as in the paper's tables


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions whose confidence is in (lower, upper]: their number, mean confidence and accuracy."""

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> list[ReliabilityBin]:
    """Group predictions into bins of equal width; return the non-empty bins in increasing order.

    confidence: (N,) the probability of the predicted class, in 0..1; correct: (N,) bool. A confidence of 0 belongs to
    the lowest bin. Source: Guo et al. 2017 (arXiv:1706.04599), section 2.
    """
    indices = np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(indices, minlength=bins)
    confidence_sums = np.bincount(indices, confidence, minlength=bins)
    hits = np.bincount(indices, correct, minlength=bins)
    return [
        ReliabilityBin(
            lower=index / bins,
            upper=(index + 1) / bins,
            count=int(counts[index]),
            confidence=float(confidence_sums[index] / counts[index]),
            accuracy=float(hits[index] / counts[index]),
        )
        for index in np.flatnonzero(counts).tolist()
    ]


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Return the expected calibration error: the mean gap between confidence and accuracy, weighted by bin counts.

    Source: Guo et al. 2017 (arXiv:1706.04599), equation 3. It is 0 when there is no prediction.
    """
    total = sum(row.count for row in bins)
    return sum(row.count * abs(row.accuracy - row.confidence) for row in bins) / max(1, total)
