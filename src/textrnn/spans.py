"""Entity spans of tag sequences, exactly as seqeval reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from textrnn.errors import UserError

OUTSIDE = "O"
Span = tuple[int, int, str]  # start, end (exclusive), type
Scheme = Literal["bio", "type"]


def spans(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Entity spans of one tag sequence, read by `bio_spans` or `type_spans`; any other scheme is a UserError."""
    readers = {"bio": bio_spans, "type": type_spans}
    if scheme not in readers:
        raise UserError("tag scheme", "not known", got=repr(scheme), do=f"use one of {', '.join(readers)}")
    return readers[scheme](tags)


def bio_spans(tags: Sequence[str]) -> list[Span]:
    """Entity spans of B-X, I-X and O tags, in order, read leniently as conlleval and seqeval's default mode do.

    A span starts at B-X, and at I-X that follows O or another type; bare B and I have the type `_`.
    Raises UserError at any other tag. Source: Tjong Kim Sang & Buchholz 2000 (CoNLL-2000 scorer).
    """
    found: list[Span] = []
    start, current = 0, None
    for position, tag in enumerate(tags):
        kind = _bio_type(tag)
        if tag.startswith("I") and kind == current:
            continue
        if current is not None:
            found.append((start, position, current))
        start, current = position, kind
    if current is not None:
        found.append((start, len(tags), current))
    return found


def type_spans(types: Sequence[str]) -> list[Span]:
    """Entity spans of tags collapsed to types (O, PER, ...): each longest run of one type other than O.

    Adjacent entities of one type cannot be told apart here and come out as one span.
    """
    found: list[Span] = []
    start = 0
    for position in range(1, len(types) + 1):
        if position < len(types) and types[position] == types[start]:
            continue
        if types[start] != OUTSIDE:
            found.append((start, position, types[start]))
        start = position
    return found


def _bio_type(tag: str) -> str | None:
    if tag == OUTSIDE:
        return None
    if tag[:1] not in ("B", "I") or tag[1:2] not in ("", "-"):
        raise UserError("tags", "not a BIO tag", got=repr(tag), do="use B-X, I-X and O, or the tag scheme 'type'")
    return tag[2:] or "_"
