"""Read texts from arguments, a stream or a file, in batches, so that memory use does not grow with the input."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from textrnn.common.files.bounded_batches import bounded_batches
from textrnn.common.files.encoding_hint import encoding_hint
from textrnn.common.files.lines import MAX_LINE_BYTES, LongLine, read_start
from textrnn.common.files.text_encoding import MARKS
from textrnn.errors import UserError, shorten
from textrnn.inference.prediction.model_inputs import Text
from textrnn.preparation.parsing.rows import Reject
from textrnn.preparation.parsing.tables.cells import Cells, Columns
from textrnn.preparation.parsing.tables.read_columns import (
    OTHER_KINDS,
    READERS,
    place_name,
    read_columns,
    table_kind,
)
from textrnn.preparation.parsing.text_lines import decode_utf8, read_text_lines

READ_BYTES = 1 << 20  # the most bytes that one read of a stream returns
BOM = b"\xef\xbb\xbf"
DEFAULT_COLUMN = "text"
ONE_COLUMN = "must have 1 column,"  # the reason of a row with a delimiter in a table of one column


def read_arguments(arguments: Sequence[str], batch_size: int) -> Iterator[list[Text]]:
    """Yield the texts of a command line, `batch_size` at a time; raises UserError for one that is not UTF-8."""
    for number, argument in enumerate(arguments, start=1):
        _check_unicode(argument, f"text {number}", "is not UTF-8")
    yield from bounded_batches(iter(arguments), batch_size)


def read_stream(stream: io.BufferedReader, where: str, batch_size: int) -> Iterator[list[Text]]:
    """Yield the texts of a stream, one per line, as soon as lines arrive: at most `batch_size`, never waiting for more.

    Raises UserError at a line that is not UTF-8 or is too long.
    """
    read = 0
    try:
        for lines in _available_lines(stream):
            texts = iter([_decode(where, number, line) for number, line in enumerate(lines, start=read + 1)])
            read += len(lines)
            yield from bounded_batches(texts, batch_size)
    except LongLine as long:
        raise long.in_file(where, read + 1) from None
    except OSError as error:
        raise UserError(where, "cannot be read", got=error) from error


def _available_lines(stream: io.BufferedReader) -> Iterator[list[bytes]]:
    """After each read of the stream, the lines that it completed, without their ends."""
    partial: list[bytes] = []  # the pieces of a line whose end has not arrived yet
    length = 0  # of these
    mark = BOM
    while piece := stream.read1(READ_BYTES):
        *complete, rest = piece.split(b"\n")
        length += len(complete[0] if complete else rest)
        if length > MAX_LINE_BYTES:
            raise LongLine(b"".join(partial) or piece)
        if complete:
            complete[0] = b"".join((*partial, complete[0]))
            complete[0], mark, partial = complete[0].removeprefix(mark), b"", []
            yield [line.removesuffix(b"\r") for line in complete]
            length = len(rest)
        partial.append(rest)
    if last := b"".join(partial):
        yield [last.removeprefix(mark).removesuffix(b"\r")]


def read_file(
    path: Path,
    column: str | None,
    batch_size: int,
    *,
    tokens: bool,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Iterator[list[Text]]:
    """Yield the texts of a file, `batch_size` at a time; its suffix names its format, in small or capital letters.

    .txt has one text per line; the tables that training reads, .csv, .tsv, .jsonl and .parquet, have them in `column`
    (None: text). With a column or a delimiter, .txt is a table too. All but Parquet may be compressed, with .gz or .bz2
    added to the name.
    tokens: whether JSONL and Parquet may have a list of tokens in place of a text. delimiter: of CSV and TSV; None:
    found from the header. encoding: of the text; None: by the byte order mark, UTF-8 without one.
    Raises UserError, naming the line or row, for input that cannot be read.
    """
    names = (column or DEFAULT_COLUMN,)
    columns = Columns(names, "with --column", delimiter=delimiter, encoding=encoding, rows_at_once=batch_size)
    is_lines = table_kind(path) == ".txt" and not column and delimiter is None
    try:
        _check_file(path)
        texts = _read_lines(path, encoding) if is_lines else _read_cells(path, columns, tokens)
        yield from bounded_batches(texts, batch_size)
    except OSError as error:
        raise UserError(path, "cannot be read", got=error) from error


def _check_file(path: Path) -> None:
    kind = table_kind(path)
    if not path.is_file():
        raise UserError(path, "is a folder, not a file" if path.is_dir() else "no such file")
    if kind not in READERS:
        do = OTHER_KINDS.get(kind, "name it .txt, .jsonl, .csv or .parquet")
        raise UserError(path, "has an unknown format", got=path.suffix, do=do)


def _read_lines(path: Path, encoding: str | None) -> Iterator[Text]:
    if not _is_empty(path):
        for _, line in read_text_lines(path, encoding):
            yield _checked(line, path)


def _read_cells(path: Path, columns: Columns, tokens: bool) -> Iterator[Text]:
    if table_kind(path) != ".parquet" and _is_empty(path):
        return
    name, place = columns.names[0], place_name(path)
    for row in read_columns(path, columns):
        if isinstance(row, Reject):
            raise _invalid(row, path)
        if isinstance(row, Cells):
            yield _check_value(row.values[0], f"{path}, {place} {row.line}", name, tokens)


def _is_empty(path: Path) -> bool:
    """Whether a file, unpacked, has nothing but a byte order mark."""
    start = read_start(path, max(map(len, MARKS)) + 1)
    return not start or start in MARKS


def _decode(where: str | Path, number: int, line: bytes) -> str:
    return _checked(decode_utf8(number, line), where)


def _checked(text: str | Reject, where: str | Path) -> str:
    if isinstance(text, Reject):
        raise _invalid(text, where)
    return text


def _invalid(reject: Reject, where: str | Path) -> UserError:
    """The error of a row that cannot be read, with what to do about it."""
    do = reject.hint
    if reject.reason.startswith(ONE_COLUMN):
        do = "put texts that have the delimiter in quotes, or name the file .txt if each line is a text"
    if reject.reason.startswith("bytes") and isinstance(where, Path):
        do = encoding_hint(where, param="--text-encoding ")
    return UserError(f"{where}, line {reject.line}", reject.reason, got=reject.got, do=do)


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
