"""Reads THUCNews headlines: `title<TAB>class index` per line; `class.txt` names the classes, one per line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError, shorten
from textrnn.preparation.parsing.formats.base import (
    FileFormat,
    Reject,
    Row,
    TextRow,
    decode_utf8,
    read_text_rows,
)


def read(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per line."""
    return read_text_rows(path, _read_line)


def _read_line(number: int, line: str) -> TextRow | Reject:
    columns = line.split("\t")
    if len(columns) != 2:
        return Reject(number, "not two columns, title<TAB>class index", shorten(line))
    return TextRow(number, columns[0], columns[1].strip())


def labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Class index → name, in order: from the param `classes` if given, else from the file of class names."""
    if settings.classes is not None:
        return dict(settings.classes)
    file = settings.files.get("classes")
    assert file is not None
    names = _read_class_names(folder / file)
    return {str(index): name for index, name in enumerate(names)}


def _read_class_names(path: Path) -> list[str]:
    names: list[str] = []
    blank_line = 0
    for number, line in read_lines(path):
        text = decode_utf8(number, line)
        if isinstance(text, Reject):
            raise UserError(f"{path}, line {number}", text.reason, got=text.got)
        name = text.strip()
        if name and blank_line:  # an index counts lines, and whether a blank line counts is unknown
            raise UserError(f"{path}, line {blank_line}", "a blank line between class names", do="remove it")
        if name in names:
            raise UserError(f"{path}, line {number}", "a class name occurs twice", got=name)
        if name:
            names.append(name)
        else:
            blank_line = blank_line or number
    return names


FORMAT = FileFormat("classify", read, labels)
