"""Reads JSON lines: an object a line, with the names of the columns as its keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from textrnn.errors import shorten
from textrnn.preparation.parsing.rows import Blank, Reject
from textrnn.preparation.parsing.tables.cells import Cells, Columns, list_names, suggest_column
from textrnn.preparation.parsing.text_lines import read_text_lines

NO_FIELD = "has no field"  # the beginning of a reason
ONE_LINE = "write each object on a line of its own, without [ and ] around them"


def read_json_lines(path: Path, columns: Columns) -> Iterator[Cells | Reject | Blank]:
    """Yield the wanted values of each object as JSON has them; an object may have its keys in any order, and others."""
    for number, line in read_text_lines(path, columns.encoding):
        if isinstance(line, Reject):
            yield line
        elif line and not line.isspace():
            yield _read_object(number, line, columns)
        else:
            yield Blank(number)


def _read_object(number: int, line: str, columns: Columns) -> Cells | Reject:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        hint = ONE_LINE if line.strip() in ("[", "{", "[{") else ""
        return Reject(number, "is not JSON", f"{shorten(line)}: {error}", hint)
    if not isinstance(row, dict):
        hint = ONE_LINE if row and isinstance(row, list) and isinstance(row[0], dict) else ""
        return Reject(number, "is not a JSON object", shorten(line), hint)
    try:
        return Cells(number, [row[name] for name in columns.names])
    except KeyError as error:
        hint = suggest_column(str(error.args[0]), list(row)) or f"name another field {columns.setting}"
        return Reject(number, f'{NO_FIELD} "{error.args[0]}"', list_names(list(row)), hint)
