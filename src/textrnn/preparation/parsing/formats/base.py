"""Defines what a file format is, and reads what the line-based formats have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.common.config.parse import Parse
from textrnn.common.config.types import Task
from textrnn.errors import shorten
from textrnn.preparation.parsing.rows import Blank, Reject, Row, TextRow
from textrnn.preparation.parsing.text_lines import read_text_lines

NO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"


@dataclass(frozen=True)
class FileFormat:
    """A format: the task it is for, how its rows are read, and where the label names come from.

    read: yields every row of a file, rejects and blank lines included.
    labels: a function of the folder and the settings; returns the name of each raw label in the order of label ids.
    label_ids: a function of the folder, the settings and `labels`; returns the id of what rows may have for a label;
        None: of each raw label.
    split_hint: what to do if a split has no rows.
    describe: what the statistics say of a file, beside its numbers of rows.
    """

    task: Task
    read: Callable[[Path, Parse], Iterator[Row]]
    labels: Callable[[Path, Parse], dict[str, str]]
    label_ids: Callable[[Path, Parse, Mapping[str, str]], dict[str, int]] | None = None
    split_hint: str = ""
    describe: Callable[[Path, Parse], dict[str, Any]] | None = None


def read_text_rows(
    path: Path, settings: Parse, read_line: Callable[[int, str], TextRow | Reject]
) -> Iterator[TextRow | Reject | Blank]:
    """One row per line, as `read_line` reads it from its number and text."""
    for number, line in read_text_lines(path, settings.text_encoding):
        if isinstance(line, Reject):
            yield line
        elif line and not line.isspace():
            yield checked_row(read_line(number, line), line)
        else:
            yield Blank(number)


def strip_label(text: str) -> str:
    """The label without white space and characters of no width around it, which nobody sees."""
    return text.strip().strip(NO_WIDTH).strip()


def ids_of(labels: Iterable[str]) -> dict[str, int]:
    """The id of each label: its place."""
    return {label: label_id for label_id, label in enumerate(labels)}


def checked_row(row: TextRow | Reject, line: str) -> TextRow | Reject:
    """The row, or a reject if its text or its label is empty, in whatever format; `line` is shown then."""
    if isinstance(row, TextRow) and not (row.label and row.text and not row.text.isspace()):
        return Reject(row.line, "empty label" if row.text.strip() else "empty text", shorten(line))
    return row
