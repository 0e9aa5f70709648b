"""Padded shards as buckets, and the batches of an epoch: rows and batches in an order that the seed alone decides.

Shapes: N rows, T the bucket's width, B batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from textrnn.common.config.train import Train
from textrnn.common.storage.hashing import hash_range
from textrnn.training.batching.buckets import AnyBucket, Bucket, MappedBucket
from textrnn.training.batching.prefetch import prefetch_to_device
from textrnn.training.batching.sampling import Sampling


@dataclass(frozen=True)
class TokenBudget:
    """The size of a batch in tokens, padding included: of width T it has count // T rows, and one at least."""

    count: int


BatchSize = int | TokenBudget  # of a batch: its rows, or its tokens


def batch_size(settings: Train) -> BatchSize:
    """The batch that a recipe asks for: `batch_tokens` where it is given, else `batch_size` rows."""
    return settings.batch_size if settings.batch_tokens is None else TokenBudget(settings.batch_tokens)


def rows_per_batch(size: BatchSize, width: int) -> int:
    """The rows of a batch of this width."""
    return size if isinstance(size, int) else max(1, size.count // width)


def row_counts(buckets: Sequence[AnyBucket], sampling: Sampling | None) -> list[int]:
    """How many rows of each bucket an epoch has."""
    return [len(bucket) for bucket in buckets] if sampling is None else sampling.counts


def count_batches(
    buckets: Sequence[AnyBucket], size: BatchSize, drop_last: bool, sampling: Sampling | None = None
) -> int:
    """How many batches an epoch has; `drop_last` drops a bucket's short last one unless the bucket has no other."""
    return len(_plan(buckets, size, drop_last, row_counts(buckets, sampling)))


def batches(
    buckets: Sequence[AnyBucket],
    size: BatchSize,
    *,
    drop_last: bool = False,
    shuffle: tuple[int, int] | None = None,
    sampling: Sampling | None = None,
    start: int = 0,
) -> Iterator[Bucket]:
    """The batches of an epoch, each of rows of one width, on the buckets' device.

    shuffle: (seed, epoch), or None for the rows in order. The order is that of SplitMix64 hashes, so it depends
    neither on the device nor on torch's generators; it is sent to the device once. sampling: draws the rows
    instead of taking each once, where they are shuffled. start: how many batches of the
    epoch to leave out, none of whose rows is looked at.
    """
    plan = _plan(buckets, size, drop_last, row_counts(buckets, sampling))
    if shuffle is None:
        orders = [torch.arange(len(bucket)) for bucket in buckets]
    else:
        seed, epoch = shuffle
        if sampling is None:
            orders = [_order(len(bucket), seed, f"rows/{epoch}/{at}") for at, bucket in enumerate(buckets)]
        else:
            orders = [sampling.draw(at, seed, epoch) for at in range(len(buckets))]
        plan = [plan[at] for at in _order(len(plan), seed, f"batches/{epoch}").tolist()]
    for at, bucket in enumerate(buckets):
        if isinstance(bucket, Bucket):
            orders[at] = orders[at].to(bucket.row.device)
    makers = (partial(buckets[at].take, orders[at][first : first + rows]) for at, first, rows in plan[start:])
    if isinstance(buckets[0], MappedBucket):  # load_buckets leaves all of a split in their shards, or none
        yield from prefetch_to_device(makers, buckets[0].device)
    else:
        yield from (make() for make in makers)


def _plan(
    buckets: Sequence[AnyBucket], size: BatchSize, drop_last: bool, counts: list[int]
) -> list[tuple[int, int, int]]:
    """(bucket, first row, rows of a full batch) of each batch of buckets that have so many rows an epoch."""
    full = [rows_per_batch(size, bucket.width) for bucket in buckets]
    return [
        (at, first, full[at])
        for at, rows in enumerate(counts)
        for first in range(0, rows, full[at])
        # the first stays however short: the rows of a small bucket would never be trained on
        if first == 0 or not drop_last or first + full[at] <= rows
    ]


def _order(rows: int, seed: int, purpose: str) -> Tensor:
    return torch.from_numpy(np.argsort(hash_range(rows, seed, purpose), kind="stable"))
