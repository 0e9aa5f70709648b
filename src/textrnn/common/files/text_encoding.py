"""Finds the encoding of a text file by its byte order mark, and turns any encoding into UTF-8."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from textrnn.common.files.archives import is_tar
from textrnn.errors import UserError

UTF8_MARK = codecs.BOM_UTF8
# UTF-32's little-endian mark begins with that of UTF-16, so it comes first
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# the first bytes of files that are no text, whatever their names say
BINARY = {
    b"\x1f\x8b": ("is compressed with gzip, but its name does not end in .gz", "add .gz to its name"),
    **dict.fromkeys(
        (b"BZh%d1AY&SY" % level for level in range(1, 10)),
        ("is compressed with bzip2, but its name does not end in .bz2", "add .bz2 to its name"),
    ),
    b"PK\x03\x04": ("is a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV"),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("is an old Excel workbook", "save the sheet as CSV"),
    b"\xfd7zXZ\x00": ("is compressed with xz", "unpack it"),
    b"\x28\xb5\x2f\xfd": ("is compressed with zstd", "unpack it"),
    b"7z\xbc\xaf\x27\x1c": ("is a 7z archive", "unpack it"),
    b"PAR1": ("is a Parquet file, but its name does not end in .parquet", "name it .parquet, and set format: table"),
}
START_BYTES = 4_096  # enough to tell what a file is
# Not decoded yet: a character has some bytes. UTF-7 has runs of any length, each of which Python decodes whole.
MAX_PENDING_BYTES = 1 << 22
FEWEST_PAIRS = 8  # of bytes, to tell UTF-16
UTF8_NAMES = ("utf-8", "utf-8-sig")
FEWEST_CHARACTERS = 3
# what other encodings are hardly ever read as: a character of three bytes or more, an accented letter in a Latin word
CERTAIN = re.compile("[\u0800-\U0010ffff]|[A-Za-z][\u0080-\u07ff]|[\u0080-\u07ff][A-Za-z]")
# of UTF-16: Latin, Greek, Cyrillic and their signs, kana, Han, Hangul, full width, pairs of surrogates
FREQUENT = re.compile(
    "[\t\r\n -~\u00a0-\u024f\u0370-\u04ff\u2010-\u203f\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff01-\uffef]"
    "|[\U0001f000-\U0002ffff]"
)
ASCII = bytes([9, 10, 13, *range(32, 127)])
INVALID = "textrnn.invalid"  # the name of the error handler that keeps invalid bytes


def _keep_invalid(error: UnicodeError) -> tuple[str, int]:
    """Decode each invalid byte as half of a surrogate pair, which `utf8_chunks` turns into bytes that are not UTF-8."""
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(INVALID, _keep_invalid)


def utf8_chunks(chunks: Iterator[bytes], path: Path, encoding: str | None) -> Iterator[bytes]:
    """The text of a file in UTF-8, without its byte order mark; bytes that are not of its encoding stay not UTF-8.

    encoding: null takes the one that the byte order mark says, UTF-8 without a mark. A mark takes precedence.
    Raises UserError for a file that is no text: an archive, a workbook, or UTF-16 without a mark; and for UTF-8 where
    another encoding is given, as it would be read as other characters. Memory: some chunks, in any encoding.
    """
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= START_BYTES:
            break
    mark = next((mark for mark in MARKS if start.startswith(mark)), b"")
    if not mark:
        _refuse_binary(start, path, encoding)
    name = MARKS.get(mark) or _with_byte_order(encoding or "utf-8", start, path)
    rest = chain([start[len(mark) :]], chunks) if start else chunks
    return rest if codecs.lookup(name).name == "utf-8" else _transcode(rest, name, path)


def _with_byte_order(encoding: str, start: bytes, path: Path) -> str:
    """The encoding; of UTF-16 and UTF-32, whose order of bytes no mark says, the one in which the start is text."""
    name = codecs.lookup(encoding).name
    if name not in ("utf-16", "utf-32"):
        return encoding
    found = utf16_without_mark(start) if name == "utf-16" else _utf32_without_mark(start)
    if found is None and start:
        do = f"set text_encoding: {name}-le or {name}-be"
        raise UserError(path, f"has no byte order mark, and text_encoding is {encoding}", do=do)
    return found or encoding


def _utf32_without_mark(start: bytes) -> str | None:
    whole = start[: len(start) // 4 * 4]
    for name in ("utf-32-le", "utf-32-be"):
        with contextlib.suppress(UnicodeDecodeError):
            whole.decode(name)
            return name
    return None


def _transcode(chunks: Iterator[bytes], encoding: str, path: Path) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(INVALID)
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
        if len(decoder.getstate()[0]) > MAX_PENDING_BYTES:
            raise UserError(path, f"has {MAX_PENDING_BYTES >> 20} MiB that form no complete character in {encoding}")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _refuse_binary(start: bytes, path: Path, encoding: str | None) -> None:
    if is_tar(path, start):
        raise UserError(path, "is a tar archive", do="unpack it, and name the file of text in it")
    for magic, (wrong, do) in BINARY.items():
        if start.startswith(magic):
            raise UserError(path, wrong, do=do)
    name = utf16_without_mark(start)
    if name and encoding is None:
        raise UserError(path, f"looks like {name} without a byte order mark", do=f"set text_encoding: {name}")
    if encoding is not None and codecs.lookup(encoding).name not in UTF8_NAMES and _is_utf8(start):
        do = "set text_encoding: null, and convert the corpus's files that are not UTF-8"
        raise UserError(path, f"is UTF-8, and text_encoding is {encoding}", do=do)


def _is_utf8(start: bytes) -> bool:
    """Whether the bytes have characters that only UTF-8 writes so; bytes of 0 are of UTF-16 or UTF-32."""
    return b"\0" not in start and _has_utf8_characters(start)


def _has_utf8_characters(start: bytes, least: int = 1) -> bool:
    """Whether the bytes are UTF-8 with characters beyond ASCII that are no chance, at least so many.

    Fewer than FEWEST_CHARACTERS may be chance, unless one has three bytes or more, or touches a Latin letter.
    """
    text = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        decoded = text.decode(start)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    count = sum(not character.isascii() for character in decoded)
    return count >= least and (count >= FEWEST_CHARACTERS or bool(CERTAIN.search(decoded)))


def utf16_without_mark(start: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` if the bytes are frequent characters in it; null for text of other encodings.

    Bytes of 0 show UTF-16, which has them in ASCII characters, such as the end of a line. Mostly ASCII bytes, as pairs,
    would be Chinese characters. UTF-16 is hardly ever valid UTF-8, unless all its bytes are below 128.
    """
    pairs = len(start) // 2
    if pairs < FEWEST_PAIRS or b"\0" not in start or len(start.translate(None, ASCII)) < 0.2 * len(start):
        return None
    if _has_utf8_characters(start, least=start.count(0) + 1):
        return None
    shares = {}
    for name in ("utf-16-le", "utf-16-be"):
        decoded = start[: 2 * pairs].decode(name, "replace")
        shares[name] = len(FREQUENT.findall(decoded)) / len(decoded)
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0.9 else None
