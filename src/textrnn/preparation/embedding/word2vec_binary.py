"""Reads pretrained vectors from word2vec's binary files: a head, then each token, a blank, and its float32 values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from textrnn.common.files.lines import read_bytes
from textrnn.errors import UserError

HEAD = re.compile(rb"(\d{1,12}) (\d{1,6})[ \r]*\n")
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
NUMBER = re.compile(rb"[-+.\dainfNAIe]+")
MAX_TOKEN_BYTES = 4096
VALUE = np.dtype("<f4")
FETCH_AGAIN = "fetch it again, or correct the number and the width in its header"


def is_binary(start: bytes) -> bool:
    """Whether the first bytes of a file are a head and values that are no text."""
    head = HEAD.match(start)
    if head is None:
        return False
    body = start[head.end() :]
    if _is_text_line(body.lstrip(b"\r\n"), width=int(head[2])):  # its token may have control characters
        return False
    field = body.partition(b" ")[2][:8].split(b" ")[0]
    return CONTROL.search(body) is not None or (NUMBER.fullmatch(field) is None and not _is_utf8(field))


def _is_text_line(body: bytes, width: int) -> bool:
    """Whether the first line has as many numbers as a vector, or is cut and has a token and numbers."""
    line, end, _ = body.partition(b"\n")
    fields = line.split()[1:] if end else line.split()[1:-1]
    numbers = sum(NUMBER.fullmatch(field) is not None for field in fields)
    return numbers >= max(width, 1) if end else 2 * numbers > len(fields)


def _is_utf8(field: bytes) -> bool:
    try:
        field.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def read_binary(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, np.ndarray]]:
    """The wanted tokens and their vectors, in file order. Memory stays at a few vectors.

    Raises UserError for a file that ends before the number of vectors in its head or goes on after them, or has tokens
    that are mostly no text, and for values of wanted tokens that are not finite. A token that is not UTF-8 is not
    wanted.
    """
    reader = _Reader(path)
    head = HEAD.fullmatch(reader.take_line())
    assert head is not None
    number, width = int(head[1]), int(head[2])
    if not width:
        raise UserError(path, "the file contains no vectors", got=f"a width of {width} in its header")
    odd = 0  # tokens that are no text
    for row in range(1, number + 1):
        name = reader.take_token(row)
        odd += CONTROL.search(name) is not None or not _is_utf8(name)
        token = name.decode("utf-8", "surrogateescape")
        values = np.frombuffer(reader.take(width * VALUE.itemsize, f"vector {row} of {number}"), VALUE)
        if not wanted(token):
            continue
        if not np.isfinite(values).all():
            raise UserError(f"{path}, vector {row}", "contains a number that is not finite", got=token)
        yield token, values.astype(np.float32)
    if 2 * odd > number:
        wrong = f"{odd} of its {number} tokens are not valid UTF-8"
        raise UserError(path, wrong, do=f"save it in UTF-8 with {width} values of float32 a vector, as its header says")
    if left := reader.take_rest():
        wrong = f"goes on after the {number} vectors of {width} values of float32 that its header says"
        raise UserError(path, wrong, got=repr(left), do="correct its header, or save the vectors again")


class _Reader:
    """Takes bytes from the start of what is left of a file."""

    def __init__(self, path: Path) -> None:
        self._path, self._chunks, self._bytes, self._at = path, read_bytes(path), b"", 0

    def _fill(self) -> bool:
        chunk = next(self._chunks, b"")
        self._bytes, self._at = self._bytes[self._at :] + chunk, 0
        return bool(chunk)

    def take(self, number: int, what: str) -> bytes:
        while len(self._bytes) - self._at < number:
            if not self._fill():
                raise UserError(self._path, "is truncated", got=f"the end of the file in {what}", do=FETCH_AGAIN)
        self._at += number
        return self._bytes[self._at - number : self._at]

    def take_line(self) -> bytes:
        while (end := self._bytes.find(b"\n", self._at)) < 0 and self._fill():
            pass
        return self.take(end + 1 - self._at, "its head")

    def take_token(self, row: int) -> bytes:
        """What stands in front of the next blank; some writers begin each vector in a new line."""
        while (end := self._bytes.find(b" ", self._at)) < 0:
            if len(self._bytes) - self._at > MAX_TOKEN_BYTES or not self._fill():
                break
        if end < 0 or end - self._at > MAX_TOKEN_BYTES:
            do = "check the width in its header, or fetch it again"
            raise UserError(self._path, f"has no token in front of vector {row}", do=do)
        return self.take(end + 1 - self._at, f"token {row}")[:-1].lstrip(b"\n")

    def take_rest(self) -> bytes:
        """The next bytes that are no line ends; none at the end of the file."""
        while not (rest := self._bytes[self._at :].lstrip(b"\r\n")) and self._fill():
            pass
        return rest[:20]
