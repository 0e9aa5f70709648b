"""Reads plain, gz and bz2 files line by line, in any encoding."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from textrnn.common.files.bzip2 import MalformedStream, read_blocks
from textrnn.common.files.packed_streams import DamagedStream, read_bz2, read_gz
from textrnn.common.files.text_encoding import UTF8_MARK, utf8_chunks
from textrnn.errors import ResumableError, UserError
from textrnn.stage import worker_count

CHUNK_BYTES = 1 << 20
# Of a line in UTF-8, without its end: 16 MiB are three times the Bible. A file that is packed may expand to a line of
# any length; with this limit, what holds some lines of it has bounded memory.
MAX_LINE_BYTES = 1 << 24
SHOWN_BYTES = 20  # of a line that is too long

_positions: dict[Path, int] = {}  # of the files that are being read: bytes read so far, before decompression


class LongLine(Exception):  # noqa: N818  (its reader says which file and which line)
    """A line is longer than MAX_LINE_BYTES; `start` are its first bytes."""

    def __init__(self, start: bytes) -> None:
        super().__init__()
        self.start = start

    def in_file(self, where: str | Path, number: int) -> UserError:
        """The error of line `number`, from 1, of a file."""
        if number == 1 and b"\r" in self.start and isinstance(where, Path):
            return _no_newlines(where)
        limit = f"{MAX_LINE_BYTES >> 20} MiB" if MAX_LINE_BYTES >= 1 << 20 else f"{MAX_LINE_BYTES} bytes"
        wrong = f"is longer than {limit}, the most that a line may have"
        do = "correct the line ends of the file, or split the text"
        return UserError(f"{where}, line {number}", wrong, got=f"{self.start[:SHOWN_BYTES]!r}…", do=do)


def compression(path: Path) -> str:
    """`gz` or `bz2` if the name ends so, in small or capital letters; else an empty string."""
    suffix = path.suffix.lower().removeprefix(".")
    return suffix if suffix in ("gz", "bz2") else ""


def read_lines(path: Path, encoding: str | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield line numbers, from 1, and lines without line ends of a plain, .gz or .bz2 file; only newlines end a line.

    The lines are UTF-8 whatever the encoding of the file is; bytes that are not of that encoding are not UTF-8 either.
    A byte order mark at the beginning of a line is removed: of the first line, and of others where files were put
    together. One that a blank follows is kept: it may be a token.

    bz2 is decoded by TEXTRNN_WORKERS threads, gz by one. On two cores Python's gz reader (240 MB/s of text) is as fast
    as the one parallel library, rapidgzip 0.16, and needs 11 MB of memory instead of 400. rapidgzip also reads a
    truncated file as an empty one and ignores a wrong length.
    encoding: as in `utf8_chunks`.
    Memory: some chunks of CHUNK_BYTES and the longest line, whatever a packed file expands to.
    Raises UserError if the file is missing, unreadable, empty, truncated, damaged anywhere, or of another format, and
    for a line of more than MAX_LINE_BYTES. In a damaged file, the number of lines yielded before the error may depend
    on the number of threads; the error does not.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="put it there, or correct the params that name it")
    number, line = 0, b""
    with _errors_of(path):
        try:
            for number, line in enumerate(split_lines(utf8_chunks(_read_chunks(path), path, encoding)), start=1):
                yield number, line
        except LongLine as long:
            raise long.in_file(path, number + 1) from None
    if number == 1 and b"\r" in line:
        raise _no_newlines(path)
    if not number:
        raise UserError(path, "the file is empty", do="fetch it again")


def _no_newlines(path: Path) -> UserError:
    do = f"convert it with `tr '\\r' '\\n' < {path.name}`"
    return UserError(path, "has a single line: its lines end with a carriage return alone", do=do)


def read_bytes(path: Path) -> Iterator[bytes]:
    """Yield the content of a file, unpacked, in chunks. Raises UserError as `read_lines`, but for an empty file."""
    if not path.is_file():
        raise UserError(path, "no such file", do="put it there, or correct the params that name it")
    with _errors_of(path):
        yield from _read_chunks(path)


def read_start(path: Path, length: int) -> bytes:
    """The first bytes of a file, unpacked: `length` of them, or some more."""
    start = b""
    for chunk in read_bytes(path):
        start += chunk
        if len(start) >= length:
            break
    return start


@contextlib.contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Raise UserError for what goes wrong while a file is read; at the end nothing is being read."""
    try:
        yield
    except (EOFError, DamagedStream) as error:
        is_bz2 = compression(path) == "bz2" and isinstance(error, DamagedStream)
        wrong = "is not a bz2 file or is damaged" if is_bz2 else "the compressed file is truncated or damaged"
        raise UserError(path, wrong, got=error, do="fetch it again") from error
    except OSError as error:
        raise ResumableError(path, "cannot be read", got=error) from error
    finally:
        _positions.pop(path, None)


def fraction_read(path: Path) -> float:
    """The fraction, from 0 to 1, of a file that `read_lines` has read so far; 0 for a file that it is not reading."""
    return _positions[path] / path.stat().st_size if path in _positions else 0.0


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a text in UTF-8 as `read_lines` does. Raises LongLine."""
    partial: list[bytes] = []  # the parts read so far of a line whose end has not been read
    length = 0  # of these
    for chunk in chunks:
        lines = chunk.split(b"\n")
        partial.append(lines[0])
        length += len(lines[0])
        if length > MAX_LINE_BYTES:
            raise LongLine(b"".join(partial))
        if len(lines) > 1:
            lines[0] = b"".join(partial)
            partial = [lines.pop()]
            length = len(partial[0])
            # most chunks have neither, and lines need not be looked at one by one
            if b"\r" in chunk or lines[0].endswith(b"\r"):
                lines = [line.removesuffix(b"\r") for line in lines]
            if UTF8_MARK in chunk or lines[0].startswith(UTF8_MARK):
                lines = [_without_marks(line) for line in lines]
            yield from lines
    if last := b"".join(partial):
        yield _without_marks(last.removesuffix(b"\r"))


def _without_marks(line: bytes) -> bytes:
    """The line without byte order marks in front of it, except one that is a token by itself."""
    while line.startswith(UTF8_MARK) and line[3:4] not in (b"\t", b" "):
        line = line[3:]
    return line


def _read_chunks(path: Path) -> Iterator[bytes]:
    """Yield the file's text in chunks and record the position in the file at each."""
    packed = compression(path)
    with path.open("rb") as file:
        if packed == "bz2":
            yield from _read_bz2(path, file)
            return
        chunks = read_gz(file, CHUNK_BYTES) if packed else iter(lambda: file.read(CHUNK_BYTES), b"")
        for chunk in chunks:
            _positions[path] = file.tell()
            yield chunk


def _read_bz2(path: Path, file: io.BufferedReader) -> Iterator[bytes]:
    bytes_read = 0
    threads = worker_count()
    if threads > 1:
        with contextlib.suppress(MalformedStream):
            for text, _positions[path] in read_blocks(file.fileno(), threads):
                yield text
                bytes_read += len(text)
            return
    # one thread, or a malformed stream, whose error is found here
    for text in read_bz2(file, CHUNK_BYTES):
        _positions[path] = file.tell()
        skipped = min(bytes_read, len(text))
        bytes_read -= skipped
        if skipped < len(text):
            yield text[skipped:]
