"""Names: CSV rows `"name","country"` without a header, gzip or plain; the classes are train's countries, sorted."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from textrnn.formats.rows import Format, Reject, Row, TextRow, decode, labels_of_train, shorten
from textrnn.lines import read_lines


def read(path: Path) -> Iterator[Row]:
    for number, line in read_lines(path):
        text = decode(number, line)
        if isinstance(text, Reject):
            yield text
            continue
        try:
            columns = next(csv.reader([text], strict=True, skipinitialspace=True), [])
        except csv.Error:
            columns = []
        if len(columns) != 2:
            yield Reject(number, 'not two CSV columns, "name","country"', shorten(text))
        elif not columns[0].strip():
            yield Reject(number, "empty text", shorten(text))
        elif not columns[1].strip():
            yield Reject(number, "empty label", shorten(text))
        else:
            yield TextRow(number, columns[0], columns[1].strip())


def labels(folder: Path, files: Mapping[str, str | None], classes: Mapping[str, str] | None) -> dict[str, str]:
    """Raw label → name: from the param `classes`, else the labels of train themselves."""
    return dict(classes) if classes is not None else {raw: raw for raw in labels_of_train(read, folder, files)}


FORMAT = Format("classify", read, labels)
