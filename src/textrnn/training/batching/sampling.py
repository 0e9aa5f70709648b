"""Sample the rows of an epoch by their class, with replacement, so that rare classes come more often.

Shapes: N rows of a bucket, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from textrnn.common.config.train import PowerSampling, Train
from textrnn.common.storage.hashing import hash_range
from textrnn.training.batching.buckets import AnyBucket, Bucket


@dataclass(frozen=True, eq=False)
class Sampling:
    """How many rows an epoch samples from each bucket, and the cumulative weights of its rows, (N,) float64.

    The counts are proportional to the summed weights of the buckets' rows. They are the same in every epoch: a batch
    takes its rows from one bucket, and a run relies on every epoch having the same batches.
    """

    counts: list[int]
    cumulative_weights: list[np.ndarray]

    def sample_rows(self, index: int, seed: int, epoch: int) -> Tensor:
        """The rows of bucket `index` in an epoch, (counts[index],) int64; they depend on the arguments alone."""
        cumulative = self.cumulative_weights[index]
        uniform = hash_range(self.counts[index], seed, f"sampling/{epoch}/{index}").astype(np.float64) / 2.0**64
        rows = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
        # a hash near 2**64 is rounded to exactly 1, which would be one past the last row
        return torch.from_numpy(np.minimum(rows, len(cumulative) - 1).astype(np.int64))


def make_sampling(buckets: Sequence[AnyBucket], settings: Train) -> Sampling | None:
    """The sampling of a recipe, over as many rows as there are; None if each row comes once per epoch.

    In a class of n rows each row weighs n ** (power - 1), so the class weighs n ** power.
    """
    if settings.sampling is None:
        return None
    power = settings.sampling.power if isinstance(settings.sampling, PowerSampling) else 0.0
    labels = [_labels(bucket) for bucket in buckets]
    class_sizes = np.bincount(np.concatenate(labels)).astype(np.float64)
    weights = np.where(class_sizes > 0, np.maximum(class_sizes, 1) ** (power - 1), 0)
    cumulative = [np.cumsum(weights[bucket_labels]) for bucket_labels in labels]
    totals = np.array([sums[-1] for sums in cumulative])
    quotas = totals / totals.sum() * sum(map(len, labels))
    counts = np.floor(quotas).astype(np.int64)
    missing = sum(map(len, labels)) - int(counts.sum())
    counts[np.argsort(counts - quotas, kind="stable")[:missing]] += 1  # the largest remainder method
    return Sampling(counts.tolist(), cumulative)


def _labels(bucket: AnyBucket) -> np.ndarray:
    targets = bucket.targets if isinstance(bucket, Bucket) else bucket.targets.to_tensor()
    return targets.cpu().numpy().astype(np.int64)
