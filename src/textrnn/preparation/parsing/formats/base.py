"""What a row and a rejected row of a raw file are, and what a format is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from textrnn.common.config.types import Task
from textrnn.common.files.lines import read_lines


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


def read_text_rows(path: Path, read_line: Callable[[int, str], TextRow | Reject]) -> Iterator[Row]:
    """A row a line, by `read_line` from its number and text; an empty text or label is a reject in every format."""
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
