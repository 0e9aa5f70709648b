"""Padded shards opened as buckets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError
from textrnn.training.batching.buckets import AnyBucket, MappedBucket, MappedColumn

CPU = torch.device("cpu")


COPIED_BYTES = 2**28  # a split of fewer bytes is copied into the CPU's memory: shorter to gather from than mapped pages


def load_buckets(padded: ShardReader, split: str, device: torch.device = CPU, soft: int = 0) -> list[AnyBucket]:
    """The split's rows by width, on the device where they fit in half of its free memory, else left in their shards.

    For the CPU a copy is made of less than COPIED_BYTES. The batches are the same in any case. soft: of how many
    classes the rows are to get soft targets, which take room too. Raises UserError when the split has no rows.
    """
    found = []
    for width in padded.facts["widths"]:
        shards = [shard for shard in padded.of(split) if shard.width == width and shard.rows]
        if shards:
            found.append(_map([padded.open(shard) for shard in shards], padded.facts["task"], device))
    if not found:
        raise UserError(padded.folder, f"the {split} split is empty")
    if sum(bucket.nbytes(soft) for bucket in found) <= _bytes_available(device):
        return [bucket.to_device() for bucket in found]
    return list(found)


def _bytes_available(device: torch.device) -> int:
    """How many bytes of rows the device has room for."""
    return torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else COPIED_BYTES


def _map(tables: list[pa.Table], task: str, device: torch.device) -> MappedBucket:
    def pieces(name: str) -> list[np.ndarray]:
        return [chunk.to_numpy(zero_copy_only=True) for table in tables for chunk in table[name].chunks]

    def matrices(name: str) -> list[np.ndarray]:
        chunks = [chunk for table in tables for chunk in table[name].chunks]
        flat = [(chunk.flatten().to_numpy(zero_copy_only=True), chunk.type.list_size) for chunk in chunks]
        return [values.reshape(-1, width) for values, width in flat]

    # a few bytes a row, copied, so that a batch is gathered from many pieces once and not four times
    row, lengths = (MappedColumn([np.concatenate(pieces(name))]) for name in ("row", "length"))
    targets = MappedColumn(matrices("tags")) if task == "tag" else MappedColumn([np.concatenate(pieces("label"))])
    return MappedBucket(row, MappedColumn(matrices("ids")), lengths, targets, device)


def check_id_ranges(buckets: Sequence[AnyBucket], tokens: int, classes: int, where: Path) -> None:
    """Refuse rows of another vocabulary or other labels; `where` is their folder.

    Raises UserError for an id from `tokens` up and for a target from `classes` up.
    """
    ids, targets = (max(column) for column in zip(*(bucket.largest() for bucket in buckets), strict=True))
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
