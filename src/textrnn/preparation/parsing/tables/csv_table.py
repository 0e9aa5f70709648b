"""Reads CSV and TSV files with a header; the delimiter is given or found from the header."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from textrnn.common.files.encoding_hint import encoding_hint
from textrnn.errors import UserError, plural, shorten
from textrnn.preparation.parsing.rows import Blank, Reject
from textrnn.preparation.parsing.tables.cells import Cells, Columns, find_columns
from textrnn.preparation.parsing.tables.csv_records import Malformed, Record, read_records
from textrnn.preparation.parsing.text_lines import read_text_lines

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
EXCEL_DELIMITER = re.compile(r"sep=(.)", re.IGNORECASE)  # Excel writes and reads such a first line


def read_csv(path: Path, columns: Columns) -> Iterator[Cells | Reject | Blank]:
    """Yield the wanted cells of each record as texts; the first line that is not blank is the header.

    A record without as many columns as the header is a reject.
    """
    lines = read_text_lines(path, columns.encoding)
    first, line = _first_line(path, lines)
    delimiter = columns.delimiter
    if given := EXCEL_DELIMITER.fullmatch(line):
        delimiter = delimiter or given[1]
        first, line = _first_line(path, lines)
    delimiter = delimiter or _find_delimiter(path, line, columns)
    # written with a blank after each delimiter, quotes come after the blank
    skip_blanks = delimiter + " " in line and delimiter != " "
    records = read_records(chain([(first, line)], lines), delimiter, skip_blanks=skip_blanks)
    header = next(records)
    if not isinstance(header, Record):
        got = shorten(line)
        raise UserError(f"{path}, line {first}", "is not the header of a CSV file", got=got, do="correct its quotes")
    indices = find_columns(f"{path}, line {first}", header.cells, columns)
    width = len(header.cells)
    for record in records:
        if isinstance(record, Record):
            cells = record.cells
            if cells == header.cells and width > 1:  # files were put together
                yield Reject(record.line, "the header again", shorten(record.text), "remove the line")
            elif len(cells) > 1 and not any(cell.strip() for cell in cells):  # Excel writes empty rows so
                yield Blank(record.line)
            elif len(cells) == width:
                yield Cells(record.line, [cells[index] for index in indices])
            elif len(cells) == 1 and cells[0].isspace():
                yield Blank(record.line)
            else:
                yield Reject(record.line, f"must have {plural(width, 'column')}, as the header has", str(len(cells)))
        elif isinstance(record, Malformed):
            yield Reject(record.line, "is not CSV", record.error)
        else:
            yield record


def _first_line(path: Path, lines: Iterator[tuple[int, str | Reject]]) -> tuple[int, str]:
    for number, line in lines:
        where = f"{path}, line {number}"
        if isinstance(line, Reject):
            raise UserError(where, line.reason, got=line.got, do=encoding_hint(path))
        if "\r" in line:
            do = f"convert it with `tr '\\r' '\\n' < {path.name}`"
            raise UserError(where, "lines end with a carriage return alone", got=shorten(line), do=do)
        if line and not line.isspace():
            return number, line
    raise UserError(path, "has no header", do="put the names of the columns into its first line")


def _find_delimiter(path: Path, header: str, columns: Columns) -> str:
    """The first delimiter that gives all wanted columns; the one that gives most columns if none does."""
    name = path.name.lower()
    tab_first = ".tsv" in name or ".tab" in name
    candidates = sorted(DELIMITERS.values(), key=lambda delimiter: tab_first and delimiter != "\t")
    for delimiter in candidates:
        try:
            find_columns(path, _split(header, delimiter), columns)
        except UserError:
            continue
        return delimiter
    return max(candidates, key=lambda delimiter: len(_split(header, delimiter)))


def _split(header: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []
