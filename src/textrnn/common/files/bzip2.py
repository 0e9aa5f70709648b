"""bz2 files decoded by several threads, a block a task, for files that are sound; what is not is left to Python.

A bz2 stream is a row of blocks that do not depend on each other, each behind a mark of 48 bits that may start at any
bit. Wrapped as a stream of its own, a block goes through the standard library's decoder, which runs without the
interpreter's lock. The one library that decodes blocks in parallel was measured and not taken: rapidgzip 0.16 is as
fast (69 MB/s of text on two cores, this module 61, Python's reader 32), but does not compare a stream's checksum, and
leaves out a block with a damaged mark, or takes a truncated file for an empty one, without an error.
"""

from __future__ import annotations

import bz2
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

BLOCK, END = 0x314159265359, 0x177245385090  # what a block, and the end of a stream, start with
WINDOW = 1 << 20
# Python takes what follows the first stream for garbage, to be passed over, if its first 8 KiB (128 in Python 3.14)
# are faulty: blocks from there are decoded as one task, so that none is yielded before the others are known to be sound
TRIAL_BITS = 8 * (128 << 10)


class MalformedStream(Exception):  # noqa: N818  (no error yet: Python's own reader says whether it is one)
    """The file is not a row of sound streams from its first byte to its last."""


@dataclass(frozen=True)
class Block:
    """The bits from one mark to the next, and the digit of its stream's header: blocks of up to 100,000 times that."""

    start: int
    end: int
    level: bytes


def read_blocks(file: int, threads: int) -> Iterator[tuple[bytes, int]]:
    """The text of a bz2 file, some blocks at a time, each piece with the byte of the file that it ends in.

    file: descriptor. Memory: two pieces a thread, of up to 900 kB each in an ordinary file.
    Raises Irregular at the first thing that is not as in a sound file; what was yielded before is right.
    """
    waiting: deque[tuple[Future[bytes], int]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for blocks in _find_blocks(file):
                waiting.append((pool.submit(_decode, file, blocks), blocks[-1].end // 8))
                if len(waiting) > 2 * threads:
                    decoded, end = waiting.popleft()
                    yield decoded.result(), end
            while waiting:
                decoded, end = waiting.popleft()
                yield decoded.result(), end
        finally:
            for decoded, _ in waiting:
                decoded.cancel()


def _decode(file: int, blocks: list[Block]) -> bytes:
    return b"".join(_decode_block(file, block) for block in blocks)


def _decode_block(file: int, block: Block) -> bytes:
    length = block.end - block.start
    if length < 80:
        raise MalformedStream
    bits = _read_bits(file, block.start, length)
    checksum = bits >> (length - 80) & 0xFFFFFFFF  # of the block, and so of a stream that is this block alone
    stream = (bits << 80 | END << 32 | checksum) << (-length % 8)
    decoder = bz2.BZ2Decompressor()
    try:
        text = decoder.decompress(b"BZh" + block.level + stream.to_bytes((length + 87) // 8, "big"))
    except OSError as error:
        raise MalformedStream from error
    if not decoder.eof or decoder.unused_data:
        raise MalformedStream
    return text


def _find_blocks(file: int) -> Iterator[list[Block]]:
    """The file's blocks in groups to be decoded together; each stream's checksum is compared with its blocks'."""
    marks = _find_marks(file)
    size = os.fstat(file).st_size
    if not size:
        raise MalformedStream
    stream = 0
    while stream < size:
        header = os.pread(file, 4, stream)
        start, at_end = next(marks, (-1, True))
        if header[:3] != b"BZh" or header[3:] not in (b"%d" % level for level in range(1, 10)):
            raise MalformedStream
        if start != 8 * stream + 32:
            raise MalformedStream
        group: list[Block] = []
        combined = 0
        while not at_end:
            block_end, at_end = next(marks, (-1, True))
            if block_end < 0:
                raise MalformedStream
            group.append(Block(start, block_end, header[3:]))
            combined = (combined << 1 | combined >> 31) & 0xFFFFFFFF ^ _read_bits(file, start + 48, 32)
            if stream == 0 or block_end > 8 * stream + TRIAL_BITS:
                yield group
                group = []
            start = block_end
        if combined != _read_bits(file, start + 48, 32):
            raise MalformedStream
        if group:
            yield group
        stream = (start + 80 + 7) // 8


def _read_bits(file: int, start: int, length: int) -> int:
    first, last = start // 8, (start + length + 7) // 8
    data = os.pread(file, last - first, first)
    if len(data) < last - first:
        raise MalformedStream
    return int.from_bytes(data, "big") >> (8 * last - start - length) & ((1 << length) - 1)


def _shifts() -> np.ndarray:
    """(65536,) uint8: by the first two whole bytes of a mark, 1 + how many bits before them it starts; 0 for others."""
    shifts = np.zeros(1 << 16, dtype=np.uint8)
    for mark in (BLOCK, END):
        for shift in range(8):
            shifts[mark >> (32 - shift) & 0xFFFF] = 1 + shift
    return shifts


SHIFTS = _shifts()


def _find_marks(file: int) -> Iterator[tuple[int, bool]]:
    """Bits at which a mark starts, in order, and whether it is that of an end.

    A block's own bits look like a mark about once in 100 TB; a block that is cut there does not decode.
    """
    offset, data = 0, b""
    while window := os.pread(file, WINDOW, offset + len(data)):
        data += window
        if len(data) < 7:
            continue
        bytes_ = np.frombuffer(data, dtype=np.uint8).astype(np.uint16)
        shifts = SHIFTS[bytes_[:-1] << 8 | bytes_[1:]]
        for at in (1 + np.flatnonzero(shifts[1 : len(data) - 5])).tolist():
            shift = int(shifts[at]) - 1
            mark = int.from_bytes(data[at - 1 : at + 6], "big") >> shift & 0xFFFFFFFFFFFF
            if mark in (BLOCK, END):
                yield 8 * (offset + at) - shift, mark == END
        offset, data = offset + len(data) - 6, data[-6:]
