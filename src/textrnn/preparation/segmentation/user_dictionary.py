"""Reads a user dictionary for jieba, in the form that jieba has given it: a word a line, its frequency, its part of
speech; the last two may be left out. A word without a frequency gets one that keeps it whole.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from textrnn.errors import UserError, shorten

LINE = re.compile(r"(.+?)(?: ([0-9]+))?(?: [a-z]+)?")  # as jieba's own pattern
MAX_FREQUENCY = 10**12


class DictionaryEntry(NamedTuple):
    """A word and how often it occurs, compared with the words of jieba's own dictionary; None for often enough."""

    word: str
    frequency: int | None


Dictionary = tuple[DictionaryEntry, ...]


def read_user_dictionary(path: Path) -> Dictionary:
    """The entries in the order of the file. A word that occurs twice has the last frequency, as in jieba.

    Raises UserError for a missing or empty file, bytes that are not UTF-8, a frequency of 0, which jieba keeps for the
    whole process, and a word with white space, which jieba never finds.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="put it there, or correct segment.dictionary")
    entries = [
        _parse(f"{path}, line {number}", raw)
        for number, raw in enumerate(path.read_bytes().split(b"\n"), start=1)
        if raw.strip(b"\xef\xbb\xbf \t\r\n\v\f")
    ]
    if not entries:
        raise UserError(path, "has no word", do="write one a line, or set segment.dictionary to null")
    return tuple(entries)


def _parse(where: str, raw: bytes) -> DictionaryEntry:
    try:
        line = raw.strip().decode("utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise UserError(where, "is not UTF-8", got=repr(raw[:40]), do="save the file as UTF-8") from error
    match = LINE.fullmatch(line)
    assert match is not None  # at least one character
    word, frequency = match[1], None if match[2] is None else int(match[2])
    if any(character.isspace() for character in word):
        do = "part word, frequency and part of speech (small letters) by one blank each"
        raise UserError(where, "has a word with white space, which jieba never finds", got=shorten(word), do=do)
    if frequency is not None and not 1 <= frequency <= MAX_FREQUENCY:
        raise UserError(where, f"must have a frequency from 1 to {MAX_FREQUENCY}", got=frequency)
    return DictionaryEntry(word, frequency)
