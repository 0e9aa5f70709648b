"""Plain, gz and bz2 files line by line."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from textrnn.errors import UserError


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Line numbers (from 1) and lines without their end, split at newlines alone, of a plain, .gz or .bz2 file.

    Raises UserError when the file is missing, unreadable, empty, truncated or not of its kind.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="put it there, or correct the params that name it")
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
