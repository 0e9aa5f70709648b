"""The rows of a corpus as the stage `parse` writes them: texts or tokens, with their labels or tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from textrnn.common.config.types import Task
from textrnn.common.storage.shards import Shard
from textrnn.common.storage.stored_rows import RowFacts, StoredRows, check_range, check_same_lengths

_SCHEMAS: dict[Task, pa.Schema] = {
    "classify": pa.schema([("row", pa.int64()), ("text", pa.string()), ("label", pa.int32())]),
    "tag": pa.schema([("row", pa.int64()), ("tokens", pa.list_(pa.string())), ("tags", pa.list_(pa.int16()))]),
}


@dataclass(frozen=True)
class ParsedFacts(RowFacts):
    """labels: the names of the corpus's classes by id or, for tagging, O, then B- and I- of each type."""

    labels: tuple[str, ...]


class ParsedRows(StoredRows[ParsedFacts]):
    """A folder of parsed rows, `data/parsed/<corpus>`. Rows are numbered as in their raw file."""

    kind = "parsed"
    place = Path("data/parsed")
    facts_class = ParsedFacts

    @staticmethod
    def schema(task: Task) -> pa.Schema:
        """The schema of the shards."""
        return _SCHEMAS[task]

    @property
    def labels(self) -> tuple[str, ...]:
        return self.facts.labels

    def _shard_schema(self, shard: Shard) -> pa.Schema:
        return self.schema(self.task)

    def _check_rows(self, batch: pa.RecordBatch, shard: Shard) -> None:
        check_targets(batch, self.labels)


def check_targets(batch: pa.RecordBatch, labels: Sequence[str]) -> None:
    """Raise ValueError unless a batch of parsed or segmented rows has ids of the labels, a tag for each token."""
    check_range(batch["row"], "row", 0)
    if "label" in batch.schema.names:
        check_range(batch["label"], "label", 0, len(labels) - 1)
    else:
        check_range(batch["tags"].flatten(), "tags", 0, len(labels) - 1)
        check_same_lengths(batch["tokens"], batch["tags"], "tokens and tags")
