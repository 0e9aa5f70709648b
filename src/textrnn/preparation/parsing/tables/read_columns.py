"""Reads some columns of a table by their names, whatever the kind of its file is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from textrnn.errors import UserError
from textrnn.preparation.parsing.rows import Blank, Reject
from textrnn.preparation.parsing.tables.cells import Cells, Columns
from textrnn.preparation.parsing.tables.csv_table import read_csv
from textrnn.preparation.parsing.tables.json_lines import read_json_lines
from textrnn.preparation.parsing.tables.parquet import read_parquet

READERS: dict[str, Callable[[Path, Columns], Iterator[Cells | Reject | Blank]]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".tab": read_csv,
    ".txt": read_csv,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".parquet": read_parquet,
}
OTHER_KINDS = {
    ".json": "write it as JSON Lines, one object a line, and name it .jsonl",
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "save the sheet as CSV"),
}
PLAIN_ONLY = (".parquet",)  # has a compression of its own


def table_kind(path: Path) -> str:
    """The ending that says what a file is, in small letters, without the .gz or .bz2 of a packed one."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".bz2")
    return Path(name).suffix


def place_name(path: Path) -> str:
    """What the numbers of a file's rows count: its lines, or in Parquet its rows."""
    return "row" if table_kind(path) == ".parquet" else "line"


def read_columns(path: Path, columns: Columns) -> Iterator[Cells | Reject | Blank]:
    """Yield the cells of each row in the order of `columns`, as the kind of the file has them.

    Raises UserError for a file of no known kind, one that cannot be read, or one without one of the columns.
    """
    kind = table_kind(path)
    if kind not in READERS:
        do = OTHER_KINDS.get(kind, f"name it {', '.join(READERS)}")
        raise UserError(path, "is no table: its name says no known kind", got=kind or path.name, do=do)
    if kind in PLAIN_ONLY and path.suffix.lower() != kind:
        raise UserError(path, "is packed, which Parquet is by itself", do="unpack it")
    return READERS[kind](path, columns)
