"""Buckets: padded rows of one width, either in the memory of a device or left in memory-mapped shards.

Both kinds give exactly the same batches. Shapes: N rows, T the bucket's width, B batch, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from textrnn.training.batching.batch import Batch

IDS_PER_CHUNK = 1 << 22  # ids that are processed at once


@dataclass(frozen=True, eq=False)
class Bucket:
    """Rows of one width: row numbers (N,), ids (N, T), lengths (N,), targets (N,) classes or (N, T) tags.

    All are integers of any type; `take` returns int64 lengths and targets, as an index and a loss must be.
    soft_targets: the teachers' probabilities of each class, if there are teachers; shape of targets + (C,), float32.
    """

    row_numbers: Tensor
    ids: Tensor
    lengths: Tensor
    targets: Tensor
    soft_targets: Tensor | None = None

    @property
    def width(self) -> int:
        """The tokens of a row, padding included."""
        return self.ids.shape[1]

    def take(self, index: Tensor) -> Batch:
        """The rows of an int64 index (B,) on the bucket's device, without waiting for the device."""
        return Batch(
            row_numbers=self.row_numbers[index],
            ids=self.ids[index],
            lengths=self.lengths[index].long(),
            targets=self.targets[index].long(),
            soft_targets=None if self.soft_targets is None else self.soft_targets[index],
        )

    def to(self, device: torch.device) -> Bucket:
        """The bucket on another device, as torch.Tensor.to."""
        return Bucket(
            row_numbers=self.row_numbers.to(device),
            ids=self.ids.to(device),
            lengths=self.lengths.to(device),
            targets=self.targets.to(device),
            soft_targets=None if self.soft_targets is None else self.soft_targets.to(device),
        )

    def with_soft_targets(self, soft_targets: Tensor) -> Bucket:
        """The same rows with soft targets."""
        return replace(self, soft_targets=soft_targets)

    def max_values(self) -> tuple[int, int]:
        """The largest id and the largest target."""
        return int(self.ids.max()), int(self.targets.max())

    def __len__(self) -> int:
        return len(self.row_numbers)


@dataclass(frozen=True, eq=False)
class RowSelection:
    """Rows of a bucket that are not gathered yet, by their index (B,) int64 on the bucket's device.

    A CUDA graph contains the gathering too: only the index is copied before a replay.
    """

    bucket: Bucket
    index: Tensor

    @property
    def width(self) -> int:
        """The tokens of a row, padding included."""
        return self.bucket.width

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What a training step reads: the index."""
        return (self.index,)

    def map(self, function: Callable[[Tensor], Tensor]) -> RowSelection:
        """The selection of what the function returns for the index."""
        return RowSelection(self.bucket, function(self.index))

    def gather(self) -> Batch:
        """The rows, as a batch."""
        return self.bucket.take(self.index)

    def __len__(self) -> int:
        return len(self.index)


class MappedColumn:
    """A column of N rows stored in several arrays (n, ...), the chunks, none of which is copied."""

    def __init__(self, chunks: list[np.ndarray]) -> None:
        self.chunks = chunks
        self.ends = np.cumsum([len(chunk) for chunk in chunks])

    def gather(self, index: np.ndarray, dtype: torch.dtype, pinned: bool) -> Tensor:
        """The rows of an index (B,) as a new tensor; `pinned`: in page-locked memory, which a GPU copies by itself."""
        shape = (len(index), *self.chunks[0].shape[1:])
        gathered = torch.empty(shape, dtype=dtype, pin_memory=pinned)
        out = gathered.numpy()
        chunk_of = np.searchsorted(self.ends, index, side="right")
        by_chunk = np.argsort(chunk_of, kind="stable")
        for positions in np.split(by_chunk, np.flatnonzero(np.diff(chunk_of[by_chunk])) + 1):
            if len(positions):
                chunk = self.chunks[chunk_of[positions[0]]]
                first = self.ends[chunk_of[positions[0]]] - len(chunk)
                out[positions] = chunk[index[positions] - first]
        return gathered

    def to_tensor(self) -> Tensor:
        """All rows, copied into one tensor."""
        return torch.from_numpy(np.concatenate(self.chunks))

    def max(self) -> int:
        """The largest value."""
        return max(int(chunk.max()) for chunk in self.chunks)

    def __len__(self) -> int:
        return int(self.ends[-1])

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return sum(chunk.nbytes for chunk in self.chunks)

    @property
    def size(self) -> int:
        """Number of values, as numpy.ndarray.size."""
        return sum(chunk.size for chunk in self.chunks)


@dataclass(frozen=True, eq=False)
class MappedBucket:
    """A bucket whose rows stay in their memory-mapped shards; its batches are copied to `device`."""

    row_numbers: MappedColumn
    ids: MappedColumn
    lengths: MappedColumn
    targets: MappedColumn
    device: torch.device
    soft_targets: MappedColumn | None = None

    @property
    def width(self) -> int:
        """The tokens of a row, padding included."""
        return int(self.ids.chunks[0].shape[1])

    def nbytes(self, classes: int = 0) -> int:
        """Bytes of all rows; classes: of the soft targets that will be added, 0 for none."""
        columns = (self.row_numbers, self.ids, self.lengths, self.targets)
        return sum(column.nbytes for column in columns) + 4 * classes * self.targets.size

    def take(self, index: Tensor) -> Batch:
        """The rows of an int64 index (B,) in host memory, page-locked if they go on to a GPU."""
        rows, pinned = index.numpy(), self.device.type == "cuda"
        soft_targets = self.soft_targets
        return Batch(
            row_numbers=self.row_numbers.gather(rows, torch.int64, pinned),
            ids=self.ids.gather(rows, torch.int32, pinned),
            lengths=self.lengths.gather(rows, torch.int64, pinned),
            targets=self.targets.gather(rows, torch.int64, pinned),
            soft_targets=None if soft_targets is None else soft_targets.gather(rows, torch.float32, pinned),
        )

    def to_device(self) -> Bucket:
        """All rows, copied from the shards to the device. Only for a bucket without soft targets."""
        return Bucket(
            row_numbers=self.row_numbers.to_tensor(),
            ids=self.ids.to_tensor(),
            lengths=self.lengths.to_tensor(),
            targets=self.targets.to_tensor(),
        ).to(self.device)

    def with_soft_targets(self, soft_targets: Tensor) -> MappedBucket:
        """The same rows with soft targets, which must be in host memory."""
        return replace(self, soft_targets=MappedColumn([soft_targets.numpy()]))

    def max_values(self) -> tuple[int, int]:
        """The largest id and the largest target; one pass over the mapped chunks, which keeps none in memory."""
        return self.ids.max(), self.targets.max()

    def __len__(self) -> int:
        return len(self.row_numbers)


AnyBucket = Bucket | MappedBucket


def iterate_ids(buckets: Sequence[AnyBucket]) -> Iterator[np.ndarray]:
    """The ids (n, T) of all rows in host memory, chunk by chunk."""
    for bucket in buckets:
        arrays = [bucket.ids.cpu().numpy()] if isinstance(bucket, Bucket) else bucket.ids.chunks
        for array in arrays:
            step = max(1, IDS_PER_CHUNK // array.shape[1])
            yield from (array[first : first + step] for first in range(0, len(array), step))
