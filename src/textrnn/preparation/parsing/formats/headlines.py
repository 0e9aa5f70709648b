"""Reads THUCNews headlines: `title<TAB>class index` per line; `class.txt` names the classes, one per line.

The label may stand in front, and may be the name of the class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.common.files.encoding_hint import encoding_hint
from textrnn.common.storage.schemas import SPLITS
from textrnn.errors import UserError, shorten
from textrnn.preparation.parsing.formats.base import FileFormat, ids_of, read_text_rows, strip_label
from textrnn.preparation.parsing.rows import Reject, Row, TextRow
from textrnn.preparation.parsing.text_lines import read_text_lines

COLUMNS = {
    "text_label": "not two columns, title<TAB>class index",
    "label_text": "not two columns, class index<TAB>title",
}


def read(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per line."""
    text, label = (0, 1) if settings.order == "text_label" else (1, 0)
    wrong = COLUMNS[settings.order]

    def read_line(number: int, line: str) -> TextRow | Reject:
        columns = line.split("\t")
        if len(columns) != 2:
            return Reject(number, wrong, shorten(line))
        return TextRow(number, columns[text], strip_label(columns[label]))

    return read_text_rows(path, settings, read_line)


def labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Class index → name, in order: from the param `classes` if given, else from the file of class names."""
    if settings.classes is not None:
        return dict(settings.classes)
    file = settings.files.get("classes")
    assert file is not None
    names = _read_class_names(folder / file, settings.text_encoding)
    return {str(index): name for index, name in enumerate(names)}


def _read_class_names(path: Path, encoding: str | None) -> list[str]:
    names: dict[str, None] = {}  # in their order
    blank_line = 0
    for number, text in read_text_lines(path, encoding):
        if isinstance(text, Reject):
            raise UserError(f"{path}, line {number}", text.reason, got=text.got, do=encoding_hint(path))
        name = strip_label(text)
        if "\t" in name:
            do = "write the names alone: the index of a class is the number of its line, from 0"
            raise UserError(f"{path}, line {number}", "a tab in a class name", got=shorten(text), do=do)
        if name and blank_line:  # an index counts lines, and whether a blank line counts is unknown
            raise UserError(f"{path}, line {blank_line}", "a blank line between class names", do="remove it")
        if name in names:
            raise UserError(f"{path}, line {number}", "a class name occurs twice", got=name[:60])
        if name:
            names[name] = None
        else:
            blank_line = blank_line or number
    return list(names)


def label_ids(folder: Path, settings: Parse, labels: Mapping[str, str]) -> dict[str, int]:
    """The id of each class index and class name. Where some names are the indices of other classes, rows decide."""
    indices, names = ids_of(labels), ids_of(labels.values())
    if settings.classes is not None or all(indices.get(name, at) == at for name, at in names.items()):
        return names | indices
    found = _labels_of_rows(folder, settings)
    never_names, never_indices = found & (indices.keys() - names), found & (names.keys() - indices)
    if (never_names and never_indices) or not (never_names or never_indices):
        example = next(name for name, at in names.items() if indices.get(name, at) != at)
        wrong = "labels may be class names or class indices: some names are the indices of other classes"
        raise UserError(folder, wrong, got=f"label {example}", do="write other class names, or say with `classes`")
    return indices if never_names else names


def _labels_of_rows(folder: Path, settings: Parse) -> set[str]:
    files = {settings.files.get(role) for role in SPLITS}
    rows = (row for file in files if file is not None for row in read(folder / file, settings))
    return {row.label for row in rows if isinstance(row, TextRow)}


FORMAT = FileFormat("classify", read, labels, label_ids=label_ids)
