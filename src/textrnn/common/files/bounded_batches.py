"""Puts texts into batches of bounded size, so that memory does not depend on how long they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Text = str | Sequence[str]

MAX_CHARACTERS = 1 << 26  # of a batch, and one text more


def bounded_batches(texts: Iterable[Text], rows: int) -> Iterator[list[Text]]:
    """Yield lists of `rows` texts or lists of tokens; a list has fewer if these have MAX_CHARACTERS."""
    batch: list[Text] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += count_characters(text)
        if len(batch) == rows or characters >= MAX_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def count_characters(text: Text) -> int:
    """The number of characters of a text, or of all tokens of a list."""
    return len(text) if isinstance(text, str) else len("".join(text))
