"""Texts to be asked about, from arguments, a stream or a file, in lists of a few, so that memory stays flat."""

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
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats.base import Reject, decode_utf8, shorten

PIECE = 1 << 20  # bytes of a stream that are taken at once, where so many are there
BOM = b"\xef\xbb\xbf"

Text = str | list[str]


def read_arguments(words: Sequence[str], most: int) -> Iterator[list[Text]]:
    """Texts of a command line, `most` at a time; raises UserError for one that is not UTF-8."""
    for number, word in enumerate(words, start=1):
        _check_whole(word, f"text {number}", "is not UTF-8")
    yield from _lists(iter(words), most)


def read_stream(stream: io.BufferedReader, where: str, most: int) -> Iterator[list[Text]]:
    """Texts of a stream, one a line, in lists of those that are there, `most` at most: no list waits to be full.

    Raises UserError at a line that is not UTF-8.
    """
    number = 0
    try:
        for lines in _lines_there(stream):
            texts = iter([_text(where, at, line) for at, line in enumerate(lines, start=number + 1)])
            number += len(lines)
            yield from _lists(texts, most)
    except OSError as error:
        raise UserError(where, "cannot be read", got=error) from error


def _lines_there(stream: io.BufferedReader) -> Iterator[list[bytes]]:
    """Lines without their ends: all that each read of the stream completes."""
    cut: list[bytes] = []  # what there is of a line whose end has not come yet
    mark = BOM
    while piece := stream.read1(PIECE):
        *whole, last = piece.split(b"\n")
        if whole:
            whole[0] = b"".join((*cut, whole[0]))
            whole[0], mark, cut = whole[0].removeprefix(mark), b"", []
            yield [line.removesuffix(b"\r") for line in whole]
        cut.append(last)
    if rest := b"".join(cut):
        yield [rest.removeprefix(mark).removesuffix(b"\r")]


def read_file(path: Path, column: str, most: int, *, tokens: bool) -> Iterator[list[Text]]:
    """Texts of a file in lists of `most`, its kind told by its suffix; all but Parquet may be packed, .gz or .bz2.

    .txt has a text a line, .jsonl an object a line, .csv a head, .parquet a table; of the last three it is `column`.
    tokens: whether a list of tokens may stand for a text, in JSONL and Parquet. Raises UserError, naming the line or
    row, for what cannot be read.
    """
    try:
        yield from _read_file(path, column, most, tokens)
    except OSError as error:
        raise UserError(path, "cannot be read", got=error) from error


def _read_file(path: Path, column: str, most: int, tokens: bool) -> Iterator[list[Text]]:
    kind = Path(path.name.removesuffix(".gz").removesuffix(".bz2")).suffix
    if not path.is_file():
        raise UserError(path, "no such file")
    if kind == ".parquet":
        yield from _read_parquet(path, column, most, tokens)
        return
    if path.stat().st_size == 0:
        return
    if kind == ".txt":
        texts: Iterator[Text] = (_text(path, number, line) for number, line in read_lines(path))
    elif kind == ".jsonl":
        texts = _read_jsonl(path, column, tokens)
    elif kind == ".csv":
        texts = _read_csv(path, column)
    else:
        raise UserError(path, "is of no known kind", got=path.suffix, do="name it .txt, .jsonl, .csv or .parquet")
    yield from _lists(texts, most)


def _lists(items: Iterator[str] | Iterator[Text], most: int) -> Iterator[list[Text]]:
    while found := list(islice(items, most)):
        yield found


def _text(where: str | Path, number: int, line: bytes) -> str:
    text = decode_utf8(number, line)
    if isinstance(text, Reject):
        raise UserError(f"{where}, line {number}", text.reason, got=text.got)
    return text


def _read_jsonl(path: Path, column: str, tokens: bool) -> Iterator[Text]:
    for number, line in read_lines(path):
        where, text = f"{path}, line {number}", _text(path, number, line)
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(where, "is not JSON", got=f"{shorten(text)}: {error}") from error
        if not isinstance(row, dict):
            raise UserError(where, "is no JSON object", got=shorten(text))
        if column not in row:
            raise UserError(where, f'has no "{column}"', got=", ".join(row), do="name another with --column")
        yield _checked(row[column], where, column, tokens)


def _read_csv(path: Path, column: str) -> Iterator[Text]:
    before = csv.field_size_limit(sys.maxsize)  # a text may be longer than what csv thinks is the end of a field
    try:
        rows = csv.reader((_text(path, *line) + "\n" for line in read_lines(path)), strict=True)
        head = next(rows, [])
        if column not in head:
            raise UserError(f"{path}, line 1", f'has no "{column}"', got=", ".join(head), do="name it with --column")
        at, begins = head.index(column), rows.line_num + 1
        for row in rows:
            if row and len(row) != len(head):
                wrong = f"must have {len(head)} columns, as the head has"
                raise UserError(f"{path}, line {begins}", wrong, got=len(row))
            begins = rows.line_num + 1
            if row:
                yield row[at]
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num}", "is not CSV", got=error) from error
    finally:
        csv.field_size_limit(before)


def _read_parquet(path: Path, column: str, most: int, tokens: bool) -> Iterator[list[Text]]:
    number = 0
    try:
        # neither whole row groups ahead nor whole column chunks: memory stays flat whatever their size
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=PIECE) as file:
            names = file.schema_arrow.names
            if column not in names:
                raise UserError(path, f'has no column "{column}"', got=", ".join(names), do="name it with --column")
            for batch in file.iter_batches(most, columns=[column]):
                values = batch.column(0).to_pylist()
                yield [
                    _checked(value, f"{path}, row {at}", column, tokens)
                    for at, value in enumerate(values, start=number + 1)
                ]
                number += len(values)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise UserError(path, "cannot be read as Parquet", got=error) from error


def _checked(value: Any, where: str, column: str, tokens: bool) -> Text:
    """The value if it is a text, or tokens where they may stand for one."""
    listed = tokens and isinstance(value, list) and all(isinstance(token, str) for token in value)
    if not (listed or isinstance(value, str)):
        wanted = "a text or a list of tokens" if tokens else "a text"
        raise UserError(where, f'"{column}" must be {wanted}', got=shorten(json.dumps(value, default=str)))
    _check_whole("".join(value), where, f'"{column}" has half of a surrogate pair, which is no text')
    return value


def _check_whole(text: str, where: str, wrong: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(where, wrong, got=ascii(text[error.start : error.end])) from error
