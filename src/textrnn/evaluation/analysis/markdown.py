"""Texts in Markdown: whatever is in them, it is no markup, no HTML, and ends neither a line nor a cell of a table."""

from __future__ import annotations

import re

from textrnn.errors import as_line

# `_` inside a word is no markup, and most names have one; `#` is one at the start alone
MARKUP = re.compile(r"[\\`*\[\]<>|~&$]|^#|(?<![^\W_])_|_(?![^\W_])")
FENCE = re.compile("`+")


def escape(text: str) -> str:
    """The text as plain text of a paragraph, of a list or of a table."""
    return MARKUP.sub(r"\\\g<0>", as_line(text))


def code_span(text: str) -> str:
    """The text as code, in as many backticks as it takes; not for tables, in which `|` ends a cell of code too."""
    line = as_line(text)
    fence = "`" * next(length for length in range(1, len(line) + 2) if length not in set(map(len, FENCE.findall(line))))
    padding = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{padding}{line}{padding}{fence}"
