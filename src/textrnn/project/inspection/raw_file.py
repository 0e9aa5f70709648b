"""A file of labelled rows, as the stage `parse` would read it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from textrnn.common.config.types import Task
from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError, shorten
from textrnn.preparation.parsing.formats.base import Reject, Row, TagRow, TextRow

NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True)
class Columns:
    """The columns of a table that matter: of texts and labels, or for tagging of tokens and tags."""

    content: str
    target: str
    task: Task


@dataclass(frozen=True)
class RawFile:
    """A table: its path, its columns, its encoding, and the delimiter of its columns, None where it has none."""

    path: Path
    columns: Columns
    encoding: str
    delimiter: str | None

    def rows(self) -> Iterator[Row]:
        """Every row of the file, those that cannot be used as rejects."""
        for line, values in self._records():
            content, target = (values.get(name) for name in (self.columns.content, self.columns.target))
            if not content or not target:
                yield Reject(line, "empty label" if content else "empty text", shorten(str(values)))
            elif self.columns.task == "tag":
                yield TagRow(line, _split(content), _split(target))
            else:
                yield TextRow(line, str(content), str(target))

    def describe_delimiter(self) -> str:
        """The delimiter in words, after a comma; nothing where there is none."""
        if self.delimiter is None:
            return ""
        return f", columns separated by {NAMES.get(self.delimiter, repr(self.delimiter))}"

    def _records(self) -> Iterator[tuple[int, dict[str, object]]]:
        lines = ((number, line.decode(self.encoding)) for number, line in read_lines(self.path))
        if self.delimiter is None:
            yield from ((number, json.loads(line)) for number, line in lines if line.strip())
            return
        reader = csv.DictReader((f"{line}\n" for _, line in lines), delimiter=self.delimiter)
        for row in reader:
            yield reader.line_num, row


def open_table(path: Path, columns: Columns) -> RawFile:
    """The table in a file. Raises UserError if there is no such file, or if it lacks one of the columns."""
    first = next((line.decode() for _, line in read_lines(path)), "")
    if first.lstrip().startswith("{"):
        return RawFile(path, columns, "utf-8", None)
    delimiter = max(NAMES, key=first.count)
    header = next(csv.reader([first], delimiter=delimiter), [])
    for name in (columns.content, columns.target):
        if name not in header:
            raise UserError(f"{path}, line 1", f'has no column "{name}"', got=", ".join(header))
    return RawFile(path, columns, "utf-8", delimiter)


def _split(value: object) -> list[str]:
    return list(map(str, value)) if isinstance(value, list) else str(value).split()
