"""The rows of a recipe as the stage `pad` writes them: token ids padded to one width, or to a few bucket widths."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.config.types import Side, Task
from textrnn.common.integrity.checksums import named
from textrnn.common.storage.encoded_rows import check_spans
from textrnn.common.storage.schemas import IGNORED_TAG, PAD_ID, SPAN
from textrnn.common.storage.shards import INDEX, Shard
from textrnn.common.storage.stored_rows import RowFacts, StoredRows, check_range

LENGTHS_FILE = "lengths.csv"


@dataclass(frozen=True)
class PaddedFacts(RowFacts):
    """widths: of all shards, in ascending order; side: the padded one; truncates: whether longer rows were cut."""

    widths: tuple[int, ...]
    side: Side
    truncates: bool


class PaddedRows(StoredRows[PaddedFacts]):
    """A folder of padded rows, `data/padded/<recipe>`, with the same row numbers as the encoded ones."""

    kind = "padded"
    place = Path("data/padded")
    facts_class = PaddedFacts

    @staticmethod
    def schema(task: Task, width: int) -> pa.Schema:
        """The schema of shards of one width: ids and tags have `width` values, spans are those before truncation."""
        fields = [("row", pa.int64()), ("ids", pa.list_(pa.int32(), width)), ("length", pa.int32())]
        if task == "classify":
            return pa.schema([*fields, ("label", pa.int32())])
        return pa.schema([*fields, ("tags", pa.list_(pa.int16(), width)), ("spans", pa.list_(SPAN))])

    @property
    def widths(self) -> tuple[int, ...]:
        return self.facts.widths

    @property
    def side(self) -> Side:
        return self.facts.side

    @property
    def truncates(self) -> bool:
        return self.facts.truncates

    def _shard_schema(self, shard: Shard) -> pa.Schema:
        with named(self.folder / INDEX):
            if shard.width is None or shard.width not in self.widths:
                raise ValueError(f"the width of {shard.file} is {shard.width}, not one of {list(self.widths)}")
        return self.schema(self.task, shard.width)

    def _check_rows(self, batch: pa.RecordBatch, shard: Shard) -> None:
        check_range(batch["row"], "row", 0)
        check_range(batch["ids"].flatten(), "ids", PAD_ID)
        check_range(batch["length"], "length", 0, shard.width)
        if self.task == "classify":
            check_range(batch["label"], "label", 0)
        else:
            tags = batch["tags"].flatten()
            check_range(tags.filter(pc.not_equal(tags, IGNORED_TAG)), "tags", 0)
            check_spans(batch["spans"])


def write_lengths(folder: Path, counts: Iterable[tuple[int, int]]) -> None:
    """Write how many rows of train have each number of tokens, before truncation: pairs of the two, for the report."""
    with (folder / LENGTHS_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["length", "rows"])
        writer.writerows(counts)
