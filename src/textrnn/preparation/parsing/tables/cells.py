"""What the readers of tables take and give: the columns that are wanted, and the cells of a row."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.errors import UserError

NEAR = 0.7  # how much of a name is that of a column, for it to be suggested


@dataclass(slots=True)
class Cells:
    """The wanted cells of a row, and the number of the row's first line (in Parquet of the row), from 1.

    A value is a text in CSV; in JSON lines and Parquet it has the type that the file gives it.
    """

    line: int
    values: list[Any]


@dataclass(frozen=True)
class Columns:
    """The columns to read.

    names: of the wanted columns, in the order of the cells. setting: where the user names them, for error messages.
    delimiter: between the columns of a CSV or TSV file; null: found from the header. encoding: of the text; null: by
    the byte order mark. rows_at_once: how many rows of a Parquet file are in memory.
    """

    names: tuple[str, ...]
    setting: str
    delimiter: str | None = None
    encoding: str | None = None
    rows_at_once: int = 1024


def find_columns(where: str | Path, header: Sequence[str], columns: Columns) -> list[int]:
    """The index of each wanted column. White space around a name in the header does not count.

    Raises UserError, which names the columns that there are, for one that is missing or there twice.
    """
    stripped = [name.strip() for name in header]
    indices = []
    for name in columns.names:
        found = [index for index, column in enumerate(header) if column == name]
        found = found or [index for index, column in enumerate(stripped) if column == name.strip()]
        if not found:
            do = suggest_column(name, stripped) or f"name another column {columns.setting}"
            raise UserError(where, f'has no column "{name}"', got=list_names(header), do=do)
        if len(found) > 1:
            raise UserError(where, f'has {len(found)} columns "{name}"', got=list_names(header), do="rename one")
        indices.append(found[0])
    return indices


def suggest_column(name: str, names: Sequence[str]) -> str:
    """Which column is probably meant, but for its case or a letter; empty if none is."""
    by_folded = {column.casefold(): column for column in reversed(names)}
    similar = difflib.get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=NEAR)
    return f'did you mean "{by_folded[similar[0]]}"?' if similar else ""


def list_names(names: Sequence[str]) -> str:
    """The names of columns as messages show them: some of them if there are many, or if they are long."""
    shown = ", ".join(names[:20]) + (f", … ({len(names)} columns)" if len(names) > 20 else "")
    return shown if len(shown) <= 300 else shown[:297] + "..."
