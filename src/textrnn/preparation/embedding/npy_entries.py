"""Reads the arrays of an `.npz` file row by row: what is in memory is what the file holds, whatever its heads say."""

from __future__ import annotations

import contextlib
import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np

from textrnn.errors import UserError

BLOCK_BYTES = 1 << 20
MAX_ROW_BYTES = 1 << 24
MAX_EXPANSION = 100  # vectors hardly get smaller by packing; only what is unpacked as a whole is bounded
ARRAYS = ("embeddings", "tokens")
SAVE = "save it again with numpy.savez, without pickle"
# what zipfile and its decompressors raise for a damaged, an encrypted or an unknown kind of archive
DAMAGED = (
    *(ValueError, TypeError, LookupError, SyntaxError, TokenError, RuntimeError, NotImplementedError),
    *(EOFError, OSError, OverflowError, MemoryError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)


class NpyEntry:
    """An array of an archive: what its header says, and its rows."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, name: str) -> None:
        self.path, self.name = path, name
        self._archive, self._info = archive, archive.getinfo(name)
        with archive.open(self._info) as file:
            self.shape, self._is_fortran, self.dtype = _read_head(file)
            if self.dtype.hasobject:
                raise ValueError("it has objects")
        if any(size < 0 for size in self.shape):
            raise ValueError(f"a shape of {self.shape}")

    @property
    def _bytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)

    def blocks(self) -> Iterator[np.ndarray]:
        """The rows of the array in order, some of them at a time.

        Raises UserError for rows that no vectors or tokens have, and if the entry has fewer or more than in its header.
        """
        row_bytes = self.dtype.itemsize * math.prod(self.shape[1:])
        if not 0 < row_bytes <= MAX_ROW_BYTES:
            wrong = f"each row of its array {self.name} must have 1 to {MAX_ROW_BYTES:,} bytes"
            raise UserError(self.path, wrong, got=f"{self.dtype} {self.shape}")
        if self._bytes > self._info.file_size:
            raise self._other_length("fewer")
        with self._archive.open(self._info) as file:
            _read_head(file)
            if self._is_fortran and len(self.shape) > 1:
                yield from self._read_columns(file)
            else:
                yield from self._read_rows(file, row_bytes)
            if file.read(1):
                raise self._other_length("more")

    def _read_rows(self, file: IO[bytes], row_bytes: int) -> Iterator[np.ndarray]:
        left, most = self.shape[0], max(1, BLOCK_BYTES // row_bytes)
        while left:
            rows = min(left, most)
            content = file.read(rows * row_bytes)
            if len(content) != rows * row_bytes:
                raise self._other_length("fewer")
            yield np.frombuffer(content, self.dtype).reshape(rows, *self.shape[1:])
            left -= rows

    def _read_columns(self, file: IO[bytes]) -> Iterator[np.ndarray]:
        """The whole array at once: its first row ends where the last one does."""
        content, left = bytearray(), self._bytes
        if left > MAX_EXPANSION * self._info.compress_size + BLOCK_BYTES:
            wrong = f"its array {self.name} would fill {left:,} bytes of memory, as it is stored by columns"
            raise UserError(self.path, wrong, do="save numpy.ascontiguousarray of it")
        while left:
            chunk = file.read(min(left, BLOCK_BYTES))
            if not chunk:
                raise self._other_length("fewer")
            content += chunk
            left -= len(chunk)
        yield np.frombuffer(content, self.dtype).reshape(self.shape, order="F")

    def _other_length(self, than: str) -> UserError:
        wrong = f"its array {self.name} has {than} values than its header says"
        return UserError(self.path, wrong, got=f"{self.dtype} {self.shape}", do="fetch it again")


@contextlib.contextmanager
def open_entries(path: Path) -> Iterator[dict[str, NpyEntry | None]]:
    """The arrays `embeddings` and `tokens` of an archive by name, and None for each other entry.

    Raises UserError for what is no archive, and for what is wrong with it while it is read.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="correct data.vectors, or the recipe's vectors")
    try:
        if not zipfile.is_zipfile(path):
            raise UserError(path, "is not an .npz file, or is truncated")
        with zipfile.ZipFile(path) as archive:
            files = {name.removesuffix(".npy"): name for name in archive.namelist()}
            yield {key: NpyEntry(path, archive, name) if key in ARRAYS else None for key, name in files.items()}
    except DAMAGED as error:
        got = str(error) or type(error).__name__
        raise UserError(path, "is not an .npz of plain arrays", got=got, do=SAVE) from error


def _read_head(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """The shape, whether columns come first, and the type; the file is then at the first value."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the format")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)
