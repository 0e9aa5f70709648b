"""Cuts raw texts into tokens as the tokens of a tagged corpus were cut, by what `token_habits` has learned of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from textrnn.preparation.segmentation.token_habits import UNSPACED, kind_of

CharacterSpan = tuple[int, int]  # start and end (exclusive), in characters of the text

CHUNK = re.compile(r"\S+")
MAX_SIGNS = 8  # of a token of signs
JOINING_SIGNS = "'’-‐‑_.@/&·"  # within a word, signs that training does not show are part of it


class HabitualTokenizer:
    """Finds the tokens of raw texts.

    habits: of `learn_habits`. is_known: whether a token is in the vocabulary; a known word keeps its signs (`U.S.`).
    longest: the characters of the longest token in the vocabulary.
    """

    def __init__(self, habits: Mapping[str, Any], is_known: Callable[[str], bool], longest: int) -> None:
        self._habits, self._is_token, self._longest = habits, is_known, longest
        self.joiner: str = habits["joiner"]
        self._cuts_words = habits["letters"] == "words"
        single = UNSPACED if habits["unspaced"] == "characters" else ""
        single += r"\d" if habits["digits"] == "characters" else ""
        rest = r"\d+|." if not self._cuts_words else f"[^{single}]+" if single else r".+"
        self._piece = re.compile(f"[{single}]|{rest}" if single else rest, re.DOTALL)
        suffixes, prefixes = (sorted(habits[name], key=len, reverse=True) for name in ("suffixes", "prefixes"))
        self._suffixes, self._prefixes = tuple(suffixes), tuple(prefixes)

    def tokenize(self, text: str) -> tuple[list[str], list[CharacterSpan]]:
        """The tokens of a text and their spans in it; blanks of any kind always part tokens."""
        spans = [span for chunk in CHUNK.finditer(text) for span in self._cut_chunk(text, *chunk.span())]
        return [text[start:end] for start, end in spans], spans

    def _cut_chunk(self, text: str, start: int, end: int) -> Iterator[CharacterSpan]:
        for piece in self._piece.finditer(text, start, end):
            if self._cuts_words:
                yield from self._cut_word(text, *piece.span())
            else:
                yield piece.span()

    def _cut_word(self, text: str, start: int, end: int) -> Iterator[CharacterSpan]:
        """Part a word from the signs around it, those within it that part words, and what an apostrophe adds."""
        if end - start == 1 or self._is_known(text, start, end):
            yield start, end
            return
        first, last = start, end
        while first < last and self._is_cut(text[first], "left") and not self._is_known(text, first, last):
            first += 1
        while first < last and self._is_cut(text[last - 1], "right") and not self._is_known(text, first, last):
            last -= 1
        yield from self._cut_signs(text, start, first)
        for word_start, word_end in self._cut_within(text, first, last):
            yield from self._cut_apostrophes(text, word_start, word_end)
        yield from self._cut_signs(text, last, end)

    def _cut_within(self, text: str, start: int, end: int) -> Iterator[CharacterSpan]:
        """Part a word at the signs within it that are never part of one."""
        if self._is_known(text, start, end):
            yield start, end
            return
        word = start
        for at in range(start, end):
            if self._is_cut(text[at], "inside"):
                if word < at:
                    yield word, at
                yield at, at + 1
                word = at + 1
        if word < end:
            yield word, end

    def _cut_apostrophes(self, text: str, start: int, end: int) -> Iterator[CharacterSpan]:
        if self._is_known(text, start, end):
            yield start, end
            return
        word = text[start:end]
        prefix = next((part for part in self._prefixes if word.startswith(part) and word != part), "")
        suffix = next((part for part in self._suffixes if word[len(prefix) :].endswith(part)), "")
        bounds = (start, start + len(prefix), end - len(suffix), end)
        yield from ((one, two) for one, two in pairwise(bounds) if one < two)

    def _cut_signs(self, text: str, start: int, end: int) -> Iterator[CharacterSpan]:
        """Part signs from each other, but for those that form a known token, such as an ellipsis."""
        while start < end:
            longest = min(end, start + MAX_SIGNS)
            stops = (stop for stop in range(longest, start + 1, -1) if self._is_known(text, start, stop))
            stop = next(stops, start + 1)
            yield start, stop
            start = stop

    def _is_known(self, text: str, start: int, end: int) -> bool:
        """Whether a part of a text is a known token; a part that is too long for one is not even copied."""
        return end - start <= self._longest and self._is_token(text[start:end])

    def _is_cut(self, character: str, place: str) -> bool:
        """Whether a sign at the start of a word (`left`), at its end (`right`) or `inside` is no part of it."""
        if kind_of(character) != "signs":
            return False
        if character in self._habits["seen"]:
            return character not in self._habits[f"kept_{place}"]
        return bool(self._habits["cuts_signs"]) and not (place == "inside" and character in JOINING_SIGNS)
