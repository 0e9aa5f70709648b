"""Reads pretrained vectors from text files, a token and its numbers a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from textrnn.common.files.encoding_hint import conversion_command, likely_encoding
from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError

MIN_INVALID = 10  # so many lines that are not UTF-8 are no accident, if most tokens that are not ASCII are among them
HEAD = re.compile(r"[ \t]*(\d{1,18})[ \t]+(\d{1,18})[ \t]*")
PARAGRAPH = 10_000  # lines after which the encoding is judged


class VectorLines:
    """The tokens and vectors of a text file: `token v1 v2 …`, parted by blanks or tabs.

    A first line of two whole numbers is word2vec's head; the second one is the width. Without a head, the first line
    gives it. Blank lines before it, and a blank before each token, do not count. With a head, a token may consist of
    anything (`iphone 12`); without one its last part may not be a number, unless the token is wanted.
    wanted: vectors of other tokens are not converted. skipped: how many lines of these are damaged, or not UTF-8.
    """

    def __init__(self, path: Path, wanted: Callable[[str], bool]) -> None:
        self.skipped = 0
        self._path, self._wanted = path, wanted
        self._lines = self._not_ascii = self._not_utf8 = self._width = 0
        self._has_head = False
        self._first_damaged = self._sample = b""

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        """The wanted tokens and their vectors, in file order."""
        for number, raw in read_lines(self._path):
            line = self._decode(raw)
            if number % PARAGRAPH == 0:
                self._judge_encoding()
            if line is None:
                continue
            is_first = not (self._width or self._has_head)
            if is_first and not line.strip():
                self.skipped += 1
                continue
            fields = _without_indent(_split(line), self._width)
            if is_first and (head := HEAD.fullmatch(line)):
                self._width, self._has_head = int(head[2]), True
                continue
            where = f"{self._path}, line {number}"
            self._width = self._width or _first_width(fields, where)
            token = self._token(fields)
            if token is None:
                self._skip(raw, fields, where)
            elif self._wanted(token):
                yield token, _parse_vector(fields[-self._width :], where)
        self._judge_encoding()
        self._judge_lines()

    def _decode(self, raw: bytes) -> str | None:
        self._lines += 1
        if raw.isascii():
            return raw.decode("ascii")
        self._not_ascii += 1
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self._not_utf8 += 1
            self.skipped += 1
            self._sample += raw[:100] + b"\n" if len(self._sample) < PARAGRAPH else b""
            return None

    def _token(self, fields: list[str]) -> str | None:
        """The token of a line, or None if the line is damaged."""
        parts, width = len(fields) - self._width, self._width
        if parts == 1:
            return fields[0]
        if parts < 1:
            return None
        token = " ".join(fields[:parts])
        if sum(map(_is_number, fields[1:parts])) >= width:  # two lines are one
            return None
        is_token = self._has_head or not _is_number(fields[parts - 1]) or self._wanted(token)
        return token if is_token else None

    def _skip(self, raw: bytes, fields: list[str], where: str) -> None:
        if self._wanted(fields[0]):
            raise UserError(
                where,
                f"has {len(fields) - 1} numbers instead of {self._width}",
                got=repr(" ".join(fields)[:60]),
                do="every line must have the same width",
            )
        self.skipped += 1
        self._first_damaged = self._first_damaged or raw

    def _judge_encoding(self) -> None:
        """Refuse a file whose tokens are in another encoding; a few damaged ones are none."""
        most = 2 * self._not_utf8 > self._not_ascii
        if most and (self._not_utf8 >= MIN_INVALID or 2 * self._not_utf8 > self._lines):
            got = f"{self._not_utf8} lines that are not, of {self._lines}"
            name = likely_encoding(self._sample)
            convert = f"with `{conversion_command(self._path, name)}`, as it is probably {name}" if name else "to UTF-8"
            raise UserError(self._path, "is not UTF-8", got=got, do=f"convert it {convert}")

    def _judge_lines(self) -> None:
        if not self._width:
            raise UserError(self._path, "the file contains no vectors")
        if 2 * self.skipped > self._lines:
            wrong = f"{self.skipped} of its {self._lines} lines are not a token and {self._width} numbers"
            got = repr(self._first_damaged.decode("utf-8", "replace")[:60])
            raise UserError(self._path, wrong, got=got, do="every line must have the same width")


def _split(line: str) -> list[str]:
    """The fields of a line, parted by blanks and tabs alone, because a token may contain any other space."""
    line = line.rstrip(" \t")
    line = line.replace("\t", " ") if "\t" in line else line
    fields = line.split(" ")
    return [field for field in fields if field] if "  " in line else fields


def _without_indent(fields: list[str], width: int) -> list[str]:
    """The fields without the empty one of a blank at the start of the line, unless it is the token itself.

    width: of the vectors; 0 if this line is to give it.
    """
    if fields[0] or len(fields) == 1:
        return fields
    is_token = len(fields) <= width + 1 if width else all(map(_is_number, fields[1:]))
    return fields if is_token else fields[1:]


def _first_width(fields: list[str], where: str) -> int:
    """How many numbers the first line ends in; what is wrong with it is said when it is parsed."""
    words = next((at for at in range(len(fields) - 1, 0, -1) if not _is_number(fields[at])), 0)
    width = len(fields) - 1 - words or len(fields) - 1
    if width < 1:
        raise UserError(where, "is not a token followed by numbers", got=repr(" ".join(fields)[:60]))
    return width


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _parse_vector(fields: list[str], where: str) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # a number that is too large becomes infinite, and is refused below
            vector = np.array(fields, dtype=np.float32)
    except ValueError as error:
        raise UserError(where, "contains a value that is not a number", got=error) from error
    if not np.isfinite(vector).all():
        raise UserError(where, "contains a number that is not finite")
    return vector
