"""What the folders of parsed, segmented, encoded and padded rows have in common: shards, and facts in their index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.config.types import Task
from textrnn.common.integrity.checksums import named
from textrnn.common.params.conversion import build_dataclass
from textrnn.common.storage.shards import INDEX, Shard, ShardReader, index_sha256, write_index
from textrnn.errors import UserError
from textrnn.names import path_of


@dataclass(frozen=True)
class RowFacts:
    """What the index of a folder says about all of its rows.

    rows_before_limit: by split, how many rows it had before `limits.rows` sampled it; only splits that lost rows.
    """

    task: Task
    rows_before_limit: Mapping[str, int]


Facts = TypeVar("Facts", bound=RowFacts)


class StoredRows(Generic[Facts]):
    """The rows that a stage wrote: a folder of shards, and the facts of their index.

    A subclass names the kind of its shards, the folder that holds its folders, and the class of its facts; it has the
    schema of each shard, and checks the values of its rows.
    """

    kind: ClassVar[str]
    place: ClassVar[Path]
    facts_class: type[Facts]

    def __init__(self, reader: ShardReader, facts: Facts) -> None:
        self.folder, self.facts = reader.folder, facts
        self._reader = reader

    @classmethod
    def default_folder(cls, name: str) -> Path:
        """Where the stage writes the rows of this entry of params.yaml."""
        return path_of(cls.place, name)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The rows in a folder; their shards are opened later.

        Raises UserError, with the index's name, if it is missing or damaged or if a fact is missing or mistyped.
        """
        reader = ShardReader(folder, cls.kind)
        names = [field.name for field in fields(cls.facts_class)]
        missing = [name for name in names if name not in reader.facts]
        if missing:
            raise UserError(folder / INDEX, f"does not say {', '.join(missing)}", do="run the stage that writes it")
        facts = build_dataclass(cls.facts_class, {name: reader.facts[name] for name in names}, str(folder / INDEX))
        return cls(reader, facts)

    @classmethod
    def write_index(cls, folder: Path, shards: list[Shard], facts: Facts) -> None:
        """Write the index of a folder's shards, for `read`."""
        write_index(folder, cls.kind, shards, **asdict(facts))

    @property
    def task(self) -> Task:
        return self.facts.task

    @property
    def rows_before_limit(self) -> Mapping[str, int]:
        return self.facts.rows_before_limit

    @property
    def checksum(self) -> str:
        """The SHA-256 of the index; it covers all shards and facts."""
        return index_sha256(self.folder)

    @property
    def shards(self) -> list[Shard]:
        """The shards of all splits, in the order of the index."""
        return self._reader.shards

    def of(self, split: str) -> list[Shard]:
        """The shards of one split, in row order."""
        return self._reader.of(split)

    def rows(self, split: str) -> int:
        """The number of rows of one split."""
        return self._reader.rows(split)

    def open(self, shard: Shard) -> pa.Table:
        """One shard as a memory-mapped table, after its checksum; see ShardReader.open."""
        table = self._reader.open(shard, self._shard_schema(shard))
        for batch in table.to_batches():
            self._check_batch(batch, shard)
        return table

    def stream(self, shard: Shard) -> Iterator[pa.RecordBatch]:
        """Yield one shard's batches in order, one of them in memory; see ShardReader.stream."""
        for batch in self._reader.stream(shard, self._shard_schema(shard)):
            self._check_batch(batch, shard)
            yield batch

    def batches(self, split: str) -> Iterator[pa.RecordBatch]:
        """Yield the split's rows in order, in batches of ROWS_PER_BATCH or fewer."""
        for shard in self.of(split):
            yield from self.stream(shard)

    def _shard_schema(self, shard: Shard) -> pa.Schema:
        raise NotImplementedError

    def _check_rows(self, batch: pa.RecordBatch, shard: Shard) -> None:
        """Raise ValueError for values that the stage cannot have written, such as ids below 0."""
        raise NotImplementedError

    def _check_batch(self, batch: pa.RecordBatch, shard: Shard) -> None:
        with named(self.folder / shard.file):
            self._check_rows(batch, shard)


def check_range(values: pa.Array, name: str, smallest: int, largest: int | None = None) -> None:
    """Raise ValueError for a number below the smallest one or above the largest."""
    found = pc.min_max(values).as_py()
    if found["min"] is None:
        return
    if found["min"] < smallest or (largest is not None and found["max"] > largest):
        bound = "" if largest is None else f" and at most {largest}"
        raise ValueError(f"{name} must be at least {smallest}{bound}, not {found['min']} to {found['max']}")


def check_same_lengths(first: pa.ListArray, second: pa.ListArray, names: str) -> None:
    """Raise ValueError if two columns of lists do not have as many values in each row."""
    if not first.value_lengths().equals(second.value_lengths()):
        raise ValueError(f"{names} do not have as many values in each row")
