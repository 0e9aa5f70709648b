"""Reads BIO files (MSRA NER): `字<TAB>TAG` per line and a blank line between sentences, optional after the last one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.common.files.lines import read_lines
from textrnn.errors import shorten
from textrnn.preparation.parsing.formats.base import FileFormat
from textrnn.preparation.parsing.rows import Reject, Row, TagRow
from textrnn.preparation.parsing.text_lines import decode_utf8

TAG = re.compile(r"O|[BI]-\S+")


def read(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per sentence; one invalid line makes the whole sentence a reject, reported at that line."""
    start, tokens, tags = 1, list[str](), list[str]()
    reject: Reject | None = None
    encoding = settings.text_encoding
    for number, line in read_lines(path, encoding):
        if line.strip():
            if not tokens and reject is None:
                start = number
            token = _read_line(number, line, encoding)
            if isinstance(token, Reject):
                reject = reject or token
            else:
                tokens.append(token[0])
                tags.append(token[1])
        elif tokens or reject:
            yield reject or TagRow(start, tokens, tags)
            tokens, tags, reject = [], [], None
    if tokens or reject:
        yield reject or TagRow(start, tokens, tags)


def _read_line(number: int, line: bytes, encoding: str | None) -> tuple[str, str] | Reject:
    """The token and its tag, or why the line is invalid."""
    text = decode_utf8(number, line, encoding)
    if isinstance(text, Reject):
        return text
    columns = text.split("\t")
    if len(columns) != 2 or not columns[0]:
        return Reject(number, "not two columns, token<TAB>tag", shorten(text))
    if not TAG.fullmatch(columns[1]):
        return Reject(number, "a tag that is neither O nor B-TYPE nor I-TYPE", shorten(columns[1]))
    return columns[0], columns[1]


def labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Raw tag → name: O, then B- and I- of each entity type."""
    return labels_of_tags(read, folder, settings)


def labels_of_tags(read: Callable[[Path, Parse], Iterator[Row]], folder: Path, settings: Parse) -> dict[str, str]:
    """Raw tag → name: O, then B- and I- of each entity type.

    The types are those of the param `classes` if given, else those that occur in train, sorted.
    """
    classes = settings.classes
    if classes is None:
        train = settings.files.get("train")
        assert train is not None
        rows = (row for row in read(folder / train, settings) if isinstance(row, TagRow))
        types = sorted({tag[2:] for row in rows for tag in set(row.tags) if tag != "O"})
        classes = {entity_type: entity_type for entity_type in types}
    return {"O": "O"} | {
        f"{prefix}-{entity_type}": f"{prefix}-{name}" for entity_type, name in classes.items() for prefix in "BI"
    }


FORMAT = FileFormat("tag", read, labels)
