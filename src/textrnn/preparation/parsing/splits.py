"""Assigns staged rows to train, dev and test: dev is held out and `limits.rows` sampled by seed, in constant memory."""

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
from textrnn.preparation.parsing.stratified_sample import (
    BlockSample,
    StratifiedSample,
    sample_blocks,
    sample_stratified,
)
from textrnn.stage import progress

MAX_STRATUM_TYPE = 62  # a set of entity types is one int64; types from here on share its last bit


@dataclass(frozen=True)
class SplitPlan:
    """Which rows a split consists of: those of one role's file that pass every filter.

    filters: pairs of a sample and a bool: True keeps the rows in the sample, False those outside it.
    rows_before_limit: how many rows the split has without the limit; None if no limit was asked for.
    """

    role: str
    filters: tuple[tuple[StratifiedSample | BlockSample, bool], ...] = ()
    rows_before_limit: int | None = None

    def mask(self, rows: np.ndarray, strata: np.ndarray) -> np.ndarray:
        """(N,) bool: which of the accepted rows (N,), counted from 0 in the file, with strata (N,), belong to it."""
        mask = np.ones(len(rows), dtype=bool)
        for sample, inside in self.filters:
            mask &= sample.mask(rows, strata) == inside
        return mask

    def members(self, reader: ShardReader) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The split's row numbers and their strata, one staged shard at a time."""
        first = 0
        for shard in reader.of(self.role):
            # reads one column only; checksums are compared when `write_splits` reads the rows
            table = pa.ipc.open_file(pa.memory_map(str(reader.folder / shard.file))).read_all()
            strata = strata_of(table.column(2).combine_chunks())
            rows = np.arange(first, first + shard.rows)
            mask = self.mask(rows, strata)
            yield rows[mask], strata[mask]
            first += shard.rows


def plan_splits(reader: ShardReader, dev: HoldOut | None, seed: int, limit: int | None) -> dict[str, SplitPlan]:
    """The splits by name. Dev is held out first, stratified or in blocks; `limit` rows per split are sampled last.

    Every sample depends on a row's position among the accepted rows of its file.
    """
    plans: dict[str, SplitPlan] = {role: SplitPlan(role) for role in SPLITS if reader.of(role)}
    if dev is not None:
        held_out = _hold_out(reader, plans[dev.from_], dev, seed)
        plans["dev"] = SplitPlan(dev.from_, ((held_out, True),))
        plans[dev.from_] = SplitPlan(dev.from_, ((held_out, False),))
    if limit is not None:
        for name, plan in plans.items():
            limited = sample_stratified(partial(plan.members, reader), limit, seed, f"limit/{name}")
            plans[name] = SplitPlan(plan.role, (*plan.filters, (limited, True)), limited.population)
    return plans


def _hold_out(reader: ShardReader, plan: SplitPlan, dev: HoldOut, seed: int) -> StratifiedSample | BlockSample:
    rows = reader.rows(dev.from_)
    if dev.block > 1:
        return sample_blocks(rows, dev.block, dev.share, seed, "dev")
    return sample_stratified(partial(plan.members, reader), round(rows * dev.share), seed, "dev")


def write_splits(
    reader: ShardReader, plans: Mapping[str, SplitPlan], task: Task, duplicates: DuplicateCounter, out: Path
) -> dict[str, list[Shard]]:
    """Read the staged rows once, write each split's rows into shards of `out`, and return the shards by split."""
    with ExitStack() as stack:
        writers = {name: stack.enter_context(ShardWriter(out, name, ParsedRows.schema(task))) for name in plans}
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
                strata = strata_of(batch.column(2))
                rows = np.arange(first, first + batch.num_rows)
                first += batch.num_rows
                for name, plan in plans.items():
                    mask = plan.mask(rows, strata) if plan.role == role else np.zeros(0, dtype=bool)
                    if mask.any():
                        selected = batch.filter(pa.array(mask))
                        writers[name].write(selected)
                        duplicates.add(name, selected.column(1), strata[mask])
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
