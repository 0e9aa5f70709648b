"""Raw files line by line: what a row and a rejected row are, and how gz, bz2 and plain files open."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from textrnn.errors import UserError
from textrnn.records import Task


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text and its raw label, from line `line` (from 1)."""

    line: int
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class TagRow:
    """Tokens and their raw BIO tags, from the sentence that starts at line `line` (from 1)."""

    line: int
    tokens: list[str]
    tags: list[str]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be used: the reason it is counted under, and what was got."""

    line: int
    reason: str
    got: str


Row = TextRow | TagRow | Reject


@dataclass(frozen=True)
class Format:
    """A published format: what it labels, how its rows read, and where the names of its labels come from.

    `read` yields every row of a file. `labels` gives, from the folder, the files by role and the param `classes`,
    each raw label's name in the order of ids.
    """

    task: Task
    read: Callable[[Path], Iterator[Row]]
    labels: Callable[[Path, Mapping[str, str | None], Mapping[str, str] | None], dict[str, str]]


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Line numbers (from 1) and lines without their end, split at newlines alone, of a plain, .gz or .bz2 file.

    Raises UserError when the file is missing, unreadable, empty, truncated or not of its kind.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="put it there, or correct data.source or the corpus's files")
    empty = True
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                empty = False
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                yield number, line.rstrip(b"\n").removesuffix(b"\r")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(path, "the compressed file is truncated or damaged", got=error, do="fetch it again") from error
    except OSError as error:
        if path.suffix == ".bz2" and error.errno is None:
            raise UserError(path, "is not a bz2 file or is damaged", got=error, do="fetch it again") from error
        raise UserError(path, "cannot be read", got=error) from error
    if empty:
        raise UserError(path, "the file is empty", do="fetch it again")


def _open(path: Path) -> io.BufferedIOBase:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix == ".bz2":
        return bz2.open(path, "rb")
    return path.open("rb")


def decode(number: int, line: bytes) -> str | Reject:
    """The line as UTF-8, or the reject that says where its bytes stop being that."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        return Reject(number, "bytes that are not UTF-8", repr(line[max(0, error.start - 8) : error.start + 8]))


def shorten(text: str) -> str:
    """What a message shows of a row."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def labels_of_train(read: Callable[[Path], Iterator[Row]], folder: Path, files: Mapping[str, str | None]) -> list[str]:
    """The raw labels that occur in the training file, sorted."""
    train = files.get("train")
    assert train is not None
    return sorted({row.label for row in read(folder / train) if isinstance(row, TextRow)})
