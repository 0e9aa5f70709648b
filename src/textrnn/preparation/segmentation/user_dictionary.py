"""Reads a user dictionary for jieba, in the form that jieba has given it: a word a line, its frequency, its part of
speech; the last two may be left out. A word without a frequency gets one that keeps it whole.
"""

from __future__ import annotations

import codecs
import re
import shlex
from pathlib import Path
from typing import NamedTuple

from textrnn.errors import UserError, shorten

LINE = re.compile(r"(.+?)(?: ([0-9]+))?(?: [a-z]+)?")  # as jieba's own pattern
# commas or other delimiters of tables: a word, a number, perhaps a tag; after Chinese a tag alone. 1,000 is a word
COMMAS = re.compile(r".*\D{0}[0-9]+{0}?|.*{0}[0-9]+{0}[A-Za-z]+|.*[^\x00-\x7f]{0}[A-Za-z]{{0,3}}".format("[,;|，；]"))
BLANKS = "separate word, frequency and part of speech (lower case) by one space each"
MAX_FREQUENCY = 10**12


class DictionaryEntry(NamedTuple):
    """A word and how often it occurs, compared with the words of jieba's own dictionary; None for often enough."""

    word: str
    frequency: int | None


Dictionary = tuple[DictionaryEntry, ...]


def read_user_dictionary(path: Path) -> Dictionary:
    """The entries in the order of the file. A word that occurs twice has the last frequency, as in jieba.

    Raises UserError for a missing or empty file, bytes that are not UTF-8, a frequency of 0, which jieba keeps for the
    whole process, a word with white space, which jieba never finds, and columns parted by commas.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="put it there, or correct segment.dictionary")
    content = path.read_bytes()
    if b"\0" in content:  # UTF-16 of some words is valid UTF-8
        raise UserError(path, "is not UTF-8", got="bytes of 0", do=_convert(path, content))
    entries = []
    for number, raw in enumerate(content.split(b"\n"), start=1):
        if raw.strip(b"\xef\xbb\xbf \t\r\n\v\f"):
            try:
                line = raw.strip().decode("utf-8").lstrip("\ufeff")
            except UnicodeDecodeError as error:
                do = _convert(path, content)
                raise UserError(f"{path}, line {number}", "is not UTF-8", got=repr(raw[:40]), do=do) from error
            entries.append(_parse(f"{path}, line {number}", line))
    if not entries:
        raise UserError(path, "has no word", do="write one a line, or set segment.dictionary to null")
    return tuple(entries)


def _convert(path: Path, content: bytes) -> str:
    """How to save a file as UTF-8, with the command where its encoding can be guessed."""
    name = _likely_encoding(content)
    if name is None:
        return "save the file as UTF-8"
    source, target = shlex.quote(path.name), shlex.quote(f"utf8-{path.name}")
    return f"save the file as UTF-8, as with `iconv -f {name} -t utf-8 {source} > {target}`"


def _likely_encoding(content: bytes) -> str | None:
    """Of Chinese words: UTF-16 has bytes of 0; of the others, the encoding with the fewest characters that fits."""
    if b"\0" in content:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        return "utf-16-le" if content.count(b"\n\0") >= content.count(b"\0\n") else "utf-16-be"
    for fits, name in (("gb2312", "gb18030"), ("big5", "big5"), ("gb18030", "gb18030")):
        try:
            content.decode(fits)
        except UnicodeDecodeError:
            continue
        return name
    return None


def _parse(where: str, line: str) -> DictionaryEntry:
    match = LINE.fullmatch(line)
    assert match is not None  # at least one character
    word, frequency = match[1], None if match[2] is None else int(match[2])
    if any(character.isspace() for character in word):
        raise UserError(where, "has a word with white space, which jieba never finds", got=shorten(word), do=BLANKS)
    if COMMAS.fullmatch(word):
        raise UserError(where, "has a word with what looks like its frequency", got=shorten(line), do=BLANKS)
    if frequency is not None and not 1 <= frequency <= MAX_FREQUENCY:
        raise UserError(where, f"must have a frequency from 1 to {MAX_FREQUENCY}", got=frequency)
    return DictionaryEntry(word, frequency)
