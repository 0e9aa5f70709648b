"""Converts between tag sequences and entity spans, exactly as seqeval reads them."""

from __future__ import annotations

from collections.abc import Sequence

from textrnn.common.config.types import Scheme
from textrnn.errors import UserError

OUTSIDE = "O"
Span = tuple[int, int, str]  # start, end (exclusive), type


def spans(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Entity spans of one tag sequence in the given scheme. Raises UserError for an unknown scheme."""
    readers = {"bio": bio_spans, "bioes": bioes_spans, "type": type_spans}
    if scheme not in readers:
        raise UserError("tag scheme", "unknown", got=repr(scheme), do=f"use one of {', '.join(readers)}")
    return readers[scheme](tags)


def bio_spans(tags: Sequence[str]) -> list[Span]:
    """Entity spans of B-X, I-X and O tags, in order, read leniently as conlleval and seqeval's default mode do.

    A span starts at B-X, and at an I-X that follows O or another type. Bare B and I have the type `_`.
    Raises UserError for any other tag. Source: Tjong Kim Sang & Buchholz 2000 (CoNLL-2000 scorer).
    """
    return _prefixed_spans(tags, "BI")


def bioes_spans(tags: Sequence[str]) -> list[Span]:
    """Entity spans of B-X, I-X, E-X, S-X and O tags, in order, read as leniently as BIO.

    A span starts at B-X and S-X, and at an I-X or E-X that follows O, another type or the end of a span. It ends with
    E-X and S-X, and before any tag that does not continue its type. Raises UserError for any other tag.
    Source of the scheme: Ratinov & Roth 2009, "Design Challenges and Misconceptions in Named Entity Recognition", where
    it is called BILOU (L for E, U for S).
    """
    return _prefixed_spans(tags, "BIES")


def bio_tags(entities: Sequence[Span], length: int) -> list[str]:
    """The BIO tags of a sequence of `length` tokens with these non-overlapping spans; the inverse of `bio_spans`."""
    tags = [OUTSIDE] * length
    for start, end, entity_type in entities:
        tags[start:end] = [f"B-{entity_type}", *[f"I-{entity_type}"] * (end - start - 1)]
    return tags


def bioes_tags(entities: Sequence[Span], length: int) -> list[str]:
    """The tags of a sequence of `length` tokens with these non-overlapping spans; the inverse of `bioes_spans`."""
    tags = [OUTSIDE] * length
    for start, end, entity_type in entities:
        inside = [f"I-{entity_type}"] * (end - start - 2)
        tags[start:end] = (
            [f"S-{entity_type}"] if end - start == 1 else [f"B-{entity_type}", *inside, f"E-{entity_type}"]
        )
    return tags


def type_spans(types: Sequence[str]) -> list[Span]:
    """Entity spans of tags collapsed to types (O, PER, ...): each maximal run of one type other than O.

    This scheme cannot separate adjacent entities of one type: they become one span.
    """
    entities: list[Span] = []
    start = 0
    for position in range(1, len(types) + 1):
        if position < len(types) and types[position] == types[start]:
            continue
        if types[start] != OUTSIDE:
            entities.append((start, position, types[start]))
        start = position
    return entities


def _prefixed_spans(tags: Sequence[str], prefixes: str) -> list[Span]:
    """The spans of tags that are O or start with one of the prefixes."""
    entities: list[Span] = []
    start, current_type = 0, None
    for position, tag in enumerate(tags):
        entity_type = _entity_type(tag, prefixes)
        if entity_type != current_type or tag[0] not in "IE":
            if current_type is not None:
                entities.append((start, position, current_type))
            start, current_type = position, entity_type
        if current_type is not None and tag[0] in "ES":
            entities.append((start, position + 1, current_type))
            current_type = None
    if current_type is not None:
        entities.append((start, len(tags), current_type))
    return entities


def _entity_type(tag: str, prefixes: str) -> str | None:
    """The type of a tag, `_` if it is a bare prefix, or None for O."""
    if tag == OUTSIDE:
        return None
    if tag[:1] not in tuple(prefixes) or tag[1:2] not in ("", "-"):
        known = ", ".join(f"{prefix}-X" for prefix in prefixes)
        name = "BIOES" if "E" in prefixes else "BIO"
        raise UserError("tags", f"not a {name} tag", got=repr(tag), do=f"use {known} and O, or the tag scheme 'type'")
    return tag[2:] or "_"
