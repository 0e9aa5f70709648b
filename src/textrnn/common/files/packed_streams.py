"""Reads gz and bz2 files to their end: all streams, one after the other, in chunks of bounded size.

Python's own reader of bz2 ignores everything behind the first stream if it begins no valid one, so that a flipped bit
there loses the rest of the file.
"""

from __future__ import annotations

import bz2
import io
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

READ_BYTES = 1 << 14  # of the file at a time
SHOWN_BYTES = 16  # of what is no stream
TRUNCATED = "Compressed file ended before the end-of-stream marker was reached"  # as Python says


class DamagedStream(Exception):  # noqa: N818  (its reader says which file it is)
    """The file is not a sequence of valid streams."""


class _Decoder(Protocol):
    """What `bz2.BZ2Decompressor` has; it keeps the input that it has not decoded."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


class _GzipDecoder:
    """Decodes one gz stream; zlib compares its length, its checksum and that of its head."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def read_gz(file: io.BufferedReader, chunk_bytes: int) -> Iterator[bytes]:
    """Yield the text of a gz file in chunks of at most `chunk_bytes`; a file of no bytes has none.

    Zeros behind a stream are padding, as tapes and block devices add them; gzip ignores them too. Raises EOFError for a
    file that is truncated, DamagedStream for one that is damaged or has anything else behind a stream.
    """
    if file.peek(1):
        yield from _read_streams(file, chunk_bytes, _GzipDecoder, b"\x1f\x8b", padding=b"\0")


def read_bz2(file: io.BufferedReader, chunk_bytes: int) -> Iterator[bytes]:
    """Yield the text of a bz2 file as `read_gz` does. Zeros behind a stream are no padding: bzip2 warns of them."""
    return _read_streams(file, chunk_bytes, bz2.BZ2Decompressor, b"BZh", padding=b"")


def _read_streams(
    file: io.BufferedReader, chunk_bytes: int, new_decoder: Callable[[], _Decoder], magic: bytes, padding: bytes
) -> Iterator[bytes]:
    decoder = new_decoder()
    data = file.read(READ_BYTES)
    while True:
        try:
            text = decoder.decompress(data, chunk_bytes)
        except (OSError, zlib.error) as error:  # OSError is how bz2 says so
            raise DamagedStream(error) from error
        if text:
            yield text
        at_end = not data
        data = b""
        if decoder.eof:
            data = _next_stream(file, decoder.unused_data, magic, padding)
            if not data:
                return
            decoder = new_decoder()
        elif decoder.needs_input:
            data = file.read(READ_BYTES)
            if not data and at_end and not text:
                raise EOFError(TRUNCATED)


def _next_stream(file: io.BufferedReader, rest: bytes, magic: bytes, padding: bytes) -> bytes:
    """The first bytes of the stream behind the one that has ended, `rest` and more; none at the end of the file."""
    while not (rest := rest.lstrip(padding) if padding else rest):
        rest = file.read(READ_BYTES)
        if not rest:
            return b""
    if len(rest) < SHOWN_BYTES:
        rest += file.read(READ_BYTES)
    if not rest.startswith(magic[: len(rest)]):
        raise DamagedStream(f"bytes after a complete stream that do not begin another one, {rest[:SHOWN_BYTES]!r}")
    return rest
