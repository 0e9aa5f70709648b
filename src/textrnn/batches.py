"""Padded shards as tensors, and the batches of an epoch: rows and batches in an order that the seed alone decides.

Shapes: N rows, T the bucket's width, B batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from textrnn.draw import hashes
from textrnn.errors import UserError
from textrnn.shards import ShardReader


@dataclass(frozen=True, eq=False)
class Bucket:
    """Rows of one width: row numbers (N,), ids (N, T), lengths (N,), targets (N,) classes or (N, T) tags."""

    row: Tensor
    ids: Tensor
    lengths: Tensor
    targets: Tensor

    def take(self, index: Tensor) -> Bucket:
        return Bucket(self.row[index], self.ids[index], self.lengths[index], self.targets[index])

    def to(self, device: torch.device) -> Bucket:
        return Bucket(*(tensor.to(device) for tensor in (self.row, self.ids, self.lengths, self.targets)))

    def __len__(self) -> int:
        return len(self.row)


def load_buckets(padded: ShardReader, split: str) -> list[Bucket]:
    """The split's rows by width; UserError when there are none."""
    buckets = []
    for width in padded.facts["widths"]:
        shards = [shard for shard in padded.of(split) if shard.width == width]
        if shards:
            table = pa.concat_tables([padded.open(shard) for shard in shards])
            buckets.append(_bucket(table, padded.facts["task"]))
    if not buckets:
        raise UserError(padded.folder, f"the {split} split is empty")
    return buckets


def check_ranges(buckets: list[Bucket], tokens: int, classes: int, where: Path) -> None:
    """Refuse rows of another vocabulary or other labels; `where` is their folder.

    Raises UserError for an id from `tokens` up and for a target from `classes` up.
    """
    ids = max(int(bucket.ids.max()) for bucket in buckets)
    targets = max(int(bucket.targets.max()) for bucket in buckets)
    for what, largest, known in (("token id", ids, tokens), ("label", targets, classes)):
        if largest >= known:
            do = "run the stages that write them again"
            raise UserError(where, f"has a {what} that the model has not (0..{known - 1})", got=largest, do=do)


def load_spans(padded: ShardReader, split: str, types: list[str]) -> dict[int, set[tuple[int, int, str]]]:
    """The gold entity spans of each row, by row number, those that truncation cut off included."""
    found = {}
    for batch in padded.batches(split):
        for row, spans in zip(batch["row"].to_pylist(), batch["spans"].to_pylist(), strict=True):
            found[row] = {(span["start"], span["end"], types[span["type"]]) for span in spans}
    return found


def _bucket(table: pa.Table, task: str) -> Bucket:
    ids = _matrix(table["ids"])
    targets = _matrix(table["tags"]) if task == "tag" else table["label"].to_numpy()
    columns = (table["row"].to_numpy(), ids, table["length"].to_numpy(), targets)
    row, ids_, lengths, targets_ = (torch.from_numpy(np.array(column, dtype=np.int64)) for column in columns)
    return Bucket(row, ids_, lengths, targets_)


def _matrix(column: pa.ChunkedArray) -> np.ndarray:
    rows = column.combine_chunks()
    matrix: np.ndarray = rows.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), rows.type.list_size)
    return matrix


def count_batches(buckets: list[Bucket], batch_size: int, drop_last: bool) -> int:
    """How many batches an epoch has; `drop_last` drops a bucket's short last one unless the bucket has no other."""
    return len(_plan(buckets, batch_size, drop_last))


def batches(
    buckets: list[Bucket], batch_size: int, *, drop_last: bool = False, shuffle: tuple[int, int] | None = None
) -> Iterator[Bucket]:
    """The batches of an epoch, each of rows of one width.

    shuffle: (seed, epoch), or None for the rows in order. The order is that of SplitMix64 hashes, so it depends
    neither on the device nor on torch's generators.
    """
    plan = _plan(buckets, batch_size, drop_last)
    if shuffle is None:
        orders = [torch.arange(len(bucket)) for bucket in buckets]
    else:
        seed, epoch = shuffle
        orders = [_order(len(bucket), seed, f"rows/{epoch}/{at}") for at, bucket in enumerate(buckets)]
        plan = [plan[at] for at in _order(len(plan), seed, f"batches/{epoch}").tolist()]
    for at, first in plan:
        index = orders[at][first : first + batch_size]
        yield buckets[at].take(index.to(buckets[at].row.device))


def _plan(buckets: list[Bucket], batch_size: int, drop_last: bool) -> list[tuple[int, int]]:
    """(bucket, first row) of each batch."""
    return [
        (at, first)
        for at, bucket in enumerate(buckets)
        for first in range(0, len(bucket), batch_size)
        # the first stays however short: the rows of a small bucket would never be trained on
        if first == 0 or not drop_last or first + batch_size <= len(bucket)
    ]


def _order(rows: int, seed: int, purpose: str) -> Tensor:
    return torch.from_numpy(np.argsort(hashes(rows, seed, purpose), kind="stable"))
