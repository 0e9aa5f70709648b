"""THUCNews headlines: `title<TAB>class index` a line, UTF-8; `class.txt` names the classes, one a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from textrnn.errors import UserError
from textrnn.formats.rows import Format, Reject, Row, TextRow, decode, read_lines, shorten


def read(path: Path) -> Iterator[Row]:
    for number, line in read_lines(path):
        text = decode(number, line)
        if isinstance(text, Reject):
            yield text
            continue
        columns = text.split("\t")
        if len(columns) != 2:
            yield Reject(number, "not two columns, title<TAB>class index", shorten(text))
        elif not columns[0].strip():
            yield Reject(number, "empty text", shorten(text))
        else:
            yield TextRow(number, columns[0], columns[1].strip())


def labels(folder: Path, files: Mapping[str, str | None], classes: Mapping[str, str] | None) -> dict[str, str]:
    """Raw index → name, in order: from the param `classes` where it is given, else the file of class names."""
    if classes is not None:
        return dict(classes)
    name = files.get("classes")
    if name is None:
        raise UserError("files.classes", "headlines need a file of class names", do="name it, or give classes")
    path = folder / name
    names = [line.decode("utf-8", "replace").strip() for _, line in read_lines(path)]
    names = [name for name in names if name]
    if len(set(names)) != len(names):
        raise UserError(path, "a class name stands twice", got=", ".join(names))
    return {str(index): name for index, name in enumerate(names)}


FORMAT = Format("classify", read, labels)
