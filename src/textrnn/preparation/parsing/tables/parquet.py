"""Reads columns of Parquet files, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from textrnn.errors import UserError
from textrnn.preparation.parsing.rows import Blank, Reject
from textrnn.preparation.parsing.tables.cells import Cells, Columns, find_columns

READ_BYTES = 1 << 20


def read_parquet(path: Path, columns: Columns) -> Iterator[Cells | Reject | Blank]:
    """Yield the wanted values of each row as Python values. Raises UserError for a file that is no Parquet."""
    if not path.is_file():
        raise UserError(path, "no such file", do="put it there, or correct the params that name it")
    number = 0
    try:
        # without read-ahead of row groups or whole column chunks, memory use does not depend on their size
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BYTES) as file:
            header = file.schema_arrow.names
            names = [header[index] for index in find_columns(path, header, columns)]
            for batch in file.iter_batches(columns.rows_at_once, columns=names):
                for values in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
                    number += 1
                    yield Cells(number, list(values))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise UserError(path, "cannot be read as Parquet", got=error) from error
