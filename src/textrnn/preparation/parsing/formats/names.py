"""Reads names: CSV rows `"name","country"` without a header, gzip or plain; the classes are train's countries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.errors import shorten
from textrnn.preparation.parsing.formats.base import FileFormat, checked_row, strip_label
from textrnn.preparation.parsing.formats.found_labels import labels_of_train
from textrnn.preparation.parsing.rows import Blank, Reject, Row, TextRow
from textrnn.preparation.parsing.tables.csv_records import Malformed, Record, read_records
from textrnn.preparation.parsing.text_lines import read_text_lines

COLUMNS = 'not two CSV columns, "name","country"'
TABLE = "with a header in line 1, format: table reads any number of columns and any delimiter"


def read(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per record, which is a line unless quotes have line ends in them."""
    for record in read_records(read_text_lines(path, settings.text_encoding), skip_blanks=True):
        if isinstance(record, Record):
            yield _read_record(record)
        elif isinstance(record, Malformed):
            yield Reject(record.line, COLUMNS, shorten(record.text))
        else:
            yield record


def _read_record(record: Record) -> Row:
    cells = record.cells
    if len(cells) != 2:
        if record.text.isspace():
            return Blank(record.line)
        return Reject(record.line, COLUMNS, shorten(record.text), TABLE)
    label = strip_label(cells[1])
    if "\n" in label:  # a stray quote has swallowed rows
        return Reject(record.line, "a label with a line end", shorten(label))
    return checked_row(TextRow(record.line, cells[0], label), record.text)


def labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Raw label → name: from the param `classes`, else train's labels themselves, sorted."""
    if settings.classes is not None:
        return dict(settings.classes)
    do = f"put the label behind the text; {TABLE}"
    return {label: label for label in labels_of_train(read, folder, settings, do, no_header=True)}


FORMAT = FileFormat("classify", read, labels)
