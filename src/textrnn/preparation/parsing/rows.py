"""The rows of raw files: texts with labels, tokens with tags, rows that cannot be used, and blank lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)  # not frozen: there are millions, and these are made in half the time
class TextRow:
    """A text and its raw label, from line `line` (counted from 1); `group`: what it belongs to, if the file says so."""

    line: int
    text: str
    label: str
    group: str | None = None


@dataclass(slots=True)
class TagRow:
    """Tokens and their BIO tags, from the sentence that starts at line `line` (counted from 1).

    illegal: how many of the file's tags may not follow the one before them.
    """

    line: int
    tokens: list[str]
    tags: list[str]
    group: str | None = None
    illegal: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be used: the reason it is counted under, and the offending content.

    hint: what the user can do about it, if that is known.
    """

    line: int
    reason: str
    got: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Blank:
    """A line of white space alone, which is no row; it is counted."""

    line: int


Row = TextRow | TagRow | Reject | Blank
