"""The Arrow schemas of the shards and the reserved ids, which all stages share."""

from __future__ import annotations

import pyarrow as pa

from textrnn.common.config.types import Split, Task

SPLITS: tuple[Split, ...] = ("train", "dev", "test")  # the order of a folder's shards

PAD_ID = 0
UNKNOWN_ID = 1
RESERVED = ("<pad>", "<unk>")
IGNORED_TAG = -100  # the tag of a padded position: torch's default ignore_index

SPAN = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("type", pa.int16())])

_TARGETS: dict[Task, list[tuple[str, pa.DataType]]] = {
    "classify": [("label", pa.int32())],
    "tag": [("tags", pa.list_(pa.int16())), ("spans", pa.list_(SPAN))],
}

PARSED: dict[Task, pa.Schema] = {
    "classify": pa.schema([("row", pa.int64()), ("text", pa.string()), ("label", pa.int32())]),
    "tag": pa.schema([("row", pa.int64()), ("tokens", pa.list_(pa.string())), ("tags", pa.list_(pa.int16()))]),
}

SEGMENTED: dict[Task, pa.Schema] = {
    "classify": pa.schema([("row", pa.int64()), ("tokens", pa.list_(pa.string())), ("label", pa.int32())]),
    "tag": PARSED["tag"],
}

ENCODED: dict[Task, pa.Schema] = {
    task: pa.schema([("row", pa.int64()), ("ids", pa.list_(pa.int32())), *fields]) for task, fields in _TARGETS.items()
}

COUNTS = pa.schema([("token", pa.string()), ("count", pa.int64())])


def padded_schema(task: Task, width: int) -> pa.Schema:
    """The schema of rows padded to one width: ids and tags have `width` values, spans are those before truncation."""
    fields = [("row", pa.int64()), ("ids", pa.list_(pa.int32(), width)), ("length", pa.int32())]
    if task == "classify":
        return pa.schema([*fields, ("label", pa.int32())])
    return pa.schema([*fields, ("tags", pa.list_(pa.int16(), width)), ("spans", pa.list_(SPAN))])
