"""Pads id shards to one width or to a few bucket widths; rows longer than `max_length` are truncated."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.common.config.pad import Pad
from textrnn.common.config.types import Side, Task
from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedFacts, PaddedRows
from textrnn.common.storage.schemas import IGNORED_TAG, PAD_ID, SPLITS
from textrnn.common.storage.shards import Shard, ShardWriter
from textrnn.preparation.padding.pad_rows import choose_widths, pad_rows_to


def bucket_widths(lengths: np.ndarray, rows: np.ndarray, buckets: int) -> list[int]:
    """At most `buckets` widths, in ascending order, that hold rows of these lengths with the least padding.

    lengths: (N,) integers. rows: (N,) how many rows have each length. A row without tokens takes one position too.
    Exact, by dynamic programming over the distinct lengths: cost(j, k) = min over i < j of cost(i, k - 1) + rows in
    (i, j] times the j-th length. Memory grows with N * buckets.
    """
    sizes, indices = np.unique(np.maximum(lengths, 1), return_inverse=True)
    rows_up_to = np.concatenate(([0], np.cumsum(np.bincount(indices, rows).astype(np.int64))))
    cost = np.concatenate(([0.0], np.full(len(sizes), np.inf)))
    choices = []
    for _ in range(min(buckets, len(sizes))):
        previous_cost, cost = cost, np.full(len(sizes) + 1, np.inf)
        choice = np.zeros(len(sizes) + 1, np.int64)
        for j in range(1, len(sizes) + 1):
            # candidates[i]: the bucket that ends at the j-th length holds all lengths after the i-th
            candidates = previous_cost[:j] + (rows_up_to[j] - rows_up_to[:j]) * sizes[j - 1]
            choice[j] = candidates.argmin()
            cost[j] = candidates[choice[j]]
        choices.append(choice)
    widths, end = [], len(sizes)
    for choice in reversed(choices):
        widths.append(int(sizes[end - 1]))
        end = int(choice[end])
    return widths[::-1]


def pad(encoded: EncodedRows, settings: Pad, out: Path) -> tuple[dict[str, Any], LengthCounts]:
    """Write padded shards into the folder `out`; return statistics of padding, and the lengths of train's rows.

    `out` is a folder of `resumable_folder`. Each shard is a task that writes one shard per width. Bucket widths are
    chosen for train after truncation. If rows of other splits are longer, one more bucket holds them, as wide as the
    longest of them after truncation.
    """
    lengths: dict[str, LengthCounts] = {split: LengthCounts.of_split(encoded, split) for split in SPLITS}
    widths = _choose_all_widths(lengths, settings)
    jobs = [
        ShardTask(f"{split}-{number:05d}", shard.rows, (encoded.folder, split, number, widths, settings.side, out))
        for split in SPLITS
        for number, shard in enumerate(encoded.of(split))
    ]
    results = run_shards(_pad_shard, jobs, out, stage="pad")
    shards = [Shard(**shard) for result in results for shard in result["shards"]]
    shards.sort(key=lambda shard: (SPLITS.index(shard.split), shard.width, shard.file))
    truncates = settings.max_length is not None
    facts = PaddedFacts(encoded.task, encoded.rows_before_limit, tuple(widths), settings.side, truncates)
    PaddedRows.write_index(out, shards, facts)
    return _statistics(lengths, widths, shards), lengths["train"]


@dataclass(frozen=True)
class LengthCounts:
    """How many rows have each length: distinct lengths (N,), ascending, and the number of rows of each (N,)."""

    lengths: np.ndarray
    rows: np.ndarray

    @classmethod
    def of_split(cls, encoded: EncodedRows, split: str) -> LengthCounts:
        """Count the lengths of a split's rows, batch by batch."""
        counts = np.zeros(1, np.int64)
        for batch in encoded.batches(split):
            batch_counts = np.bincount(np.diff(batch["ids"].offsets.to_numpy()), minlength=len(counts))
            batch_counts[: len(counts)] += counts
            counts = batch_counts
        lengths = np.flatnonzero(counts)
        return cls(lengths, counts[lengths])

    @property
    def longest(self) -> int:
        return int(self.lengths[-1]) if len(self.lengths) else 0

    def tokens(self, width: int | None = None) -> int:
        """The number of tokens of all rows, truncated to `width` if it is given."""
        return int((np.minimum(self.lengths, width or self.longest) * self.rows).sum())


def _choose_all_widths(lengths: dict[str, LengthCounts], settings: Pad) -> list[int]:
    if settings.buckets is None:
        assert settings.max_length is not None  # Pad.check ensures it
        return [settings.max_length]
    longest = max(counts.longest for counts in lengths.values())
    max_width = min(longest, settings.max_length or longest)
    train = lengths["train"]
    widths = bucket_widths(np.minimum(train.lengths, max_width), train.rows, settings.buckets)
    return widths if max_width <= widths[-1] else [*widths, max_width]


def _pad_shard(encoded: Path, split: str, number: int, widths: list[int], side: Side, out: Path) -> dict[str, Any]:
    """Pad one shard of a split into one shard per width; widths without rows get no file."""
    encoded_rows = EncodedRows.read(encoded)
    task = encoded_rows.task
    writers = {
        width: ShardWriter(out, split, PaddedRows.schema(task, width), width=width, first=number) for width in widths
    }
    with ExitStack() as stack:
        for writer in writers.values():
            stack.enter_context(writer)
        for batch in encoded_rows.stream(encoded_rows.of(split)[number]):
            for width, rows in _group_by_width(batch, widths):
                writers[width].write(_pad_batch(rows, task, width, side))
    shards = [shard for writer in writers.values() for shard in writer.shards]
    for shard in shards:
        if not shard.rows:
            (out / shard.file).unlink()
    filled = [shard for shard in shards if shard.rows]
    return {"files": [shard.file for shard in filled], "shards": [asdict(shard) for shard in filled]}


def _group_by_width(batch: pa.RecordBatch, widths: Sequence[int]) -> list[tuple[int, pa.RecordBatch]]:
    if len(widths) == 1:
        return [(widths[0], batch)]
    lengths = np.diff(batch["ids"].offsets.to_numpy())
    buckets = choose_widths(lengths, widths)
    return [(widths[bucket], batch.filter(pa.array(buckets == bucket))) for bucket in np.unique(buckets)]


def _pad_batch(batch: pa.RecordBatch, task: Task, width: int, side: Side) -> pa.RecordBatch:
    ids, lengths = _pad_column(batch["ids"], width, side, PAD_ID, np.int32)
    columns = [batch["row"], ids, pa.array(lengths)]
    if task == "classify":
        return pa.record_batch([*columns, batch["label"]], schema=PaddedRows.schema(task, width))
    tags, _ = _pad_column(batch["tags"], width, side, IGNORED_TAG, np.int16)
    return pa.record_batch([*columns, tags, batch["spans"]], schema=PaddedRows.schema(task, width))


def _pad_column(
    column: pa.ListArray, width: int, side: Side, fill: int, dtype: type[np.generic]
) -> tuple[pa.FixedSizeListArray, np.ndarray]:
    """The rows of a list column as lists of one width, and how many values of each row are kept."""
    offsets = column.offsets.to_numpy().astype(np.int64)
    padded, lengths = pad_rows_to(column.values.to_numpy(), offsets, width, side, fill, dtype)
    return pa.FixedSizeListArray.from_arrays(pa.array(padded.reshape(-1)), width), lengths.astype(np.int32)


def _statistics(lengths: dict[str, LengthCounts], widths: list[int], shards: list[Shard]) -> dict[str, Any]:
    statistics: dict[str, Any] = {"widths": widths}
    for split, counts in lengths.items():
        tokens, kept = counts.tokens(), counts.tokens(widths[-1])
        positions = sum(shard.rows * (shard.width or 0) for shard in shards if shard.split == split)
        statistics[split] = {
            "rows": int(counts.rows.sum()),
            "longest": counts.longest,
            "truncated_rows": int(counts.rows[counts.lengths > widths[-1]].sum()),
            "truncated_tokens": tokens - kept,
            "truncated_share": (tokens - kept) / max(1, tokens),
            "padding_share": (positions - kept) / max(1, positions),
        }
    return statistics
