"""Decodes valid bz2 files with several threads, one task per block; malformed files are left to `packed_streams`.

A bz2 stream is a sequence of independent blocks. Each begins with a marker of 48 bits, which may start at any bit.
Wrapped as a stream of its own, a block is decoded by the standard library, which releases the interpreter's lock.
One library decodes blocks in parallel, rapidgzip 0.16. It is as fast (69 MB/s of text on two cores; this module 61,
one thread 32) but was rejected: it does not verify a stream's checksum, skips a block with a damaged marker and
reads a truncated file as an empty one, all without an error.
"""

from __future__ import annotations

import bz2
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

BLOCK, END = 0x314159265359, 0x177245385090  # the markers of a block and of the end of a stream
WINDOW = 1 << 20  # bytes read at a time
# Of a block that is kept until its turn. Ordinary text has at most 900 kB in a block, runs of one byte up to 46 MB.
TEXT_BYTES = 1 << 21
MAX_BLOCK_BITS = 8 * (4 << 20)  # a block has at most 900,000 symbols of 20 bits, and the tables of their codes


class MalformedStream(Exception):  # noqa: N818  (not yet an error: `packed_streams` decides whether it is one)
    """The file is not a sequence of valid streams from its first byte to its last."""


@dataclass(frozen=True)
class Block:
    """A block's bits, from its marker to the next one.

    level: the digit in its stream's header; a block has at most 100,000 times that many bytes of text.
    """

    start: int
    end: int
    level: bytes


def read_blocks(file: int, threads: int) -> Iterator[tuple[bytes, int]]:
    """Yield the text of a bz2 file in chunks of at most TEXT_BYTES, each with the byte of the file in which it ends.

    file: a descriptor. Memory: two blocks per thread, as text of at most TEXT_BYTES each.
    Raises MalformedStream at the first deviation from a valid file; what was yielded before is correct.
    """
    pending: deque[tuple[Future[Iterable[bytes]], int]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for block in _find_blocks(file):
                pending.append((pool.submit(_decode, file, block), block.end // 8))
                if len(pending) > 2 * threads:
                    yield from _take_first(pending)
            while pending:
                yield from _take_first(pending)
        finally:
            for future, _ in pending:
                future.cancel()


def _take_first(pending: deque[tuple[Future[Iterable[bytes]], int]]) -> Iterator[tuple[bytes, int]]:
    future, end = pending.popleft()
    for text in future.result():
        yield text, end


def _decode(file: int, block: Block) -> Iterable[bytes]:
    """The text of a block, known to be valid. One that is long is decoded again, chunk by chunk, when it is taken."""
    stream = _as_stream(file, block)
    first, *others = islice(_chunks(stream), 2)
    if not others:
        return (first,)
    for _ in _chunks(stream):  # to its checksum
        pass
    return _chunks(stream)


def _as_stream(file: int, block: Block) -> bytes:
    """The bytes of a stream with this block alone."""
    length = block.end - block.start
    if not 80 <= length <= MAX_BLOCK_BITS:
        raise MalformedStream
    bits = _read_bits(file, block.start, length)
    checksum = bits >> (length - 80) & 0xFFFFFFFF  # of the block, and therefore of a stream with this block only
    stream = (bits << 80 | END << 32 | checksum) << (-length % 8)
    return b"BZh" + block.level + stream.to_bytes((length + 87) // 8, "big")


def _chunks(stream: bytes) -> Iterator[bytes]:
    """Yield the text of a stream of one block, which may be empty; raises MalformedStream unless it ends with it."""
    decoder = bz2.BZ2Decompressor()
    try:
        yield decoder.decompress(stream, TEXT_BYTES)
        while not decoder.eof:
            text = decoder.decompress(b"", TEXT_BYTES)
            if text:
                yield text
            elif not decoder.eof:
                raise MalformedStream
    except OSError as error:
        raise MalformedStream from error
    if decoder.unused_data:
        raise MalformedStream


def _find_blocks(file: int) -> Iterator[Block]:
    """Yield the blocks in order; each stream's checksum is verified against those of its blocks."""
    markers = _find_markers(file)
    size = os.fstat(file).st_size
    if not size:
        raise MalformedStream
    stream = 0
    while stream < size:
        header = os.pread(file, 4, stream)
        start, at_end = next(markers, (-1, True))
        if header[:3] != b"BZh" or header[3:] not in (b"%d" % level for level in range(1, 10)):
            raise MalformedStream
        if start != 8 * stream + 32:
            raise MalformedStream
        combined = 0
        while not at_end:
            block_end, at_end = next(markers, (-1, True))
            if block_end < 0:
                raise MalformedStream
            yield Block(start, block_end, header[3:])
            combined = (combined << 1 | combined >> 31) & 0xFFFFFFFF ^ _read_bits(file, start + 48, 32)
            start = block_end
        if combined != _read_bits(file, start + 48, 32):
            raise MalformedStream
        stream = (start + 80 + 7) // 8


def _read_bits(file: int, start: int, length: int) -> int:
    first, last = start // 8, (start + length + 7) // 8
    data = os.pread(file, last - first, first)
    if len(data) < last - first:
        raise MalformedStream
    return int.from_bytes(data, "big") >> (8 * last - start - length) & ((1 << length) - 1)


def _shifts() -> np.ndarray:
    """(65536,) uint8, indexed by two bytes: 1 + s if they are a marker's first two whole bytes, s bits after its start.

    All other entries are 0.
    """
    shifts = np.zeros(1 << 16, dtype=np.uint8)
    for marker in (BLOCK, END):
        for shift in range(8):
            shifts[marker >> (32 - shift) & 0xFFFF] = 1 + shift
    return shifts


SHIFTS = _shifts()


def _find_markers(file: int) -> Iterator[tuple[int, bool]]:
    """Yield the bit at which each marker starts, in order, and whether it marks the end of a stream.

    The data of a block contains a false marker about once in 100 TB; a block split there fails to decode.
    """
    offset, data = 0, b""
    while window := os.pread(file, WINDOW, offset + len(data)):
        data += window
        if len(data) < 7:
            continue
        bytes_ = np.frombuffer(data, dtype=np.uint8).astype(np.uint16)
        shifts = SHIFTS[bytes_[:-1] << 8 | bytes_[1:]]
        for index in (1 + np.flatnonzero(shifts[1 : len(data) - 5])).tolist():
            shift = int(shifts[index]) - 1
            marker = int.from_bytes(data[index - 1 : index + 6], "big") >> shift & 0xFFFFFFFFFFFF
            if marker in (BLOCK, END):
                yield 8 * (offset + index) - shift, marker == END
        offset, data = offset + len(data) - 6, data[-6:]
