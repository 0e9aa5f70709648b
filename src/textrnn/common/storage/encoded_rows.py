"""The rows of an encoding as the stage `encode` writes them: token ids, with labels, or with tags and gold spans."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from textrnn.common.config.types import Task
from textrnn.common.storage.schemas import SPAN
from textrnn.common.storage.stored_rows import RowFacts, StoredRows
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
        """Where the stage writes the rows of an encoding, beside its vocabulary and labels."""
        return path_of(cls.place, name) / "ids"

    @staticmethod
    def schema(task: Task) -> pa.Schema:
        """The schema of the shards."""
        return pa.schema([("row", pa.int64()), ("ids", pa.list_(pa.int32())), *_TARGETS[task]])
