"""Finds the columns of a tagger's table, for somebody who has asked for texts and labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from textrnn.preparation.parsing.formats.tag_scan import is_tag
from textrnn.preparation.parsing.tables.json_lines import read_json_lines
from textrnn.preparation.parsing.tables.read_columns import READERS, table_kind
from textrnn.preparation.parsing.text_lines import read_text_lines

FIRST_LINES = 20


def tagging_options(path: Path, encoding: str | None) -> str:
    """The options that name a table's columns of tokens and tags, as the end of an advice; empty if it has none.

    These are lists of texts, of the same length, in the first row; a CSV file has no lists.
    """
    row = _first_row(path, encoding)
    lists = {name: value for name, value in row.items() if _is_list_of_texts(value)}
    for tags, values in lists.items():
        for tokens, others in lists.items():
            if tokens != tags and len(others) == len(values) and all(map(is_tag, values)):
                return f", or for tagging --tokens {tokens} --tags {tags}"
    return ""


def _first_row(path: Path, encoding: str | None) -> Mapping[str, Any]:
    """The first row by column; empty if it cannot be read, which is said by who reads the whole."""
    if table_kind(path) == ".parquet":
        try:
            with pq.ParquetFile(path) as file:
                return next((row for batch in file.iter_batches(1) for row in batch.to_pylist()), {})
        except (pa.ArrowException, OSError, ValueError):
            return {}
    if READERS.get(table_kind(path)) is not read_json_lines:
        return {}
    for _, line in islice(read_text_lines(path, encoding), FIRST_LINES):
        try:
            row = json.loads(line) if isinstance(line, str) else None
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            return row
    return {}


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
