"""What is measured of the losses of all batches of a run, and the bins in which they are kept."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

EQUAL_ROWS = 1024  # rows per point of the loss curve for every batch size: the largest batch of the tutorials
MOST_BINS = 200
BIN_DIGITS = 4  # significant ones: bins are drawn, and nothing is computed from them
CLIP_NORM = 5.0  # the norm of the gradient above which steps are counted: that at which recipes.names_gru clips


@dataclass(frozen=True)
class BatchRecords:
    """The batches of a run: the loss of each, its rows, the batches of an epoch, and the size of a full batch.

    gradient_norms: before clipping, one for each batch; empty if they were not taken.
    """

    losses: Sequence[float]
    rows: Sequence[int]
    per_epoch: int
    batch_size: int
    gradient_norms: Sequence[float] = ()

    def measures(self) -> dict[str, float]:
        """The measures by name; NaN for one that the run is too short for."""
        short = frozenset(index for index, rows in enumerate(self.rows) if rows < self.batch_size)
        window = max(1, EQUAL_ROWS // self.batch_size)
        values = {
            "roughness": roughness(self.losses, self.per_epoch, short=short),
            "roughness_at_rows": roughness(self.losses, self.per_epoch, window, short),
            "largest_rise": largest_rise(self.losses, self.per_epoch, short),
        }
        if len(self.gradient_norms):
            norms = np.asarray(self.gradient_norms)
            values |= {
                "gradient_norm_median": float(np.median(norms)),
                "gradient_norm_p99": float(np.quantile(norms, 0.99)),
                "gradient_norm_largest": float(norms.max()),
                "share_above_clip_norm": float(np.mean(norms > CLIP_NORM)),
            }
        return values


def roughness(losses: Sequence[float], per_epoch: int, window: int = 1, short: Collection[int] = ()) -> float:
    """Return how far a loss curve jumps: the standard deviation of its first differences.

    losses: (S,) one per batch, `per_epoch` of them in an epoch. Each `window` of consecutive batches is first averaged
    to one point, so that curves of different batch sizes can be compared at equal numbers of rows. Only the second half
    of each epoch counts, because the loss falls in the first half, above all in the first epoch. No difference spans
    two epochs. short: indices of batches with fewer rows than the others, which are left out because their losses
    scatter more. The result is NaN when there are fewer than two points.
    """
    differences = []
    for first in range(0, len(losses), per_epoch):
        indices = [index for index in range(first, min(first + per_epoch, len(losses))) if index not in short]
        epoch = np.asarray([losses[index] for index in indices])
        half = epoch[len(epoch) // 2 :]
        points = half[: len(half) // window * window].reshape(-1, window).mean(axis=1)
        differences.append(np.diff(points))
    joined = np.concatenate(differences) if differences else np.zeros(0)
    return float(np.std(joined)) if len(joined) else math.nan


def largest_rise(losses: Sequence[float], per_epoch: int, short: Collection[int] = ()) -> float:
    """Return the largest rise of the loss from a batch to the next, after the first epoch; short: as in `roughness`."""
    kept = [loss for index, loss in enumerate(losses) if index >= per_epoch and index not in short]
    return float(np.diff(kept).max()) if len(kept) > 1 else math.nan


def loss_bins(losses: Sequence[float]) -> dict[str, Any]:
    """The losses in at most MOST_BINS bins of equally many consecutive batches: see `LossBins`."""
    size = max(1, math.ceil(len(losses) / MOST_BINS))
    bins = [np.asarray(losses[first : first + size]) for first in range(0, len(losses), size)]
    values = {
        "mean": [each.mean() for each in bins],
        "low": [each.min() for each in bins],
        "high": [each.max() for each in bins],
    }
    rounded = {name: [float(f"{value:.{BIN_DIGITS}g}") for value in each] for name, each in values.items()}
    return {"batches": size, **rounded}
