"""Reads the lines of CoNLL files: which end a sentence, which are comments, and how a line splits into columns."""

from __future__ import annotations

from textrnn.preparation.parsing.rows import Reject
from textrnn.preparation.parsing.text_lines import decode_utf8

DOCUMENT = "-DOCSTART-"
CACHED_LINES = 1 << 16  # most lines of a file occur many times; about 10 MB
CACHED_BYTES = 1_000  # of a line that is kept
INVISIBLE = "\ufeff\u200b"  # zero width


def decode_column_line(line: bytes, encoding: str | None) -> str | Reject | None:
    """The text of a line, or None where a sentence ends: at a line of blanks of any kind, or at -DOCSTART-.

    encoding: as in `decode_utf8`.
    """
    text = decode_utf8(0, line, encoding)
    if isinstance(text, Reject):
        return text
    ends = not text.strip() or text.startswith(DOCUMENT) or not text.strip(INVISIBLE).strip()
    return None if ends else text


def may_be_comment(text: str) -> bool:
    """Whether the line begins like a comment. It is one unless it has all columns and a tag, as the token `#` has."""
    return text.startswith("#") and text[1:2] in ("", " ", "\t")


def may_be_sentence_comment(text: str) -> bool:
    """Whether the line begins like a comment of words, the last of which may look like a tag: `# form I-94`."""
    return text.startswith("# ")


def split_columns(text: str) -> list[str]:
    """The columns of a line: what tabs part if it has any, so that a token may contain blanks; else what blanks part.

    A token may be any other space, such as a full-width one; such spaces part columns only where nothing else does.
    """
    return text.rstrip(" \t").split("\t") if "\t" in text.rstrip(" \t") else _split_at_blanks(text)


def split_into(text: str, number: int) -> list[str] | None:
    """The columns of a line of a file that has this number of them, or None if the line has another number."""
    columns = split_columns(text)
    if len(columns) != number and "\t" in text:
        columns = _split_at_blanks(text)
    return columns if len(columns) == number else None


def _split_at_blanks(text: str) -> list[str]:
    columns = [column for column in text.replace("\t", " ").split(" ") if column]
    if len(columns) == 1 and text.startswith("  "):  # the token is a blank, and another one parts it from its tag
        return [" ", columns[0]]
    return columns if len(columns) > 1 else text.split()
