"""Id shards into rectangular ones: of one width, or of a few bucket widths; longer rows truncated or none."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.common.config.pad import Pad
from textrnn.common.config.types import SPLITS, Side, Task
from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask
from textrnn.common.storage.schemas import IGNORED_TAG, PAD_ID, padded_schema
from textrnn.common.storage.shards import Shard, ShardReader, ShardWriter, write_index
from textrnn.preparation.padding.pad_rows import choose_widths, pad_rows_to


def bucket_widths(lengths: np.ndarray, rows: np.ndarray, buckets: int) -> list[int]:
    """At most `buckets` widths that hold rows of these lengths with the least padding, in rising order.

    lengths: (N,) whole numbers; rows: (N,) how many rows have each; a row without tokens takes one place too. Exact,
    by dynamic programming over the distinct lengths: cost(j, k) = min over i < j of cost(i, k - 1) + rows in (i, j]
    times the j-th length. Memory grows with N * buckets.
    """
    sizes, at = np.unique(np.maximum(lengths, 1), return_inverse=True)
    rows_up_to = np.concatenate(([0], np.cumsum(np.bincount(at, rows).astype(np.int64))))
    cost = np.concatenate(([0.0], np.full(len(sizes), np.inf)))
    choices = []
    for _ in range(min(buckets, len(sizes))):
        before, cost = cost, np.full(len(sizes) + 1, np.inf)
        choice = np.zeros(len(sizes) + 1, np.int64)
        for j in range(1, len(sizes) + 1):
            # candidates[i]: the bucket that ends at the j-th length takes all after the i-th
            candidates = before[:j] + (rows_up_to[j] - rows_up_to[:j]) * sizes[j - 1]
            choice[j] = candidates.argmin()
            cost[j] = candidates[choice[j]]
        choices.append(choice)
    widths, end = [], len(sizes)
    for choice in reversed(choices):
        widths.append(int(sizes[end - 1]))
        end = int(choice[end])
    return widths[::-1]


def pad(encoded: Path, settings: Pad, out: Path) -> tuple[dict[str, Any], LengthCounts]:
    """Write padded shards into the folder `out`; return what padding did, and the lengths of train's rows.

    `out` is of `resumable_folder`; a shard is a task, and makes one for each width. Bucket widths are chosen on train
    as truncated; rows of other splits longer than all of those share one bucket more, as wide as the longest keeps.
    """
    reader = ShardReader(encoded, "encoded")
    task: Task = reader.facts["task"]
    lengths: dict[str, LengthCounts] = {split: LengthCounts.of(reader, split) for split in SPLITS}
    widths = _all_widths(lengths, settings)
    jobs = [
        ShardTask(f"{split}-{number:05d}", shard.rows, (encoded, split, number, task, widths, settings.pad_side, out))
        for split in SPLITS
        for number, shard in enumerate(reader.of(split))
    ]
    made = [Shard(**shard) for done in run_shards(_pad_shard, jobs, out, label="pad") for shard in done["shards"]]
    shards = sorted(made, key=lambda shard: (SPLITS.index(shard.split), shard.width, shard.file))
    write_index(
        out, "padded", shards, task=task, widths=widths, side=settings.pad_side, truncates=settings.pad_size is not None
    )
    return _report(lengths, widths, shards), lengths["train"]


@dataclass(frozen=True)
class LengthCounts:
    """How many rows have each length: distinct lengths (N,), rising, and rows (N,)."""

    lengths: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, reader: ShardReader, split: str) -> LengthCounts:
        counts = np.zeros(1, np.int64)
        for batch in reader.batches(split):
            more = np.bincount(np.diff(batch["ids"].offsets.to_numpy()), minlength=len(counts))
            more[: len(counts)] += counts
            counts = more
        lengths = np.flatnonzero(counts)
        return cls(lengths, counts[lengths])

    @property
    def longest(self) -> int:
        return int(self.lengths[-1]) if len(self.lengths) else 0

    def tokens(self, width: int | None = None) -> int:
        """How many tokens the rows have, or keep in this width."""
        return int((np.minimum(self.lengths, width or self.longest) * self.rows).sum())


def _all_widths(lengths: dict[str, LengthCounts], settings: Pad) -> list[int]:
    if settings.buckets is None:
        assert settings.pad_size is not None  # as Pad.check has it
        return [settings.pad_size]
    longest = max(split.longest for split in lengths.values())
    most = min(longest, settings.pad_size or longest)
    train = lengths["train"]
    widths = bucket_widths(np.minimum(train.lengths, most), train.rows, settings.buckets)
    return widths if most <= widths[-1] else [*widths, most]


def _pad_shard(
    encoded: Path, split: str, number: int, task: Task, widths: list[int], side: Side, out: Path
) -> dict[str, Any]:
    reader = ShardReader(encoded, "encoded")
    writers = {
        width: ShardWriter(out, split, padded_schema(task, width), width=width, first=number) for width in widths
    }
    with ExitStack() as stack:
        for writer in writers.values():
            stack.enter_context(writer)
        for batch in reader.stream(reader.of(split)[number]):
            for width, rows in _by_width(batch, widths):
                writers[width].write(_pad_batch(rows, task, width, side))
    made = [shard for writer in writers.values() for shard in writer.shards]
    for shard in made:
        if not shard.rows:
            (out / shard.file).unlink()
    kept = [shard for shard in made if shard.rows]
    return {"files": [shard.file for shard in kept], "shards": [asdict(shard) for shard in kept]}


def _by_width(batch: pa.RecordBatch, widths: Sequence[int]) -> list[tuple[int, pa.RecordBatch]]:
    if len(widths) == 1:
        return [(widths[0], batch)]
    lengths = np.diff(batch["ids"].offsets.to_numpy())
    bucket = choose_widths(lengths, widths)
    return [(widths[at], batch.filter(pa.array(bucket == at))) for at in np.unique(bucket)]


def _pad_batch(batch: pa.RecordBatch, task: Task, width: int, side: Side) -> pa.RecordBatch:
    ids, lengths = _rectangle(batch["ids"], width, side, PAD_ID, np.int32)
    columns = [batch["row"], ids, pa.array(lengths)]
    if task == "classify":
        return pa.record_batch([*columns, batch["label"]], schema=padded_schema(task, width))
    tags, _ = _rectangle(batch["tags"], width, side, IGNORED_TAG, np.int16)
    return pa.record_batch([*columns, tags, batch["spans"]], schema=padded_schema(task, width))


def _rectangle(
    column: pa.ListArray, width: int, side: Side, fill: int, kind: type[np.generic]
) -> tuple[pa.FixedSizeListArray, np.ndarray]:
    """Rows of a list column as rows of one width: their first `width` values, and how many are kept of each."""
    offsets = column.offsets.to_numpy().astype(np.int64)
    out, lengths = pad_rows_to(column.values.to_numpy(), offsets, width, side, fill, kind)
    return pa.FixedSizeListArray.from_arrays(pa.array(out.reshape(-1)), width), lengths.astype(np.int32)


def _report(lengths: dict[str, LengthCounts], widths: list[int], shards: list[Shard]) -> dict[str, Any]:
    report: dict[str, Any] = {"widths": widths}
    for split, rows in lengths.items():
        tokens, kept = rows.tokens(), rows.tokens(widths[-1])
        cells = sum(shard.rows * (shard.width or 0) for shard in shards if shard.split == split)
        report[split] = {
            "rows": int(rows.rows.sum()),
            "longest": rows.longest,
            "truncated_rows": int(rows.rows[rows.lengths > widths[-1]].sum()),
            "truncated_tokens": tokens - kept,
            "truncated_share": (tokens - kept) / max(1, tokens),
            "padding_share": (cells - kept) / max(1, cells),
        }
    return report
