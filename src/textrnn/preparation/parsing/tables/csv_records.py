"""Reads CSV records as RFC 4180 has them: quoted fields may have line ends, delimiters and doubled quotes.

The csv module of Python splits the records. This module feeds it with lines, so that it knows where a record begins,
and gets it going again after one that is malformed.
"""

from __future__ import annotations

import csv
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from textrnn.common.files.lines import MAX_LINE_BYTES
from textrnn.preparation.parsing.rows import Blank, Reject

# a quote that is open for longer is taken for a stray one
LONGEST_RECORD = MAX_LINE_BYTES  # characters
MOST_LINES = 1 << 20  # of a record: empty lines need memory too


@dataclass(slots=True)
class Record:
    """The fields of a record, the number of its first line, and this line as it is in the file."""

    line: int
    cells: list[str]
    text: str


@dataclass(slots=True)
class Malformed:
    """A line of a record that is not valid CSV, as it is in the file, and what is wrong."""

    line: int
    text: str
    error: str


class _Unclosed(Exception):  # noqa: N818  (it never leaves this module)
    """A record has got too long for its quotes to be real, or is known to be none."""


class _Lines:
    """The lines of a file for csv.reader, which can be put back; `taken` are those of the current record."""

    def __init__(self, lines: Iterator[tuple[int, str | Reject]]) -> None:
        self._lines = lines
        self._returned: deque[tuple[int, str | Reject]] = deque()
        self._length = 0
        self.stray_until = 0  # the last line that was read behind a stray quote
        self.taken: list[tuple[int, str]] = []
        self.invalid: dict[int, Reject] = {}  # by number, those of the current record that are no text

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        number, line = self._returned.popleft() if self._returned else next(self._lines)
        if not isinstance(line, str):
            self.invalid[number] = line
            line = ""
        if self.taken:
            self._length += len(line)
            too_long = self._length > LONGEST_RECORD or len(self.taken) >= MOST_LINES
            if too_long or number <= self.stray_until:
                self.taken.append((number, line))
                raise _Unclosed
        self.taken.append((number, line))
        return line + "\n"

    def begin(self) -> None:
        """A new record begins with the next line."""
        self.taken, self.invalid, self._length = [], {}, 0

    def put_back(self, kept: int) -> None:
        """Put back all lines of the current record but the first `kept`.

        Where that is the first line alone, its quote was a stray one. Lines behind another stray quote among them would
        be read to the same end: they are not read again, or the time would be quadratic.
        """
        if kept == 1:
            self.stray_until = max(self.stray_until, self.taken[-1][0])
        lines = [(number, self.invalid.get(number, line)) for number, line in self.taken[kept:]]
        self._returned.extendleft(reversed(lines))
        del self.taken[kept:]


def read_records(
    lines: Iterator[tuple[int, str | Reject]], delimiter: str = ",", *, skip_blanks: bool = False
) -> Iterator[Record | Malformed | Reject | Blank]:
    """Yield the records of a file. A line that is not of its encoding makes its whole record a reject.

    skip_blanks: whether blanks after a delimiter are left out.
    The lines before the one that shows that quotes are wrong are each malformed, as nobody knows where the records end.
    A quote that is never closed makes its own line malformed, and reading goes on with the next one. In files with tabs
    many writers know no quotes: there a line that is no valid CSV is split at its tabs, and so is one of a record of
    several lines that each have as many tabs as the first record.
    """
    csv.field_size_limit(sys.maxsize)  # of the whole process; nothing here wants a limit
    feed = _Lines(lines)
    reader = csv.reader(feed, delimiter=delimiter, strict=True, skipinitialspace=skip_blanks)
    tabs = 0  # of the first record
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _Unclosed) as error:
            yield from _recover(feed, delimiter, error)
            continue
        number, text = feed.taken[0]
        tabs = tabs or (len(cells) - 1 if delimiter == "\t" else 0)
        if feed.invalid:
            yield next(iter(feed.invalid.values()))
        elif tabs and len(feed.taken) > 1 and all(line.count("\t") == tabs for _, line in feed.taken if line):
            feed.put_back(1)
            yield Record(number, text.split("\t"), text)
        elif cells:
            yield Record(number, cells, text)
        else:
            yield Blank(number)


def _recover(feed: _Lines, delimiter: str, error: Exception) -> Iterator[Record | Malformed | Reject]:
    unclosed = isinstance(error, _Unclosed) or "unexpected end of data" in str(error)
    feed.put_back(1 if unclosed or delimiter == "\t" else max(1, len(feed.taken) - 1))
    for number, text in feed.taken:
        if number in feed.invalid:
            yield feed.invalid[number]
        elif delimiter == "\t":
            yield Record(number, text.split("\t"), text)
        else:
            yield Malformed(number, text, "a quote is not closed" if unclosed else _describe(error, delimiter))


def _describe(error: Exception, delimiter: str) -> str:
    """What is wrong with a record, without the advice that Python has for programmers."""
    if "new-line character" in str(error):
        return "a carriage return within a field without quotes"
    if str(error).endswith(" expected after '\"'"):
        return f"between a closing quote and the next {delimiter!r} is another character"
    return str(error)
