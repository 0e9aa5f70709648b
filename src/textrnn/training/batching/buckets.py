"""Where the rows lie that batches are made of: on the device, or left in their mapped shards and sent batch by batch.

Both give the very same batches. Shapes: N rows, T the bucket's width, B batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

IDS_PER_CHUNK = 1 << 22  # ids that are looked at together


@dataclass(frozen=True, eq=False)
class Bucket:
    """Rows of one width: row numbers (N,), ids (N, T), lengths (N,), targets (N,) classes or (N, T) tags.

    Whole numbers of any type; what `take` gives has int64 lengths and targets, as an index and a loss must be.
    soft: where teachers were asked, their probabilities of each class, the targets' shape and (C,), float32.
    """

    row: Tensor
    ids: Tensor
    lengths: Tensor
    targets: Tensor
    soft: Tensor | None = None

    @property
    def width(self) -> int:
        return self.ids.shape[1]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What a step reads: ids, lengths, targets, and soft where there is any."""
        columns = (self.ids, self.lengths, self.targets)
        return columns if self.soft is None else (*columns, self.soft)

    def take(self, index: Tensor) -> Bucket:
        """The rows of an int64 index (B,), which lies on their device; nothing waits for the device."""
        soft = None if self.soft is None else self.soft[index]
        return Bucket(self.row[index], self.ids[index], self.lengths[index].long(), self.targets[index].long(), soft)

    def to(self, device: torch.device, *, non_blocking: bool = False) -> Bucket:
        columns = (self.row, *self.inputs)
        return Bucket(*(column.to(device, non_blocking=non_blocking) for column in columns))

    def with_soft_targets(self, soft: Tensor) -> Bucket:
        return replace(self, soft=soft)

    def largest(self) -> tuple[int, int]:
        """The largest id and the largest target."""
        return int(self.ids.max()), int(self.targets.max())

    def __len__(self) -> int:
        return len(self.row)


class MappedColumn:
    """A column of N rows that lies in several arrays (n, ...), none of them copied."""

    def __init__(self, pieces: list[np.ndarray]) -> None:
        self.pieces = pieces
        self.ends = np.cumsum([len(piece) for piece in pieces])

    def gather(self, index: np.ndarray, dtype: torch.dtype, pinned: bool) -> Tensor:
        """The rows of an index (B,) as a new tensor, in memory that a GPU copies from by itself where `pinned`."""
        shape = (len(index), *self.pieces[0].shape[1:])
        made = torch.empty(shape, dtype=dtype, pin_memory=pinned)
        out = made.numpy()
        piece = np.searchsorted(self.ends, index, side="right")
        by_piece = np.argsort(piece, kind="stable")
        for places in np.split(by_piece, np.flatnonzero(np.diff(piece[by_piece])) + 1):
            if len(places):
                found = self.pieces[piece[places[0]]]
                first = self.ends[piece[places[0]]] - len(found)
                out[places] = found[index[places] - first]
        return made

    def whole(self) -> Tensor:
        return torch.from_numpy(np.concatenate(self.pieces))

    def largest(self) -> int:
        return max(int(piece.max()) for piece in self.pieces)

    def __len__(self) -> int:
        return int(self.ends[-1])

    @property
    def nbytes(self) -> int:
        return sum(piece.nbytes for piece in self.pieces)

    @property
    def places(self) -> int:
        return sum(piece.size for piece in self.pieces)


@dataclass(frozen=True, eq=False)
class MappedBucket:
    """A bucket whose rows stay in their mapped shards; `device` is where its batches are to go."""

    row: MappedColumn
    ids: MappedColumn
    lengths: MappedColumn
    targets: MappedColumn
    device: torch.device
    soft: MappedColumn | None = None

    @property
    def width(self) -> int:
        return int(self.ids.pieces[0].shape[1])

    def nbytes(self, classes: int = 0) -> int:
        """Of all its rows; classes: of the soft targets that they are yet to get, 0 for none."""
        columns = (self.row, self.ids, self.lengths, self.targets)
        return sum(column.nbytes for column in columns) + 4 * classes * self.targets.places

    def take(self, index: Tensor) -> Bucket:
        """The rows of an int64 index (B,) in the memory of the host, pinned where they are to go to a GPU."""
        rows, pinned = index.numpy(), self.device.type == "cuda"
        return Bucket(
            self.row.gather(rows, torch.int64, pinned),
            self.ids.gather(rows, torch.int32, pinned),
            self.lengths.gather(rows, torch.int64, pinned),
            self.targets.gather(rows, torch.int64, pinned),
            None if self.soft is None else self.soft.gather(rows, torch.float32, pinned),
        )

    def to_device(self) -> Bucket:
        """All its rows on the device, copied out of the shards, before they have soft targets."""
        columns = (self.row, self.ids, self.lengths, self.targets)
        return Bucket(*(column.whole() for column in columns)).to(self.device)

    def with_soft_targets(self, soft: Tensor) -> MappedBucket:
        """The same rows with soft targets, which lie in the memory of the host."""
        return replace(self, soft=MappedColumn([soft.numpy()]))

    def largest(self) -> tuple[int, int]:
        """The largest id and the largest target; a pass over the mapped pieces, none of them kept."""
        return self.ids.largest(), self.targets.largest()

    def __len__(self) -> int:
        return len(self.row)


AnyBucket = Bucket | MappedBucket


def iterate_ids(rows: Sequence[AnyBucket]) -> Iterator[np.ndarray]:
    """Ids (n, T) of all rows in the memory of the host, a piece at a time."""
    for bucket in rows:
        arrays = [bucket.ids.cpu().numpy()] if isinstance(bucket, Bucket) else bucket.ids.pieces
        for array in arrays:
            step = max(1, IDS_PER_CHUNK // array.shape[1])
            yield from (array[first : first + step] for first in range(0, len(array), step))
