"""THUCNews headlines: `title<TAB>class index` a line, UTF-8; `class.txt` names the classes, one a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats.base import Format, Reject, Row, TextRow, decode_utf8, read_text_rows, shorten


def read(path: Path) -> Iterator[Row]:
    return read_text_rows(path, _read_line)


def _read_line(number: int, text: str) -> TextRow | Reject:
    columns = text.split("\t")
    if len(columns) != 2:
        return Reject(number, "not two columns, title<TAB>class index", shorten(text))
    return TextRow(number, columns[0], columns[1].strip())


def labels(folder: Path, files: Mapping[str, str | None], classes: Mapping[str, str] | None) -> dict[str, str]:
    """Raw index → name, in order: from the param `classes` where it is given, else the file of class names."""
    if classes is not None:
        return dict(classes)
    file = files.get("classes")
    assert file is not None
    names = _class_names(folder / file)
    return {str(index): name for index, name in enumerate(names)}


def _class_names(path: Path) -> list[str]:
    names: list[str] = []
    blank = 0
    for number, line in read_lines(path):
        text = decode_utf8(number, line)
        if isinstance(text, Reject):
            raise UserError(f"{path}, line {number}", text.reason, got=text.got)
        name = text.strip()
        if name and blank:  # an index counts lines: whether this one would is anyone's guess
            raise UserError(f"{path}, line {blank}", "a blank line between class names", do="remove it")
        if name in names:
            raise UserError(f"{path}, line {number}", "a class name stands twice", got=name)
        if name:
            names.append(name)
        else:
            blank = blank or number
    return names


FORMAT = Format("classify", read, labels)
