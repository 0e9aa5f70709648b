"""Defines rows, rejected rows and file formats, and reads what the line-based formats have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.common.config.parse import Parse
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
    """Tokens and their BIO tags, from the sentence that starts at line `line` (counted from 1).

    illegal: how many of the file's tags may not follow the one before them.
    """

    line: int
    tokens: list[str]
    tags: list[str]
    illegal: int = 0


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
    labels: a function of the folder and the settings; returns the name of each raw label in the order of label ids.
    describe: what the statistics say of a file, beside its numbers of rows.
    """

    task: Task
    read: Callable[[Path, Parse], Iterator[Row]]
    labels: Callable[[Path, Parse], dict[str, str]]
    describe: Callable[[Path, Parse], dict[str, Any]] = lambda path, settings: {}


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


def labels_of_train(read: Callable[[Path, Parse], Iterator[Row]], folder: Path, settings: Parse) -> list[str]:
    """The raw labels that occur in the training file, sorted."""
    train = settings.files.get("train")
    assert train is not None
    return sorted({row.label for row in read(folder / train, settings) if isinstance(row, TextRow)})
