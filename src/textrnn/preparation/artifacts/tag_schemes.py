"""Entity spans of tag sequences, exactly as seqeval reads them."""

from __future__ import annotations

from collections.abc import Sequence

from textrnn.common.config.types import Scheme
from textrnn.errors import UserError

OUTSIDE = "O"
Span = tuple[int, int, str]  # start, end (exclusive), type


def spans(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Entity spans of one tag sequence, read as its scheme has them; any other scheme is a UserError."""
    readers = {"bio": bio_spans, "bioes": bioes_spans, "type": type_spans}
    if scheme not in readers:
        raise UserError("tag scheme", "not known", got=repr(scheme), do=f"use one of {', '.join(readers)}")
    return readers[scheme](tags)


def bio_spans(tags: Sequence[str]) -> list[Span]:
    """Entity spans of B-X, I-X and O tags, in order, read leniently as conlleval and seqeval's default mode do.

    A span starts at B-X, and at I-X that follows O or another type; bare B and I have the type `_`.
    Raises UserError at any other tag. Source: Tjong Kim Sang & Buchholz 2000 (CoNLL-2000 scorer).
    """
    return _chunks(tags, "BI")


def bioes_spans(tags: Sequence[str]) -> list[Span]:
    """Entity spans of B-X, I-X, E-X, S-X and O tags, in order, read as leniently as BIO.

    A span starts at B-X and S-X, and at I-X and E-X that follow O, another type or the end of a span; it ends with E-X
    and S-X, and where nothing of its type goes on. Raises UserError at any other tag. Source of the scheme: Ratinov &
    Roth 2009, "Design Challenges and Misconceptions in Named Entity Recognition", whose BILOU it is by other letters.
    """
    return _chunks(tags, "BIES")


def bioes_tags(found: Sequence[Span], length: int) -> list[str]:
    """The tags of a row of so many tokens with these spans, none of which overlap: what `bioes_spans` reads."""
    tags = [OUTSIDE] * length
    for start, end, kind in found:
        inside = [f"I-{kind}"] * (end - start - 2)
        tags[start:end] = [f"S-{kind}"] if end - start == 1 else [f"B-{kind}", *inside, f"E-{kind}"]
    return tags


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


def _chunks(tags: Sequence[str], letters: str) -> list[Span]:
    """The spans of tags that are O or begin with one of the letters."""
    found: list[Span] = []
    start, current = 0, None
    for position, tag in enumerate(tags):
        kind = _kind(tag, letters)
        if kind != current or tag[0] not in "IE":
            if current is not None:
                found.append((start, position, current))
            start, current = position, kind
        if current is not None and tag[0] in "ES":
            found.append((start, position + 1, current))
            current = None
    if current is not None:
        found.append((start, len(tags), current))
    return found


def _kind(tag: str, letters: str) -> str | None:
    if tag == OUTSIDE:
        return None
    if tag[:1] not in tuple(letters) or tag[1:2] not in ("", "-"):
        known = ", ".join(f"{letter}-X" for letter in letters)
        name = "BIOES" if "E" in letters else "BIO"
        raise UserError("tags", f"not a {name} tag", got=repr(tag), do=f"use {known} and O, or the tag scheme 'type'")
    return tag[2:] or "_"
