"""BIO files (MSRA NER): `字<TAB>TAG` a line, a blank line between sentences, after the last one with or without."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from textrnn.common.files.lines import read_lines
from textrnn.preparation.parsing.formats.base import Format, Reject, Row, TagRow, decode_utf8, shorten

TAG = re.compile(r"O|[BI]-\S+")


def read(path: Path) -> Iterator[Row]:
    """A row a sentence; one faulty line makes the whole sentence a reject, at that line."""
    start, tokens, tags = 1, list[str](), list[str]()
    fault: Reject | None = None
    for number, line in read_lines(path):
        if line.strip():
            if not tokens and fault is None:
                start = number
            read_line = _read_line(number, line)
            if isinstance(read_line, Reject):
                fault = fault or read_line
            else:
                tokens.append(read_line[0])
                tags.append(read_line[1])
        elif tokens or fault:
            yield fault or TagRow(start, tokens, tags)
            tokens, tags, fault = [], [], None
    if tokens or fault:
        yield fault or TagRow(start, tokens, tags)


def _read_line(number: int, line: bytes) -> tuple[str, str] | Reject:
    text = decode_utf8(number, line)
    if isinstance(text, Reject):
        return text
    columns = text.split("\t")
    if len(columns) != 2 or not columns[0]:
        return Reject(number, "not two columns, token<TAB>tag", shorten(text))
    if not TAG.fullmatch(columns[1]):
        return Reject(number, "a tag that is neither O nor B-TYPE nor I-TYPE", shorten(columns[1]))
    return columns[0], columns[1]


def labels(folder: Path, files: Mapping[str, str | None], classes: Mapping[str, str] | None) -> dict[str, str]:
    """O, then B- and I- of each entity type: those of the param `classes`, else those that occur in train, sorted."""
    if classes is None:
        train = files.get("train")
        assert train is not None
        rows = (row for row in read(folder / train) if isinstance(row, TagRow))
        classes = {kind: kind for kind in sorted({tag[2:] for row in rows for tag in set(row.tags) if tag != "O"})}
    return {"O": "O"} | {f"{part}-{kind}": f"{part}-{name}" for kind, name in classes.items() for part in "BI"}


FORMAT = Format("tag", read, labels)
