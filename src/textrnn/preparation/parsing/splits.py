"""Staged rows dealt to train, dev and test: dev held out and `limits.rows` drawn by seed, in memory that stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from textrnn.common.config.corpus import HoldOut
from textrnn.common.config.types import SPLITS, Task
from textrnn.common.storage.schemas import PARSED
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
    """Where a split's rows come from: the file of a role, of its rows those that each draw takes, or else leaves."""

    role: str
    draws: tuple[tuple[StratifiedSample | BlockSample, bool], ...] = ()

    def takes(self, rows: np.ndarray, strata: np.ndarray) -> np.ndarray:
        """(N,) bool: which of the accepted rows (N,), counted from 0 in the file, with their strata, are its own."""
        mask = np.ones(len(rows), dtype=bool)
        for draw, taken in self.draws:
            mask &= draw.takes(rows, strata) == taken
        return mask

    def members(self, reader: ShardReader) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Its rows and their strata, a staged shard at a time."""
        first = 0
        for shard in reader.of(self.role):
            # one column is looked at; checksums are compared when the rows are dealt
            table = pa.ipc.open_file(pa.memory_map(str(reader.folder / shard.file))).read_all()
            strata = strata_of(table.column(2).combine_chunks())
            rows = np.arange(first, first + shard.rows)
            mask = self.takes(rows, strata)
            yield rows[mask], strata[mask]
            first += shard.rows


def plan_splits(reader: ShardReader, dev: HoldOut | None, seed: int, limit: int | None) -> dict[str, SplitPlan]:
    """The splits by name: dev held out of a file's rows first, stratified or in blocks, `limit` rows a split last.

    Every draw goes by a row's position among the rows of its file that were accepted.
    """
    plans: dict[str, SplitPlan] = {role: SplitPlan(role) for role in SPLITS if reader.of(role)}
    if dev is not None:
        held = _hold_out(reader, plans[dev.from_], dev, seed)
        plans["dev"], plans[dev.from_] = SplitPlan(dev.from_, ((held, True),)), SplitPlan(dev.from_, ((held, False),))
    if limit is not None:
        for name, split in plans.items():
            limited = sample_stratified(partial(split.members, reader), limit, seed, f"limit/{name}")
            plans[name] = SplitPlan(split.role, (*split.draws, (limited, True)))
    return plans


def _hold_out(reader: ShardReader, whole: SplitPlan, dev: HoldOut, seed: int) -> StratifiedSample | BlockSample:
    rows = reader.rows(dev.from_)
    if dev.block > 1:
        return sample_blocks(rows, dev.block, dev.share, seed, "dev")
    return sample_stratified(partial(whole.members, reader), round(rows * dev.share), seed, "dev")


def write_splits(
    reader: ShardReader, plans: Mapping[str, SplitPlan], task: Task, repeats: DuplicateCounter, out: Path
) -> dict[str, list[Shard]]:
    """Read the staged rows once and write each split's into shards of `out`; return those by split."""
    with ExitStack() as stack:
        writers = {name: stack.enter_context(ShardWriter(out, name, PARSED[task])) for name in plans}
        for role in filter(reader.of, SPLITS):
            first = 0
            batches = progress(
                reader.batches(role),
                total=reader.rows(role),
                unit=" rows",
                label=f"split {role}",
                count=lambda batch: batch.num_rows,
            )
            for batch in batches:
                strata = strata_of(batch.column(2))
                rows = np.arange(first, first + batch.num_rows)
                first += batch.num_rows
                for name, split in plans.items():
                    mask = split.takes(rows, strata) if split.role == role else np.zeros(0, dtype=bool)
                    if mask.any():
                        kept = batch.filter(pa.array(mask))
                        writers[name].write(kept)
                        repeats.add(name, kept.column(1), strata[mask])
    return {name: writers[name].shards for name in SPLITS}


def strata_of(targets: pa.Array) -> np.ndarray:
    """(N,) int64: what a draw is stratified by: of labels (N,) the label, of tags the set of their entity types.

    Tags 2k+1 and 2k+2 are B and I of type k; the set has bit k.
    """
    if not isinstance(targets, pa.ListArray):
        return np.asarray(targets).astype(np.int64)
    if not len(targets):
        return np.zeros(0, dtype=np.int64)
    tags = np.asarray(targets.flatten()).astype(np.int64)
    bits = np.where(tags > 0, 1 << np.minimum((tags - 1).clip(0) // 2, MAX_STRATUM_TYPE), 0)
    lengths = np.asarray(targets.value_lengths())
    return np.bitwise_or.reduceat(bits, np.cumsum(lengths) - lengths)
