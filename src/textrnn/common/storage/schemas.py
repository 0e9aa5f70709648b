"""The splits, the reserved ids and the Arrow types that the schemas of several stages share."""

from __future__ import annotations

import pyarrow as pa

from textrnn.common.config.types import Split

SPLITS: tuple[Split, ...] = ("train", "dev", "test")  # the order of a folder's shards

PAD_ID = 0
UNKNOWN_ID = 1
RESERVED = ("<pad>", "<unk>")
IGNORED_TAG = -100  # the tag of a padded position: torch's default ignore_index

SPAN = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("type", pa.int16())])

COUNTS = pa.schema([("token", pa.string()), ("count", pa.int64())])
