"""Split buckets of padded rows into the batches of an epoch, in an order that depends on the seed alone.

Shapes: N rows, T the bucket's width, B batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor

from textrnn.common.config.train import Train
from textrnn.common.storage.hashing import hash_range
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.buckets import AnyBucket, Bucket, MappedBucket, RowSelection
from textrnn.training.batching.prefetch import prefetch_to_device
from textrnn.training.batching.sampling import Sampling, make_sampling


@dataclass(frozen=True)
class TokenBudget:
    """The size of a batch in tokens, padding included: at width T a batch has tokens // T rows, but at least one."""

    tokens: int


@dataclass(frozen=True)
class Shuffle:
    """What the order of an epoch's rows and batches depends on."""

    seed: int
    epoch: int


BatchSize = int | TokenBudget  # rows of a batch, or its tokens
Selected = Batch | RowSelection  # the rows of a step, gathered or not
# Without gradients a batch may be larger than in training. More tokens do not fit into the caches of a CPU. On a GPU
# this many keep all of it busy, and need about 3 GiB for a bidirectional LSTM of width 512.
CPU_TOKENS, GPU_TOKENS = 1 << 14, 1 << 17
BYTES_PER_TOKEN = 1 << 15  # of a GPU's total memory; from 4 GiB on, batches have GPU_TOKENS


def evaluation_size(device: torch.device) -> TokenBudget:
    """The size of batches that are only scored, on this device."""
    if device.type != "cuda":
        return TokenBudget(CPU_TOKENS)
    memory = torch.cuda.get_device_properties(device).total_memory
    return TokenBudget(min(GPU_TOKENS, memory // BYTES_PER_TOKEN))


def batch_size(settings: Train) -> BatchSize:
    """The batch size of a recipe: `batch_tokens` if it is set, else `batch_size` rows.

    `auto` has to be resolved before; see textrnn.training.planning.
    """
    if settings.batch_tokens is not None:
        return TokenBudget(settings.batch_tokens)
    assert settings.batch_size != "auto", "batch_size: auto has not been resolved"
    return settings.batch_size


def rows_per_batch(size: BatchSize, width: int) -> int:
    """How many rows a full batch of this width has."""
    return size if isinstance(size, int) else max(1, size.tokens // width)


def row_counts(buckets: Sequence[AnyBucket], sampling: Sampling | None) -> list[int]:
    """How many rows of each bucket an epoch has."""
    return [len(bucket) for bucket in buckets] if sampling is None else sampling.counts


def count_batches(
    buckets: Sequence[AnyBucket], size: BatchSize, drop_last: bool, sampling: Sampling | None = None
) -> int:
    """How many batches an epoch has.

    `drop_last` drops the short last batch of a bucket, unless it is the only one of the bucket.
    """
    return len(_plan_batches(buckets, size, drop_last, row_counts(buckets, sampling)))


def batches(
    buckets: Sequence[AnyBucket],
    size: BatchSize,
    *,
    drop_last: bool = False,
    shuffle: Shuffle | None = None,
    sampling: Sampling | None = None,
    start: int = 0,
) -> Iterator[Batch]:
    """The batches of an epoch, on the buckets' device; all rows of a batch have one width. See `selections`."""
    chosen = selections(buckets, size, drop_last=drop_last, shuffle=shuffle, sampling=sampling, start=start)
    return (selected.gather() for selected in chosen)


def selections(
    buckets: Sequence[AnyBucket],
    size: BatchSize,
    *,
    drop_last: bool = False,
    shuffle: Shuffle | None = None,
    sampling: Sampling | None = None,
    start: int = 0,
) -> Iterator[Selected]:
    """The rows of each batch of an epoch; those that are in the device's memory are not gathered yet.

    shuffle: None keeps the rows in order. Otherwise the order is that of SplitMix64 hashes, so it depends
    neither on the device nor on torch's generators; it is copied to the device once per epoch.
    sampling: if rows are shuffled, sample them with replacement instead of taking each once.
    start: how many batches of the epoch to skip; their rows are never gathered.
    """
    plan = _plan_batches(buckets, size, drop_last, row_counts(buckets, sampling))
    if shuffle is None:
        orders = [torch.arange(len(bucket)) for bucket in buckets]
    else:
        seed, epoch = shuffle.seed, shuffle.epoch
        if sampling is None:
            orders = [_permutation(len(bucket), seed, f"rows/{epoch}/{index}") for index, bucket in enumerate(buckets)]
        else:
            orders = [sampling.sample_rows(index, seed, epoch) for index in range(len(buckets))]
        plan = [plan[index] for index in _permutation(len(plan), seed, f"batches/{epoch}").tolist()]
    for index, bucket in enumerate(buckets):
        if isinstance(bucket, Bucket):
            orders[index] = orders[index].to(bucket.row_numbers.device)
    chosen = ((buckets[index], orders[index][first : first + rows]) for index, first, rows in plan[start:])
    # load_buckets leaves either all buckets of a split in their shards or none
    if isinstance(buckets[0], MappedBucket):
        yield from prefetch_to_device((partial(bucket.take, index) for bucket, index in chosen), buckets[0].device)
    else:
        yield from (RowSelection(cast(Bucket, bucket), index) for bucket, index in chosen)


class Epochs:
    """The training batches of a recipe, epoch by epoch; every epoch has the same number of steps and of rows."""

    def __init__(self, buckets: Sequence[AnyBucket], settings: Train) -> None:
        self._buckets, self._settings, self._size = buckets, settings, batch_size(settings)
        self._sampling = make_sampling(buckets, settings)
        self.steps = count_batches(buckets, self._size, settings.drop_last, self._sampling)

    @property
    def rows(self) -> int:
        """How many rows an epoch trains on."""
        counts = row_counts(self._buckets, self._sampling)
        full = [rows_per_batch(self._size, bucket.width) for bucket in self._buckets]
        drops = [self._settings.drop_last and count > rows for count, rows in zip(counts, full, strict=True)]
        return sum(
            count - count % rows if drop else count for count, rows, drop in zip(counts, full, drops, strict=True)
        )

    def selections(self, epoch: int, start: int = 0) -> Iterator[Selected]:
        """The rows of each batch of an epoch; start: how many batches to skip."""
        return selections(
            self._buckets,
            self._size,
            drop_last=self._settings.drop_last,
            shuffle=Shuffle(self._settings.seed, epoch) if self._settings.shuffle else None,
            sampling=self._sampling,
            start=start,
        )


def _plan_batches(
    buckets: Sequence[AnyBucket], size: BatchSize, drop_last: bool, counts: list[int]
) -> list[tuple[int, int, int]]:
    """(bucket, first row, rows of a full batch) of each batch; counts: rows per epoch of each bucket."""
    full = [rows_per_batch(size, bucket.width) for bucket in buckets]
    return [
        (index, first, full[index])
        for index, rows in enumerate(counts)
        for first in range(0, rows, full[index])
        # the first batch stays, however short: otherwise the rows of a small bucket would never be trained on
        if first == 0 or not drop_last or first + full[index] <= rows
    ]


def _permutation(length: int, seed: int, purpose: str) -> Tensor:
    """The row numbers in the order of their hashes, all of which differ."""
    # with the highest bit flipped, signed numbers sort as the unsigned hashes do; torch sorts faster than NumPy
    signed = (hash_range(length, seed, purpose) ^ np.uint64(1 << 63)).view(np.int64)
    return torch.from_numpy(signed).sort(stable=True).indices
