"""Open padded shards as buckets, and check that they fit a model.

Buckets stay in their memory-mapped shards unless the device has room for them. As both kinds give the same batches, the
choice never changes a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.errors import UserError
from textrnn.training.batching.buckets import AnyBucket, MappedBucket, MappedColumn

CPU = torch.device("cpu")
MAX_COPIED_BYTES = (
    2**28
)  # on the CPU a smaller split is copied: gathering from one array is faster than from mapped pages


def load_buckets(padded: PaddedRows, split: str, device: torch.device = CPU, soft_classes: int = 0) -> list[AnyBucket]:
    """The rows of a split, one bucket per width, in order of width; see `load_splits`."""
    return load_splits(padded, (split,), device, soft_classes)


def load_splits(
    padded: PaddedRows, splits: Sequence[str], device: torch.device = CPU, soft_classes: int = 0
) -> list[AnyBucket]:
    """The rows of splits, one bucket per width, in order of width, those of the first split first.

    On a GPU they are copied to the device if they fit into half of its free memory; on the CPU they are copied if they
    take at most MAX_COPIED_BYTES. Otherwise they stay in their shards. soft_classes: classes of the soft targets that
    the rows will get, which take memory too; 0 for none. Raises UserError if the splits have no rows.
    """
    buckets = []
    for width in padded.widths:
        shards = [shard for split in splits for shard in padded.of(split) if shard.width == width and shard.rows]
        if shards:
            buckets.append(_map_tables([padded.open(shard) for shard in shards], padded.task, device))
    if not buckets:
        raise UserError(padded.folder, f"the {' and '.join(splits)} split is empty")
    if sum(bucket.nbytes(soft_classes) for bucket in buckets) <= _bytes_available(device):
        return [bucket.to_device() for bucket in buckets]
    return list(buckets)


def _bytes_available(device: torch.device) -> int:
    """How many bytes of rows may be copied to the device."""
    return torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else MAX_COPIED_BYTES


def _map_tables(tables: list[pa.Table], task: str, device: torch.device) -> MappedBucket:
    """The rows of the tables, which all have one width, as a bucket."""

    def vectors(name: str) -> list[np.ndarray]:
        return [chunk.to_numpy(zero_copy_only=True) for table in tables for chunk in table[name].chunks]

    def matrices(name: str) -> list[np.ndarray]:
        chunks = [chunk for table in tables for chunk in table[name].chunks]
        flat = [(chunk.flatten().to_numpy(zero_copy_only=True), chunk.type.list_size) for chunk in chunks]
        return [values.reshape(-1, width) for values, width in flat]

    # a few bytes per row are copied, so that a batch gathers one column from many chunks and not four
    row_numbers, lengths = (MappedColumn([np.concatenate(vectors(name))]) for name in ("row", "length"))
    targets = MappedColumn(matrices("tags")) if task == "tag" else MappedColumn([np.concatenate(vectors("label"))])
    ids = MappedColumn(matrices("ids"))
    return MappedBucket(row_numbers=row_numbers, ids=ids, lengths=lengths, targets=targets, device=device)


def check_id_ranges(buckets: Sequence[AnyBucket], vocabulary_size: int, classes: int, where: Path) -> None:
    """Refuse rows of another vocabulary or other labels; `where` is their folder.

    Raises UserError if an id is >= `vocabulary_size` or a target is >= `classes`.
    """
    ids, targets = (max(column) for column in zip(*(bucket.max_values() for bucket in buckets), strict=True))
    for what, largest, known in (("token id", ids, vocabulary_size), ("label", targets, classes)):
        if largest >= known:
            do = "run the stages that write them again"
            raise UserError(where, f"has a {what} outside the model's range (0..{known - 1})", got=largest, do=do)
