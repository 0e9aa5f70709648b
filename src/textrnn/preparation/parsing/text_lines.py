"""Reads the lines of a text file as texts; a line with bytes that are not of its encoding is a reject."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Iterator
from pathlib import Path

from textrnn.common.files.lines import read_lines
from textrnn.preparation.parsing.rows import Reject


def read_text_lines(path: Path, encoding: str | None = None) -> Iterator[tuple[int, str | Reject]]:
    """Yield the number of each line, from 1, and its text without its end, or a reject if it is no text.

    encoding: null takes the one of the byte order mark, UTF-8 without one. Raises UserError as `read_lines` does.
    """
    for number, line in read_lines(path, encoding):
        try:
            yield number, line.decode()
        except UnicodeDecodeError as error:
            yield number, _undecodable(number, line, encoding, error.start)


def decode_utf8(number: int, line: bytes, encoding: str | None = None) -> str | Reject:
    """The line decoded as UTF-8, or a reject that shows the bytes around the first invalid one.

    encoding: that of the file, whose bytes `read_lines` has turned into UTF-8.
    """
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        return _undecodable(number, line, encoding, error.start)


def _undecodable(number: int, line: bytes, encoding: str | None, start: int) -> Reject:
    around: object = line[max(0, start - 8) : start + 8]
    name = "UTF-8"
    if encoding is not None and codecs.lookup(encoding).name != "utf-8":
        # the bytes of the file were turned into these, unless its byte order mark says UTF-8
        with contextlib.suppress(UnicodeDecodeError):
            around, name = line.decode("utf-8", "surrogatepass")[:20], encoding
    return Reject(number, f"bytes that are not {name}", repr(around))
