"""Defines rows, rejected rows and file formats, and reads what the line-based formats have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from textrnn.common.config.types import Task
from textrnn.common.files.lines import read_lines
from textrnn.errors import shorten


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text and its raw label, from line `line` (counted from 1)."""

    line: int
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class TagRow:
    """Tokens and their raw BIO tags, from the sentence that starts at line `line` (counted from 1)."""

    line: int
    tokens: list[str]
    tags: list[str]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be used: the reason it is counted under, and the offending content."""

    line: int
    reason: str
    got: str


Row = TextRow | TagRow | Reject


@dataclass(frozen=True)
class FileFormat:
    """A published format: the task it is for, how its rows are read, and where the label names come from.

    read: yields every row of a file, rejects included.
    labels: a function of the folder, the files by role and the param `classes`; returns the name of each raw label in
    the order of label ids.
    """

    task: Task
    read: Callable[[Path], Iterator[Row]]
    labels: Callable[[Path, Mapping[str, str | None], Mapping[str, str] | None], dict[str, str]]


def read_text_rows(path: Path, read_line: Callable[[int, str], TextRow | Reject]) -> Iterator[Row]:
    """One row per line, as `read_line` reads it from its number and text.

    In every format an empty text or an empty label is a reject.
    """
    for number, line in read_lines(path):
        text = decode_utf8(number, line)
        if isinstance(text, Reject):
            yield text
            continue
        row = read_line(number, text)
        if isinstance(row, TextRow) and not (row.text.strip() and row.label):
            row = Reject(number, "empty label" if row.text.strip() else "empty text", shorten(text))
        yield row


def decode_utf8(number: int, line: bytes) -> str | Reject:
    """The line decoded as UTF-8, or a reject that shows the bytes around the first invalid one."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        return Reject(number, "bytes that are not UTF-8", repr(line[max(0, error.start - 8) : error.start + 8]))


def labels_of_train(read: Callable[[Path], Iterator[Row]], folder: Path, files: Mapping[str, str | None]) -> list[str]:
    """The raw labels that occur in the training file, sorted."""
    train = files.get("train")
    assert train is not None
    return sorted({row.label for row in read(folder / train) if isinstance(row, TextRow)})
