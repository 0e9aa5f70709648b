"""The rows of an encoding as the stage `encode` writes them: token ids, with labels, or with tags and gold spans."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.config.types import Task
from textrnn.common.storage.schemas import PAD_ID, SPAN
from textrnn.common.storage.shards import Shard
from textrnn.common.storage.stored_rows import RowFacts, StoredRows, check_range, check_same_lengths
from textrnn.names import path_of

_TARGETS: dict[Task, list[tuple[str, pa.DataType]]] = {
    "classify": [("label", pa.int32())],
    "tag": [("tags", pa.list_(pa.int16())), ("spans", pa.list_(SPAN))],
}


class EncodedRows(StoredRows[RowFacts]):
    """A folder of encoded rows, `data/encoded/<encoding>/ids`, with the same row numbers as the segmented ones."""

    kind = "encoded"
    place = Path("data/encoded")
    facts_class = RowFacts

    @classmethod
    def default_folder(cls, name: str) -> Path:
        """Where the stage writes the rows of an encoding, next to its vocabulary and labels."""
        return path_of(cls.place, name) / "ids"

    @staticmethod
    def schema(task: Task) -> pa.Schema:
        """The schema of the shards."""
        return pa.schema([("row", pa.int64()), ("ids", pa.list_(pa.int32())), *_TARGETS[task]])

    def _shard_schema(self, shard: Shard) -> pa.Schema:
        return self.schema(self.task)

    def _check_rows(self, batch: pa.RecordBatch, shard: Shard) -> None:
        check_range(batch["row"], "row", 0)
        check_range(batch["ids"].flatten(), "ids", PAD_ID)
        if self.task == "classify":
            check_range(batch["label"], "label", 0)
            return
        check_range(batch["tags"].flatten(), "tags", 0)
        check_same_lengths(batch["ids"], batch["tags"], "ids and tags")
        check_spans(batch["spans"])


def check_spans(spans: pa.ListArray) -> None:
    """Raise ValueError for spans before the start of a row, of no tokens, or with a type, if a number, below 0."""
    values = spans.flatten()
    start, end, entity_type = (values.field(name) for name in ("start", "end", "type"))
    check_range(start, "start", 0)
    if pa.types.is_integer(entity_type.type):
        check_range(entity_type, "type", 0)
    if not pc.all(pc.less(start, end), min_count=0).as_py():
        raise ValueError("a span ends before it starts")
