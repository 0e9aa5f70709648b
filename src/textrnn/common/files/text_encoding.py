"""Finds the encoding of a text file by its byte order mark, and turns any encoding into UTF-8."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

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
    b"\x1f\x8b": ("is packed with gzip, which its name does not say", "add .gz to its name"),
    b"BZh91AY&SY": ("is packed with bzip2, which its name does not say", "add .bz2 to its name"),
    b"PK\x03\x04": ("is a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV"),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("is an old Excel workbook", "save the sheet as CSV"),
    b"\xfd7zXZ\x00": ("is packed with xz", "unpack it"),
    b"\x28\xb5\x2f\xfd": ("is packed with zstd", "unpack it"),
    b"7z\xbc\xaf\x27\x1c": ("is a 7z archive", "unpack it"),
    b"PAR1": ("is a Parquet file, which its name does not say", "name it .parquet, and set format: table"),
}
START_BYTES = 4_096  # enough to tell what a file is
UTF8_NAMES = ("utf-8", "utf-8-sig")
FEWEST_CHARACTERS = 3
CERTAIN_BYTES = 64
LAST_OF_TWO_BYTES = "\u07ff"  # in UTF-8
# letters and signs of Chinese, Japanese and Korean, and ASCII
EAST_ASIAN = re.compile("[\t\n\r -~\u2010-\u2026\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]")
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
    another encoding is given, as it would be read as other characters.
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
    return rest if codecs.lookup(name).name == "utf-8" else _transcode(rest, name)


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


def _transcode(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(INVALID)
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _refuse_binary(start: bytes, path: Path, encoding: str | None) -> None:
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
    """Whether the bytes have characters that only UTF-8 writes so.

    Fewer than FEWEST_CHARACTERS of two bytes may be chance in a short text; one in a long text of ASCII is none.
    """
    text = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        characters = text.decode(start)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    wide = [character for character in characters if not character.isascii()]
    certain = len(start) >= CERTAIN_BYTES or len(wide) >= FEWEST_CHARACTERS
    return bool(wide) and (certain or any(character > LAST_OF_TWO_BYTES for character in wide))


def utf16_without_mark(start: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` if the bytes are UTF-16 of Latin letters or of Chinese, Japanese or Korean.

    Of Latin letters most bytes at even or odd places are 0. Of the others hardly any character is of another script,
    and some byte is 0: one of a line end, a tab or a digit.
    """
    pairs = len(start) // 2
    if pairs < 16:
        return None
    for name, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros = start[first : 2 * pairs : 2].count(0)
        if zeros > 0.7 * pairs and start[1 - first : 2 * pairs : 2].count(0) < 0.1 * pairs:
            return name
    return _east_asian_utf16(start[: 2 * pairs]) if b"\0" in start and not start.isascii() else None


def _east_asian_utf16(start: bytes) -> str | None:
    for name in ("utf-16-le", "utf-16-be"):
        text = start.decode(name, "replace")
        if len(EAST_ASIAN.findall(text)) > 0.95 * len(text) and any(end in text for end in "\n\t"):
            return name
    return None
