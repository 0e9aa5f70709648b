"""Reads files of tagged tokens (MSRA NER, CoNLL): a token and its tag per line, and a blank line between sentences.

Columns are parted by tabs or blanks. Tags of any scheme are converted to BIO.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from textrnn.common.config.parse import Columns, Parse
from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError, shorten
from textrnn.preparation.parsing.formats.base import FileFormat, Reject, Row, TagRow
from textrnn.preparation.parsing.formats.column_lines import (
    CACHED_LINES,
    decode_column_line,
    may_be_comment,
    split_into,
)
from textrnn.preparation.parsing.formats.entity_tags import OUTSIDE
from textrnn.preparation.parsing.formats.tag_scan import TagScan, scan_tags

FOREIGN_TAGS = {
    "bio": "neither O nor B-TYPE nor I-TYPE",
    "iob1": "neither O nor B-TYPE nor I-TYPE",
    "bioes": "neither O nor B-, I-, E- or S-TYPE",
    "bilou": "neither O nor B-, I-, L- or U-TYPE",
    "bmes": "neither O nor B-, M-, E- or S-TYPE",
}


class _Token(NamedTuple):
    token: str
    tag: str


COMMENT, SENTENCE_END = _Token("#", ""), None


def read(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per sentence; one invalid line makes the whole sentence a reject, reported at that line."""
    scan = scan_tags(path, settings.columns, settings.scheme)
    read_line = lru_cache(CACHED_LINES)(partial(_read_line, settings.columns, scan))
    start, tokens, tags = 1, list[str](), list[str]()
    reject: Reject | None = None
    for number, line in chain(read_lines(path), [(0, b"")]):
        token = read_line(line)
        if token is SENTENCE_END:
            if tokens or reject:
                yield reject or TagRow(start, tokens, *scan.converter.to_bio(tags))
            tokens, tags, reject = [], [], None
        elif token is COMMENT:
            continue
        else:
            if not tokens and reject is None:
                start = number
            if isinstance(token, Reject):
                reject = reject or replace(token, line=number)
            else:
                tokens.append(token.token)
                tags.append(token.tag)


def _read_line(columns: Columns, scan: TagScan, line: bytes) -> _Token | Reject | None:
    """The token and its tag, or COMMENT, or SENTENCE_END, or why the line is invalid, without its number."""
    text = decode_column_line(line)
    if text is None or isinstance(text, Reject):
        return text
    fields = split_into(text, scan.columns)
    tag = "" if fields is None else fields[columns.tag].strip()
    if fields is not None and tag and scan.converter.parse(tag) is not None:
        token = fields[columns.token]
        if not token:
            return Reject(0, "no token in front of the tag", shorten(text))
        return _Token(token.strip(" ") or token, tag)  # a token may be a blank
    if may_be_comment(text):
        return COMMENT
    if fields is None:
        return Reject(0, f"not {scan.columns} columns, parted by a tab or blanks", shorten(text))
    if tag == "0":
        return Reject(0, "a tag that is the digit 0 in place of the letter O", shorten(tag))
    return Reject(0, f"a tag that is {FOREIGN_TAGS[scan.converter.scheme]}", shorten(tag))


def labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Raw tag → name: O, then B- and I- of each entity type.

    The types are those of the param `classes` if given, else those that occur in train, sorted. Raises UserError, which
    shows the first invalid line, if train has no entity.
    """
    train = settings.files.get("train")
    assert train is not None
    classes = settings.classes
    if classes is None:
        types = scan_tags(folder / train, settings.columns, settings.scheme).types
        if not types:
            raise _no_entities(folder / train, settings)
        classes = {entity_type: entity_type for entity_type in types}
    return {OUTSIDE: OUTSIDE} | {
        f"{prefix}-{entity_type}": f"{prefix}-{name}" for entity_type, name in classes.items() for prefix in "BI"
    }


def _no_entities(train: Path, settings: Parse) -> UserError:
    reject = next((row for row in read(train, settings) if isinstance(row, Reject)), None)
    if reject is None:
        return UserError(train, "has no entity: every tag is O", do="check that it is the right column")
    do = "correct the file, or the corpus's columns or scheme"
    return UserError(f"{train}, line {reject.line}", reject.reason, got=reject.got, do=do)


def describe(path: Path, settings: Parse) -> dict[str, Any]:
    """The scheme of the file's tags."""
    return {"scheme": scan_tags(path, settings.columns, settings.scheme).converter.scheme}


FORMAT = FileFormat("tag", read, labels, describe)
