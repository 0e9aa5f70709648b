"""Whether a model's confidence is what its hits bear out: reliability by bin, and the expected calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 15  # of equal width over 0..1, as in the paper's tables


@dataclass(frozen=True)
class Bin:
    """Predictions of a confidence in (lower, upper]: how many, their mean confidence, and the share that is right."""

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> list[Bin]:
    """The bins of equal width that hold a prediction, in rising order.

    confidence: (N,) the probability of the class that was chosen, in 0..1; correct: (N,) bool. A confidence of 0
    belongs to the lowest bin. Source: Guo et al. 2017 (arXiv:1706.04599), section 2.
    """
    number = np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(number, minlength=bins)
    sums = np.bincount(number, confidence, minlength=bins)
    hits = np.bincount(number, correct, minlength=bins)
    return [
        Bin(at / bins, (at + 1) / bins, int(counts[at]), float(sums[at] / counts[at]), float(hits[at] / counts[at]))
        for at in np.flatnonzero(counts).tolist()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: the mean distance of confidence and accuracy, bins weighed by their counts.

    Source: Guo et al. 2017 (arXiv:1706.04599), equation 3. 0 where there is no prediction.
    """
    total = sum(each.count for each in bins)
    return sum(each.count * abs(each.accuracy - each.confidence) for each in bins) / max(1, total)
