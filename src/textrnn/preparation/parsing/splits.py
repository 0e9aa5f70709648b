"""Assigns staged rows to train, dev and test: test and dev are held out by seed, and `limits.rows` is sampled.

Memory is constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from textrnn.common.config.parse import HoldOut
from textrnn.common.config.types import Task
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.schemas import SPLITS
from textrnn.common.storage.shards import Shard, ShardReader, ShardWriter
from textrnn.preparation.parsing.duplicates import DuplicateCounter
from textrnn.preparation.parsing.group_sample import GroupSample, sample_groups
from textrnn.preparation.parsing.stratified_sample import (
    BlockSample,
    StratifiedSample,
    sample_blocks,
    sample_stratified,
)
from textrnn.stage import progress

GROUP = "group"  # the column of staged rows with the numbers of their groups
KEY_COLUMNS = ("label", "tags", GROUP)  # of which each has some
MAX_STRATUM_TYPE = 62  # a set of entity types is one int64; types from here on share its last bit


@dataclass(frozen=True, eq=False)
class RowKeys:
    """What samples of rows (N,) depend on: their positions in the file (N,), their strata (N,) and groups (N,) uint64.

    groups: None if the corpus has none.
    """

    rows: np.ndarray
    strata: np.ndarray
    groups: np.ndarray | None

    def mask(self, sample: StratifiedSample | BlockSample | GroupSample) -> np.ndarray:
        """(N,) bool: which of the rows are in the sample."""
        if isinstance(sample, GroupSample):
            assert self.groups is not None
            return sample.mask(self.groups)
        return sample.mask(self.rows, self.strata)

    def take(self, mask: np.ndarray) -> RowKeys:
        """The keys of the rows in a mask (N,) bool."""
        return RowKeys(self.rows[mask], self.strata[mask], None if self.groups is None else self.groups[mask])


@dataclass(frozen=True)
class SplitPlan:
    """Which rows a split consists of: those of one role's file that pass every filter.

    filters: pairs of a sample and a bool: True keeps the rows in the sample, False those outside it.
    rows_before_limit: how many rows the split has without the limit; None if no limit was asked for.
    """

    role: str
    filters: tuple[tuple[StratifiedSample | BlockSample | GroupSample, bool], ...] = ()
    rows_before_limit: int | None = None

    def mask(self, keys: RowKeys) -> np.ndarray:
        """(N,) bool: which of the accepted rows (N,), counted from 0 in the file, belong to the split."""
        mask = np.ones(len(keys.rows), dtype=bool)
        for sample, inside in self.filters:
            mask &= keys.mask(sample) == inside
        return mask

    def filtered(self, sample: StratifiedSample | BlockSample | GroupSample, inside: bool) -> SplitPlan:
        """The rows of this split that are in the sample, or those that are not."""
        return SplitPlan(self.role, (*self.filters, (sample, inside)))

    def keys(self, reader: ShardReader) -> Iterator[RowKeys]:
        """The keys of the split's rows, one staged shard at a time."""
        first = 0
        for shard in reader.of(self.role):
            # reads no texts; checksums are compared when `write_splits` reads the rows
            keys = _keys_of(reader.columns(shard, KEY_COLUMNS), first)
            yield keys.take(self.mask(keys))
            first += shard.rows

    def members(self, reader: ShardReader) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The split's row numbers and their strata, one staged shard at a time."""
        for keys in self.keys(reader):
            yield keys.rows, keys.strata


def _keys_of(rows: pa.Table | pa.RecordBatch, first: int) -> RowKeys:
    targets = rows["label" if "label" in rows.schema.names else "tags"]
    groups = np.asarray(rows.column(GROUP)) if GROUP in rows.schema.names else None
    strata = strata_of(targets.combine_chunks() if isinstance(targets, pa.ChunkedArray) else targets)
    return RowKeys(np.arange(first, first + rows.num_rows), strata, groups)


def plan_splits(
    reader: ShardReader, dev: HoldOut | None, seed: int, limit: int | None, *, test: HoldOut | None = None
) -> dict[str, SplitPlan]:
    """The splits by name. Test is held out first, then dev; `limit` rows per split are sampled last.

    Rows are held out stratified, in blocks, or in groups if the staged rows have them. Every sample depends on a row's
    position among the accepted rows of its file, or on its group.
    """
    plans: dict[str, SplitPlan] = {role: SplitPlan(role) for role in SPLITS if reader.of(role)}
    for name, held_out in (("test", test), ("dev", dev)):
        if held_out is not None:
            source = plans[held_out.from_]
            sample = _hold_out(reader, source, held_out, seed, name)
            plans[name] = source.filtered(sample, inside=True)
            plans[held_out.from_] = source.filtered(sample, inside=False)
    if limit is not None:
        for name, plan in plans.items():
            limited = sample_stratified(partial(plan.members, reader), limit, seed, f"limit/{name}")
            plans[name] = SplitPlan(plan.role, (*plan.filters, (limited, True)), limited.population)
    return plans


def _hold_out(
    reader: ShardReader, plan: SplitPlan, held_out: HoldOut, seed: int, name: str
) -> StratifiedSample | BlockSample | GroupSample:
    """A sample of a split's rows: the share of all rows of its file, also if others were held out before."""
    rows = reader.rows(plan.role)
    if GROUP in reader.facts.get("columns", ()):
        groups = (keys.groups for keys in plan.keys(reader) if keys.groups is not None)
        return sample_groups(groups, round(rows * held_out.share), seed, name)
    if held_out.block > 1:
        return sample_blocks(rows, held_out.block, held_out.share, seed, name, _positions(reader, plan))
    return sample_stratified(partial(plan.members, reader), round(rows * held_out.share), seed, name)


def _positions(reader: ShardReader, plan: SplitPlan) -> Iterator[np.ndarray] | None:
    """The positions of a split's rows; None if it has all rows of its file."""
    return (keys.rows for keys in plan.keys(reader)) if plan.filters else None


def write_splits(
    reader: ShardReader, plans: Mapping[str, SplitPlan], task: Task, duplicates: DuplicateCounter, out: Path
) -> dict[str, list[Shard]]:
    """Read the staged rows once, write each split's rows into shards of `out`, and return the shards by split."""
    schema = ParsedRows.schema(task)
    with ExitStack() as stack:
        writers = {name: stack.enter_context(ShardWriter(out, name, schema)) for name in plans}
        for role in filter(reader.of, SPLITS):
            first = 0
            batches = progress(
                reader.batches(role),
                total=reader.rows(role),
                unit=" rows",
                description=f"split {role}",
                count=lambda batch: batch.num_rows,
            )
            for batch in batches:
                keys = _keys_of(batch, first)
                first += batch.num_rows
                for name, plan in plans.items():
                    mask = plan.mask(keys) if plan.role == role else np.zeros(0, dtype=bool)
                    if mask.any():
                        selected = batch.select(schema.names).filter(pa.array(mask))
                        writers[name].write(selected)
                        duplicates.add(name, selected.column(1), keys.strata[mask])
    return {name: writers[name].shards for name in SPLITS if name in plans}


def strata_of(targets: pa.Array) -> np.ndarray:
    """(N,) int64: the strata of sampling: for labels (N,) the label, for tag sequences the set of their entity types.

    Tags 2k+1 and 2k+2 are B and I of type k, and the set has bit k.
    """
    if not isinstance(targets, pa.ListArray):
        return np.asarray(targets).astype(np.int64)
    if not len(targets):
        return np.zeros(0, dtype=np.int64)
    tags = np.asarray(targets.flatten()).astype(np.int64)
    bits = np.where(tags > 0, 1 << np.minimum((tags - 1).clip(0) // 2, MAX_STRATUM_TYPE), 0)
    lengths = np.asarray(targets.value_lengths())
    return np.bitwise_or.reduceat(bits, np.cumsum(lengths) - lengths)
