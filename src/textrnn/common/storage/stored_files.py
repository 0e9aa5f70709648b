"""Reads and writes the single files of a stage's output folder: Arrow tables, JSON, and the stage's statistics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from textrnn.errors import DamagedFileError, UserError
from textrnn.stage import write_json

STATISTICS = "statistics.json"


def open_arrow(path: Path, schema: pa.Schema | None, contents: str) -> pa.Table:
    """The table in an Arrow file, memory-mapped, with this schema; None accepts any.

    contents: what such a file contains, for the message about another schema.
    Raises UserError if the file is missing, is not an Arrow file or has another schema.
    """
    _require_file(path)
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise DamagedFileError(path, "is not an Arrow file", got=error, do="run the stage that writes it") from error
    if schema is not None and not table.schema.equals(schema):
        raise UserError(path, f"does not contain {contents}", got=table.schema.names)
    return table


def write_arrow(path: Path, table: pa.Table) -> None:
    """Write a table, for `open_arrow`; equal tables in equal chunks give the same bytes."""
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)


def read_json(path: Path) -> Any:
    """The values in a JSON file. Raises UserError if it is missing or is not JSON."""
    _require_file(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedFileError(path, "is damaged", got=error, do="run the stage that writes it") from error


def write_statistics(folder: Path, statistics: Mapping[str, Any]) -> None:
    """Write what a stage reports about its output into the output's folder; floats are rounded to 6 digits."""
    write_json(folder / STATISTICS, dict(statistics))


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise UserError(path, "no such file", do="run the stage that writes it")
