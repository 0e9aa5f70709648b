"""Rows of an epoch drawn by their class, with replacement, so that rare classes come more often.

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
    """How many rows of each bucket an epoch draws, and the sums of its rows' weights up to each, (N,) float64.

    The numbers are the same in all epochs, in proportion to the weights of the buckets' rows: a batch is of one
    bucket, and a run counts on epochs of the same batches.
    """

    counts: list[int]
    ends: list[np.ndarray]

    def draw(self, at: int, seed: int, epoch: int) -> Tensor:
        """The rows of bucket `at` that an epoch draws, (its count,) int64; decided by these numbers alone."""
        ends = self.ends[at]
        share = hash_range(self.counts[at], seed, f"sampling/{epoch}/{at}").astype(np.float64) / 2.0**64
        found = np.searchsorted(ends, share * ends[-1], side="right")
        return torch.from_numpy(np.minimum(found, len(ends) - 1).astype(np.int64))  # a share may be rounded to 1


def make_sampling(buckets: Sequence[AnyBucket], settings: Train) -> Sampling | None:
    """The draw that a recipe asks for, over as many rows as there are; None where each row comes once.

    A row of a class of n rows weighs n to the power - 1, so that the class weighs n to the power.
    """
    if settings.sampling is None:
        return None
    power = settings.sampling.power if isinstance(settings.sampling, PowerSampling) else 0.0
    labels = [_labels(bucket) for bucket in buckets]
    sizes = np.bincount(np.concatenate(labels)).astype(np.float64)
    weights = np.where(sizes > 0, np.maximum(sizes, 1) ** (power - 1), 0)
    ends = [np.cumsum(weights[each]) for each in labels]
    totals = np.array([each[-1] for each in ends])
    shares = totals / totals.sum() * sum(map(len, labels))
    counts = np.floor(shares).astype(np.int64)
    left = sum(map(len, labels)) - int(counts.sum())
    counts[np.argsort(counts - shares, kind="stable")[:left]] += 1  # by largest remainder
    return Sampling(counts.tolist(), ends)


def _labels(bucket: AnyBucket) -> np.ndarray:
    targets = bucket.targets if isinstance(bucket, Bucket) else bucket.targets.whole()
    return targets.cpu().numpy().astype(np.int64)
