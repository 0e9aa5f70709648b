"""Reads names: CSV rows `"name","country"` without a header, gzip or plain; the classes are train's countries."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.errors import shorten
from textrnn.preparation.parsing.formats.base import (
    FileFormat,
    Reject,
    Row,
    TextRow,
    labels_of_train,
    read_text_rows,
)


def read(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per line."""
    return read_text_rows(path, _read_line)


def _read_line(number: int, line: str) -> TextRow | Reject:
    try:
        columns = next(csv.reader([line], strict=True, skipinitialspace=True), [])
    except csv.Error:
        columns = []
    if len(columns) != 2:
        return Reject(number, 'not two CSV columns, "name","country"', shorten(line))
    return TextRow(number, columns[0], columns[1].strip())


def labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Raw label → name: from the param `classes`, else train's labels themselves, sorted."""
    return (
        dict(settings.classes)
        if settings.classes is not None
        else {label: label for label in labels_of_train(read, folder, settings)}
    )


FORMAT = FileFormat("classify", read, labels)
