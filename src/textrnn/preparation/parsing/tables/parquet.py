"""Reads columns of Parquet files, some rows at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from textrnn.common.files.bounded_batches import count_characters
from textrnn.common.files.lines import MAX_LINE_BYTES
from textrnn.errors import UserError
from textrnn.preparation.parsing.rows import Blank, Reject
from textrnn.preparation.parsing.tables.cells import Cells, Columns, find_columns
from textrnn.preparation.parsing.tables.parquet_pages import Page, read_pages

READ_BYTES = 1 << 20
MAX_PAGE_BYTES = 1 << 27  # when it is unpacked, which it is as a whole; writers make pages of 1 MiB
BATCH_BYTES = 1 << 27
LIST_ROWS = 64  # nothing says how many values the longest list has


def read_parquet(path: Path, columns: Columns) -> Iterator[Cells | Reject | Blank]:
    """Yield the wanted values of each row as Python values.

    Memory: some pages and BATCH_BYTES of cells, whatever the file expands to; of lists, those of 64 rows.
    Raises UserError for a file that is no Parquet, for a page of more than MAX_PAGE_BYTES, and for a cell that has more
    characters than a line may have bytes.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="put it there, or correct the params that name it")
    first = 1
    try:
        # without read-ahead of row groups or whole column chunks, memory use does not depend on their size
        with path.open("rb") as heads, pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BYTES) as file:
            header = file.schema_arrow.names
            names = [header[index] for index in find_columns(path, header, columns)]
            for group in range(file.num_row_groups):
                rows = _rows_at_once(path, heads, file.metadata.row_group(group), names, columns.rows_at_once)
                for batch in file.iter_batches(rows, row_groups=[group], columns=names):
                    values = [batch.column(name).to_pylist() for name in names]
                    if batch.nbytes > MAX_LINE_BYTES:
                        _check_lengths(path, first, names, values)
                    for number, row in enumerate(zip(*values, strict=True), start=first):
                        yield Cells(number, list(row))
                    first += batch.num_rows
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise UserError(path, "cannot be read as Parquet", got=error) from error


def _rows_at_once(
    path: Path, file: io.BufferedReader, group: pq.RowGroupMetaData, names: Sequence[str], most: int
) -> int:
    """How many rows of a row group to read at once: `most`, or fewer if they may have more than BATCH_BYTES."""
    rows = most
    for index in range(group.num_columns):
        column = group.column(index)
        name, _, nested = column.path_in_schema.partition(".")
        if name in names or column.path_in_schema in names:
            fit = _values_at_once(f'{path}, column "{name}"', list(read_pages(file, column)))
            rows = min(rows, max(fit, LIST_ROWS) if nested else fit)
    return rows


def _values_at_once(where: str, pages: Sequence[Page]) -> int:
    """How many values of a column have at most BATCH_BYTES. Raises UserError for a page that is too large."""
    largest = max((page.size for page in pages), default=0)
    if largest > MAX_PAGE_BYTES:
        do = "write it again with smaller pages, as pyarrow does with data_page_size"
        raise UserError(where, f"has a page of {largest >> 20} MiB, and {MAX_PAGE_BYTES >> 20} is the most", do=do)
    fit = [page.values * BATCH_BYTES // page.size for page in pages if page.size and not page.is_dictionary]
    dictionary = sum(page.size for page in pages if page.is_dictionary)
    repeated = sum(page.values * (page.is_coded - page.is_dictionary) for page in pages)
    if dictionary * (1 + repeated) > BATCH_BYTES:  # each repeated value may be the longest one
        fit.append(BATCH_BYTES // dictionary)
    return max(1, min(fit, default=1 << 62))


def _check_lengths(path: Path, first: int, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
    """Raise UserError for a cell, a text or a list of them, that is longer than a line may be."""
    for name, values in zip(names, columns, strict=True):
        for number, value in enumerate(values, start=first):
            is_texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
            if (is_texts or isinstance(value, str)) and count_characters(value) > MAX_LINE_BYTES:
                wrong = f'"{name}" has more than {MAX_LINE_BYTES:,} characters, the most that a text may have'
                raise UserError(f"{path}, row {number}", wrong, do="split the text")
