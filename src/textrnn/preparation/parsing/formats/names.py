"""Names: CSV rows `"name","country"` without a header, gzip or plain; the classes are train's countries, sorted."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from textrnn.preparation.parsing.formats.base import (
    Format,
    Reject,
    Row,
    TextRow,
    labels_of_train,
    read_text_rows,
    shorten,
)


def read(path: Path) -> Iterator[Row]:
    return read_text_rows(path, _read_line)


def _read_line(number: int, text: str) -> TextRow | Reject:
    try:
        columns = next(csv.reader([text], strict=True, skipinitialspace=True), [])
    except csv.Error:
        columns = []
    if len(columns) != 2:
        return Reject(number, 'not two CSV columns, "name","country"', shorten(text))
    return TextRow(number, columns[0], columns[1].strip())


def labels(folder: Path, files: Mapping[str, str | None], classes: Mapping[str, str] | None) -> dict[str, str]:
    """Raw label → name: from the param `classes`, else the labels of train themselves."""
    return dict(classes) if classes is not None else {raw: raw for raw in labels_of_train(read, folder, files)}


FORMAT = Format("classify", read, labels)
