"""Reads Arrow files that the product has written: every value is validated before anything uses it.

An unvalidated array may have offsets outside its buffers, and reading it ends the process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa

from textrnn.common.integrity.checksums import RUN_AGAIN, map_content, named
from textrnn.errors import DamagedFileError, UserError

MAGIC = b"ARROW1"
# what pyarrow raises for damaged bytes, depending on where they are
DAMAGE = (pa.ArrowException, SystemError, MemoryError, RuntimeError, TypeError, LookupError, OverflowError)


def open_arrow(path: Path, schema: pa.Schema | None, contents: str, nullable: Collection[str] = ()) -> pa.Table:
    """The table in an Arrow file, memory-mapped and validated, with this schema; None accepts any.

    contents: what such a file contains, for the message about another schema. nullable: the columns that may have
    nulls. Raises UserError if the file is missing or has another schema, DamagedFileError.
    """
    reader = open_reader(path, map_content(path), schema, contents)
    with named(path, *DAMAGE):
        table = reader.read_all()
        table.validate(full=True)
        for name, column in zip(table.schema.names, table.columns, strict=True):
            for chunk in column.chunks:
                check_array(chunk, name, name in nullable)
    return table


def open_reader(
    path: Path,
    content: pa.Buffer,
    schema: pa.Schema | None,
    contents: str,
    options: pa.ipc.IpcReadOptions | None = None,
) -> pa.RecordBatchFileReader:
    """The reader of an Arrow file's bytes, after its schema; raises as `open_arrow` does."""
    if content.size < len(MAGIC) or content.slice(0, len(MAGIC)).to_pybytes() != MAGIC:
        raise DamagedFileError(path, "is not an Arrow file", got=f"{content.size} bytes", do=RUN_AGAIN)
    with named(path, *DAMAGE):
        reader = pa.ipc.open_file(content, options=options)
        names = reader.schema.names
        fits = schema is None or reader.schema.equals(schema)
    if not fits:
        raise UserError(path, f"does not contain {contents}", got=str(names)[:200])
    return reader


def valid_batches(path: Path, reader: pa.RecordBatchFileReader, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file without nulls, each validated when it is read, and `rows` rows in all.

    Raises DamagedFileError for others.
    """
    found = 0
    with named(path, *DAMAGE):
        count = reader.num_record_batches
    for number in range(count):
        with named(path, *DAMAGE):
            batch = reader.get_batch(number)
            batch.validate(full=True)
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                check_array(column, name, nullable=False)
        found += batch.num_rows
        yield batch
    with named(path):
        if found != rows:
            raise ValueError(f"{found} rows, not {rows}")


def check_array(array: pa.Array, name: str, nullable: bool) -> None:
    """Raise ValueError for nulls where there are none, and for values that are not aligned in memory."""
    if array.null_count and not nullable:
        raise ValueError(f"the column {name} has nulls")
    # numpy and torch read 8 bytes at once
    if any(buffer is not None and buffer.size and buffer.address % 8 for buffer in array.buffers()):
        raise ValueError(f"the column {name} is not aligned")
    if isinstance(array, (pa.ListArray, pa.FixedSizeListArray)):
        check_array(array.values, name, nullable=False)
    elif isinstance(array, pa.StructArray):
        for index in range(array.type.num_fields):
            check_array(array.field(index), f"{name}.{array.type.field(index).name}", nullable=False)
    elif isinstance(array, pa.DictionaryArray):
        check_array(array.dictionary, name, nullable=False)
