"""Folders of rows as the stages write them: parsed, segmented, encoded and padded, from lists of rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from textrnn.common.config.pad import Pad
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.common.storage.parsed_rows import ParsedFacts, ParsedRows
from textrnn.common.storage.schemas import COUNTS
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.common.storage.shards import ShardWriter
from textrnn.common.storage.stored_rows import RowFacts
from textrnn.preparation.padding.pad import pad

LABELS = {"classify": ["down", "up"], "tag": ["O", "B-LOC", "I-LOC"]}
SEGMENTATION = '{"clean": [], "segmenter": "tokens", "punkt": null}\n'
SPLITS = ("train", "dev", "test")
MANY = 10**6  # more rows than any test writes


def write_shards(folder, schema, splits, numbers=range(MANY)):
    """Make the folder and write the rows of each split, numbered by `numbers`; rows are all fields but the number."""
    folder.mkdir()
    shards = []
    for split, rows in splits.items():
        with ShardWriter(folder, split, schema) as writer:
            if rows:
                columns = zip([numbers[: len(rows)], *zip(*rows, strict=True)], schema, strict=True)
                arrays = [pa.array(list(values), field.type) for values, field in columns]
                writer.write(pa.record_batch(arrays, schema=schema))
        shards += writer.shards
    return shards


def write_parsed(folder, task, splits, labels=None, rows_before_limit=None):
    """A folder of parsed rows; rows are (text or tokens, label or tags), numbered from 100."""
    shards = write_shards(folder, ParsedRows.schema(task), splits, range(100, MANY))
    facts = ParsedFacts(task, rows_before_limit or {}, tuple(labels or LABELS[task]))
    ParsedRows.write_index(folder, shards, facts)
    return folder


def write_segmented(folder, task, splits, labels=(), numbers=None):
    """Write segmented shards of rows (tokens, label or tags), numbered from 0 or by `numbers`; return their reader."""
    every_split = {split: splits.get(split, []) for split in SPLITS}
    shards = write_shards(folder, SegmentedRows.schema(task), every_split, numbers or range(MANY))
    names = tuple(labels) or tuple(f"label {number}" for number in range(20))
    SegmentedRows.write_index(folder, shards, ParsedFacts(task, {}, names))
    return SegmentedRows.read(folder)


def write_segment_output(folder, task, splits, labels, rows_before_limit=None):
    """All files of the stage segment; rows are (tokens, label or tags), numbered from 7; counts are those of train."""
    shards = write_shards(folder, SegmentedRows.schema(task), splits, range(7, MANY))
    seen = [token for tokens, _ in splits["train"] for token in tokens]
    counts = {token: seen.count(token) for token in seen}
    with pa.ipc.new_file(str(folder / "counts.arrow"), COUNTS) as file:
        file.write_table(pa.table([list(counts), list(counts.values())], schema=COUNTS))
    (folder / "segmentation.json").write_text(SEGMENTATION, encoding="utf-8")
    SegmentedRows.write_index(folder, shards, ParsedFacts(task, rows_before_limit or {}, tuple(labels)))
    return folder


def write_encoded(folder, task, splits, rows_before_limit=None):
    """A folder of encoded rows; rows are (ids, label) or (ids, tags, spans), numbered from 0 in each split."""
    shards = write_shards(folder, EncodedRows.schema(task), {split: splits.get(split, []) for split in SPLITS})
    EncodedRows.write_index(folder, shards, RowFacts(task, rows_before_limit or {}))
    return folder


def write_padded(folder, task, splits, size=None, side="right"):
    """A folder of shards padded by textrnn.preparation.padding.pad; rows: (ids, label) or (ids, tags, spans)."""
    write_encoded(folder / "encoded", task, splits)
    (folder / "padded").mkdir()
    pad(EncodedRows.read(folder / "encoded"), Pad(size, side, None if size else 6), folder / "padded")
    return PaddedRows.read(folder / "padded")


SPAN = [{"start": 0, "end": 2, "type": 1}, {"start": 3, "end": 5, "type": 0}]
TAG = {"train": [([2, 3, 4, 5, 6], [2, 2, 0, 1, 1], SPAN), ([7], [0], [])]}


def long_split(task, rows=97):
    """Rows of lengths from 0 to 12, with labels, or tags and spans."""
    random = np.random.default_rng(5)
    ids = [random.integers(2, 500, random.integers(0, 13)).tolist() for _ in range(rows)]
    if task == "classify":
        return {"train": [(row, int(random.integers(3))) for row in ids]}
    return {"train": [(row, random.integers(3, size=len(row)).tolist(), []) for row in ids]}
