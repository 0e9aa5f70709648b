"""Reads files of tagged tokens (MSRA NER, CoNLL): a token and its tag per line, and a blank line between sentences.

Columns are parted by tabs or blanks. Tags of any scheme are converted to BIO.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from textrnn.common.config.parse import Parse
from textrnn.common.config.types import FileScheme
from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError, shorten
from textrnn.preparation.parsing.formats.base import FileFormat
from textrnn.preparation.parsing.formats.column_lines import (
    CACHED_BYTES,
    CACHED_LINES,
    decode_column_line,
    may_be_comment,
    may_be_sentence_comment,
    split_into,
)
from textrnn.preparation.parsing.formats.entity_tags import OUTSIDE
from textrnn.preparation.parsing.formats.tag_scan import TagScan, scan_lines
from textrnn.preparation.parsing.rows import Reject, Row, TagRow

TAGS: dict[FileScheme, str] = {  # of each scheme, for messages
    "bio": "B-TYPE nor I-TYPE",
    "iob1": "B-TYPE nor I-TYPE",
    "bioes": "B-, I-, E- or S-TYPE",
    "bilou": "B-, I-, L- or U-TYPE",
    "bmes": "B-, M-, E- or S-TYPE",
}
PREFIXED = re.compile("O|[BIESLUM][-_].+")
HINT = "the corpus's `columns` say where the tag is, its `scheme` of which kind it is"
NO_SENTENCES = "check that blank lines separate the sentences"


class _Token(NamedTuple):
    token: str
    tag: str


COMMENT, SENTENCE_END = _Token("#", ""), None


def read(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per sentence; one invalid line makes the whole sentence a reject, reported at that line."""
    scan = scan_lines(path, settings)
    parse_line = partial(_read_line, settings, scan)
    read_cached = lru_cache(CACHED_LINES)(parse_line)
    start, tokens, tags = 1, list[str](), list[str]()
    reject: Reject | None = None
    for number, line in chain(read_lines(path, settings.text_encoding), [(0, b"")]):
        token = read_cached(line) if len(line) <= CACHED_BYTES else parse_line(line)
        if token is SENTENCE_END:
            if reject is not None:
                yield reject
            elif tokens:
                bio, illegal = scan.converter.to_bio(tags)
                yield TagRow(start, tokens, bio, illegal=illegal)
            tokens, tags, reject = [], [], None
        elif token is COMMENT:
            continue
        else:
            if not tokens and reject is None:
                start = number
            if isinstance(token, Reject):
                reject = reject or replace(token, line=number)
            else:
                tokens.append(token[0])
                tags.append(token[1])


def _read_line(settings: Parse, scan: TagScan, line: bytes) -> _Token | Reject | None:
    """The token and its tag, or COMMENT, or SENTENCE_END, or why the line is invalid, without its number."""
    text = decode_column_line(line, settings.text_encoding)
    if text is None or isinstance(text, Reject):
        return text
    fields = split_into(text, scan.columns)
    tag = "" if fields is None else fields[settings.columns.tag].strip()
    parsed = scan.converter.parse(tag) if tag else None
    if parsed is not None and may_be_sentence_comment(text) and parsed.letter and parsed.entity_type not in scan.types:
        return COMMENT
    if fields is not None and parsed is not None:
        token = fields[settings.columns.token]
        if not token:
            return Reject(0, "no token in front of the tag", shorten(text))
        return _Token(token.strip(" ") or token, tag)  # a token may be a blank
    if may_be_comment(text):
        return COMMENT
    if fields is None:
        return Reject(0, f"not {scan.columns} columns, separated by a tab or spaces", shorten(text))
    return foreign_tag(0, tag, scan.converter.scheme, HINT)


def foreign_tag(line: int, tag: str, scheme: FileScheme, hint: str = "") -> Reject:
    """The reject of a row with a tag that is not of the file's scheme."""
    if tag == "0":
        return Reject(line, "a tag that is the digit 0 in place of the letter O", shorten(tag))
    if tag == "o":
        return Reject(line, "a tag that is the small letter o in place of the capital O", shorten(tag))
    return Reject(line, f"a tag that is neither O nor {TAGS[scheme]}", shorten(tag), hint)


def labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Raw tag → name: O, then B- and I- of each entity type, those of `classes` or else those of train, sorted."""
    return labels_of_types(given_types(folder, settings) or scan_lines(train_file(folder, settings), settings).types)


def given_types(folder: Path, settings: Parse) -> Mapping[str, str] | None:
    """The entity types of `classes`. Raises UserError if it has their tags."""
    classes = settings.classes
    if classes and all(PREFIXED.fullmatch(name) for name in classes):
        do = "write PER: person, without B- and I- and without O"
        raise UserError(folder, "classes must have the entity types, not their tags", got=", ".join(classes), do=do)
    return classes


def train_file(folder: Path, settings: Parse) -> Path:
    """The training file."""
    train = settings.files.get("train")
    assert train is not None
    return folder / train


def labels_of_types(types: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Raw tag → name: O, then B- and I- of each entity type; a mapping has the name of each type."""
    names = types if isinstance(types, Mapping) else {entity_type: entity_type for entity_type in types}
    return {OUTSIDE: OUTSIDE} | {
        f"{prefix}-{entity_type}": f"{prefix}-{name}" for entity_type, name in names.items() for prefix in "BI"
    }


def describe(path: Path, settings: Parse) -> dict[str, Any]:
    """The scheme of the file's tags."""
    return {"scheme": scan_lines(path, settings).converter.scheme}


FORMAT = FileFormat("tag", read, labels, split_hint=NO_SENTENCES, describe=describe)
