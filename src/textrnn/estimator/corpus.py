"""Writes rows in memory as the parsed rows of a corpus, split as the stage `parse` splits a file of the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.common.config.parse import Parse
from textrnn.common.config.types import Task
from textrnn.common.storage.parsed_rows import ParsedFacts, ParsedRows
from textrnn.common.storage.schemas import SPLITS
from textrnn.common.storage.shards import ROWS_PER_BATCH, Shard, ShardReader, ShardWriter, write_index
from textrnn.estimator.input_checks import InputError
from textrnn.preparation.parsing.duplicates import DuplicateCounter
from textrnn.preparation.parsing.splits import plan_splits, write_splits


@dataclass(frozen=True)
class Rows:
    """Labelled rows: texts with the ids of their labels, or lists of tokens with the ids of their tags."""

    contents: Sequence[Any]
    targets: Sequence[Any] | np.ndarray


@dataclass(frozen=True)
class Corpus:
    """The rows of train, and those of dev unless some of train are held out for it; labels: the names by id."""

    task: Task
    labels: tuple[str, ...]
    train: Rows
    dev: Rows | None

    def write(self, settings: Parse, folder: Path) -> ParsedRows:
        """Write the splits into the folder, which is created; raises InputError if dev or train would be empty."""
        staging = folder / "staging"
        staging.mkdir(parents=True)
        roles = {"train": self.train} if self.dev is None else {"train": self.train, "dev": self.dev}
        staged = [shard for role, rows in roles.items() for shard in self._stage(role, rows, staging)]
        write_index(staging, "staged", staged)
        reader = ShardReader(staging, "staged")
        plans = plan_splits(reader, settings.dev, settings.seed, None)
        duplicates = DuplicateCounter(folder / "duplicates", len(self.train.contents))
        shards = write_splits(reader, plans, self.task, duplicates, folder)
        for split in plans:
            if not sum(shard.rows for shard in shards[split]):
                do = "give more rows, another validation_share, or validation_data"
                raise InputError(
                    "validation_share", f"leaves no row for {split}", got=f"{reader.rows('train')} rows", do=do
                )
        facts = ParsedFacts(self.task, {}, self.labels)
        ParsedRows.write_index(folder, [shard for split in SPLITS for shard in shards.get(split, [])], facts)
        return ParsedRows.read(folder)

    def _stage(self, role: str, rows: Rows, folder: Path) -> list[Shard]:
        """Write the rows of a role in their order, numbered from 0, as parsing a file does."""
        schema = ParsedRows.schema(self.task)
        with ShardWriter(folder, role, schema) as writer:
            for first in range(0, len(rows.contents), ROWS_PER_BATCH):
                part = slice(first, first + ROWS_PER_BATCH)
                columns = [rows.contents[part], rows.targets[part]]
                numbers = range(first, first + len(columns[0]))
                arrays = [
                    pa.array(values, kind) for values, kind in zip([numbers, *columns], schema.types, strict=True)
                ]
                writer.write(pa.record_batch(arrays, schema=schema))
        return writer.shards
