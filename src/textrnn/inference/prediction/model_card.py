"""The card of a served model, which `analyze` writes next to the model directory, and the example in its head."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 1024 * 1024  # of a file that is taken for a card
FENCE = "---"
EXAMPLE_KEY = "- text: "  # of the list `widget` in the head


@dataclass(frozen=True)
class Card:
    """A card: its Markdown without the head, and a text of test for which the model is known to be right, if any."""

    markdown: str
    example: str | None


def read_card(folder: Path) -> Card | None:
    """The card of a model directory; None if there is no such file, or one that is too large to be a card.

    It never stops a server: a file that cannot be read is no card, bytes that are not UTF-8 become replacement
    characters, and a head of another form has no example.
    """
    directory = Path(os.path.abspath(folder))
    path = directory.with_name(f"{directory.name}.md")
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return None
    if lines[0] != FENCE or FENCE not in lines[1:]:
        return Card("\n".join(lines), None)
    end = lines.index(FENCE, 1)
    return Card("\n".join(lines[end + 1 :]).lstrip("\n"), _example(lines[1:end]))


def _example(head: list[str]) -> str | None:
    """The first text of the head, which is a JSON string there."""
    for line in head:
        if line.startswith(EXAMPLE_KEY):
            try:
                text = json.loads(line.removeprefix(EXAMPLE_KEY))
                if not isinstance(text, str):
                    return None
                text.encode()  # fails for half of a surrogate pair, which no response could hold
            except (ValueError, RecursionError):
                return None
            return text
    return None
