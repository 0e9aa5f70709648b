"""Read texts from arguments, a stream or a file, in batches, so that memory use does not grow with the input."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError, shorten
from textrnn.inference.prediction.model_inputs import Text
from textrnn.preparation.parsing.formats.base import Reject, decode_utf8

READ_BYTES = 1 << 20  # the most bytes that one read of a stream returns
BOM = b"\xef\xbb\xbf"


def read_arguments(arguments: Sequence[str], batch_size: int) -> Iterator[list[Text]]:
    """Yield the texts of a command line, `batch_size` at a time; raises UserError for one that is not UTF-8."""
    for number, argument in enumerate(arguments, start=1):
        _check_unicode(argument, f"text {number}", "is not UTF-8")
    yield from _batches(iter(arguments), batch_size)


def read_stream(stream: io.BufferedReader, where: str, batch_size: int) -> Iterator[list[Text]]:
    """Yield the texts of a stream, one per line, as soon as lines arrive: at most `batch_size`, never waiting for more.

    Raises UserError at a line that is not UTF-8.
    """
    read = 0
    try:
        for lines in _available_lines(stream):
            texts = iter([_decode(where, number, line) for number, line in enumerate(lines, start=read + 1)])
            read += len(lines)
            yield from _batches(texts, batch_size)
    except OSError as error:
        raise UserError(where, "cannot be read", got=error) from error


def _available_lines(stream: io.BufferedReader) -> Iterator[list[bytes]]:
    """After each read of the stream, the lines that it completed, without their ends."""
    partial: list[bytes] = []  # the pieces of a line whose end has not arrived yet
    mark = BOM
    while piece := stream.read1(READ_BYTES):
        *complete, rest = piece.split(b"\n")
        if complete:
            complete[0] = b"".join((*partial, complete[0]))
            complete[0], mark, partial = complete[0].removeprefix(mark), b"", []
            yield [line.removesuffix(b"\r") for line in complete]
        partial.append(rest)
    if last := b"".join(partial):
        yield [last.removeprefix(mark).removesuffix(b"\r")]


def read_file(path: Path, column: str, batch_size: int, *, tokens: bool) -> Iterator[list[Text]]:
    """Yield the texts of a file, `batch_size` at a time; its suffix names its format.

    .txt has one text per line; .jsonl (one object per line), .csv (with a header) and .parquet have them in `column`.
    All but Parquet may be compressed, with .gz or .bz2 added to the name.
    tokens: whether JSONL and Parquet may have a list of tokens in place of a text.
    Raises UserError, naming the line or row, for input that cannot be read.
    """
    try:
        yield from _read_file(path, column, batch_size, tokens)
    except OSError as error:
        raise UserError(path, "cannot be read", got=error) from error


def _read_file(path: Path, column: str, batch_size: int, tokens: bool) -> Iterator[list[Text]]:
    suffix = Path(path.name.removesuffix(".gz").removesuffix(".bz2")).suffix
    if not path.is_file():
        raise UserError(path, "no such file")
    if suffix == ".parquet":
        yield from _read_parquet(path, column, batch_size, tokens)
        return
    if path.stat().st_size == 0:
        return
    if suffix == ".txt":
        texts: Iterator[Text] = (_decode(path, number, line) for number, line in read_lines(path))
    elif suffix == ".jsonl":
        texts = _read_jsonl(path, column, tokens)
    elif suffix == ".csv":
        texts = _read_csv(path, column)
    else:
        raise UserError(path, "has an unknown format", got=path.suffix, do="name it .txt, .jsonl, .csv or .parquet")
    yield from _batches(texts, batch_size)


def _batches(texts: Iterator[str] | Iterator[Text], batch_size: int) -> Iterator[list[Text]]:
    while batch := list(islice(texts, batch_size)):
        yield batch


def _decode(where: str | Path, number: int, line: bytes) -> str:
    text = decode_utf8(number, line)
    if isinstance(text, Reject):
        raise UserError(f"{where}, line {number}", text.reason, got=text.got)
    return text


def _read_jsonl(path: Path, column: str, tokens: bool) -> Iterator[Text]:
    for number, line in read_lines(path):
        where, text = f"{path}, line {number}", _decode(path, number, line)
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(where, "is not JSON", got=f"{shorten(text)}: {error}") from error
        if not isinstance(row, dict):
            raise UserError(where, "is not a JSON object", got=shorten(text))
        if column not in row:
            do = "name another field with --column"
            raise UserError(where, f'has no field "{column}"', got=", ".join(row), do=do)
        yield _check_value(row[column], where, column, tokens)


def _read_csv(path: Path, column: str) -> Iterator[Text]:
    before = csv.field_size_limit(sys.maxsize)  # a text may be longer than csv's own limit of a field
    try:
        rows = csv.reader((_decode(path, *line) + "\n" for line in read_lines(path)), strict=True)
        header = next(rows, [])
        if column not in header:
            do = "name another column with --column"
            raise UserError(f"{path}, line 1", f'has no column "{column}"', got=", ".join(header), do=do)
        index, first_line = header.index(column), rows.line_num + 1
        for row in rows:
            if row and len(row) != len(header):
                wrong = f"must have {len(header)} columns, as the header has"
                raise UserError(f"{path}, line {first_line}", wrong, got=len(row))
            first_line = rows.line_num + 1
            if row:
                yield row[index]
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num}", "is not CSV", got=error) from error
    finally:
        csv.field_size_limit(before)


def _read_parquet(path: Path, column: str, batch_size: int, tokens: bool) -> Iterator[list[Text]]:
    read = 0
    try:
        # without read-ahead of row groups or whole column chunks, memory use does not depend on their size
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BYTES) as file:
            names = file.schema_arrow.names
            if column not in names:
                do = "name another column with --column"
                raise UserError(path, f'has no column "{column}"', got=", ".join(names), do=do)
            for batch in file.iter_batches(batch_size, columns=[column]):
                values = batch.column(0).to_pylist()
                yield [
                    _check_value(value, f"{path}, row {number}", column, tokens)
                    for number, value in enumerate(values, start=read + 1)
                ]
                read += len(values)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise UserError(path, "cannot be read as Parquet", got=error) from error


def _check_value(value: Any, where: str, column: str, tokens: bool) -> Text:
    """Return the value if it is a text, or a list of tokens where these are allowed."""
    is_list = tokens and isinstance(value, list) and all(isinstance(token, str) for token in value)
    if not (is_list or isinstance(value, str)):
        expected = "a text or a list of tokens" if tokens else "a text"
        raise UserError(where, f'"{column}" must be {expected}', got=shorten(json.dumps(value, default=str)))
    _check_unicode("".join(value), where, f'"{column}" has half of a surrogate pair, which is not valid text')
    return value


def _check_unicode(text: str, where: str, wrong: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(where, wrong, got=ascii(text[error.start : error.end])) from error
