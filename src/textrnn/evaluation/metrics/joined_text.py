"""A text that can be read, from its tokens."""

from __future__ import annotations

from collections.abc import Sequence

UNSPACED = ("chars", "jieba")  # segmenters whose tokens are not separated by spaces


def token_separator(tokens: Sequence[str], segmenter: str | None) -> str:
    """What to put between the tokens of a text so that it can be read: nothing or a space.

    A file that came tokenized holds characters if most of its tokens are single characters.
    """
    single = sum(len(token) == 1 for token in tokens)
    return "" if segmenter in UNSPACED or 2 * single > len(tokens) else " "


def join_tokens(tokens: Sequence[str], segmenter: str | None) -> str:
    """The tokens as a text that can be read."""
    return token_separator(tokens, segmenter).join(tokens)
