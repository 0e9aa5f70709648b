"""Punkt's sentence ends, decided once for each chunk and each pair of chunks instead of once for each occurrence.

`PunktSentenceTokenizer` examines each `.`, `?` or `!` that is followed by a closing character or by white space and
another word. Its context is the text from the last blank before it to the end of what follows. It splits the context
into words and judges each pair of neighbours (Kiss and Strunk 2006). For texts whose only white space is the blank:

* Matches within one chunk overlap, and only the last one is judged: a period at the end of the chunk with the next
  chunk as its context (`ends`), otherwise the last one inside the chunk with the one character that follows it
  (`cuts`).
* Punkt's words never span white space, so the words of a context of two chunks are those of both. There is a break if
  any word except the last one is a break: inside the first chunk, at its last word, or inside the second. The first and
  the third case depend on one chunk. The second depends on a pair of words and is judged by nltk's own code unless the
  first word is plain.
* A plain word has two or more letters and a period, is no abbreviation and begins no collocation: nothing revokes its
  break. `?` and `!` are always breaks.
* Closing quotes and brackets after a break move back into the sentence (`_realign_boundaries`): all of the rest of the
  chunk or of the next chunk, or those before a `--`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from nltk.tokenize.punkt import PunktSentenceTokenizer, PunktToken

from textrnn.preparation.segmentation.nltk_rules import StringIds, matches

NO_END, ALWAYS, BY_NEXT = 0, 1, 2
STAYS, MOVES, MOVES_IN_PART = 0, 1, 2
AT_END = -1
NON_WORD = frozenset(')";}]*:@({[')  # neither begin nor continue a word in Punkt

# what can follow a sentence end inside a chunk: Punkt's characters that are in no word (`_re_non_word_chars`)
INSIDE = re.compile("[.?!](?=[)\";}\\]*:@'({[‘’“”«»?!])")
INSIDE_RE2 = "[.?!][)\";}\\]*:@'({[‘’“”«»?!]"
ENDS_RE2 = "[.?!]$"
ELLIPSIS = re.compile(r"([^.]*)(\.{2,})")
CLOSING_RE2 = "^[\"')\\]}‘’“”«»]"


class SentenceRules:
    """For each chunk, by id: whether its end is a break, where it is cut inside, whether it moves back over a break.

    ends: NO_END, or a sentence end that is a break ALWAYS or BY_NEXT chunk, judged by the chunk's own words.
    cuts: the offset of a break inside the chunk, AT_END if the break has moved to its end, 0 for none.
    moves: how much of a chunk that follows a break moves back over it: it STAYS, MOVES whole, or MOVES_IN_PART.
    """

    def __init__(self, punkt: PunktSentenceTokenizer) -> None:
        self._punkt = punkt
        self._abbreviations = punkt._params.abbrev_types
        self._collocation_starts = {first for first, _ in punkt._params.collocations}
        self.ends, self.moves = np.zeros(0, np.int8), np.zeros(0, np.int8)
        self.cuts = np.zeros(0, np.int64)
        self._words = StringIds()
        # word ids of a chunk's last and first word, and whether a break is inside the chunk: -1 if not computed yet
        self._last_words, self._first_words = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._inner_breaks = np.zeros(0, np.int8)
        self._kinds: dict[tuple[object, ...], int] = {}
        self._pair_breaks: dict[int, bool] = {}

    def add(self, chunks: Sequence[str]) -> None:
        """Add the chunks with the next ids."""
        column = pa.array(chunks, pa.string())
        ends, moves, last = np.zeros(len(chunks), np.int8), np.zeros(len(chunks), np.int8), np.full(len(chunks), -1)
        cuts = np.zeros(len(chunks), np.int64)
        for index in np.flatnonzero(matches(column, ENDS_RE2)).tolist():
            ends[index], last[index] = self._judge_end(chunks[index])
        for index in np.flatnonzero(matches(column, INSIDE_RE2)).tolist():
            cuts[index] = self._find_cut(chunks[index])
        for index in np.flatnonzero(matches(column, CLOSING_RE2)).tolist():
            moved = self._count_moved(chunks[index])
            moves[index] = MOVES if moved == len(chunks[index]) else MOVES_IN_PART if moved else STAYS
        unknown = np.full(len(chunks), -1)
        self.ends, self.moves = np.concatenate((self.ends, ends)), np.concatenate((self.moves, moves))
        self.cuts, self._last_words = np.concatenate((self.cuts, cuts)), np.concatenate((self._last_words, last))
        self._first_words = np.concatenate((self._first_words, unknown))
        self._inner_breaks = np.concatenate((self._inner_breaks, unknown.astype(np.int8)))

    def breaks(self, chunks: Sequence[str], ids: np.ndarray, following: np.ndarray) -> np.ndarray:
        """(N,) bool: whether a sentence ends after each of N chunks with a possible end; `following` (N,) are next."""
        kinds = self.ends[ids]
        is_break = kinds == ALWAYS
        undecided = np.flatnonzero(kinds == BY_NEXT)
        self._add_first_words(chunks, following[undecided])
        pairs = self._last_words[ids[undecided]] << 32 | self._first_words[following[undecided]]
        distinct, inverse = np.unique(pairs, return_inverse=True)
        is_break[undecided] = np.fromiter(map(self._judge_pair, distinct.tolist()), bool, len(distinct))[inverse]
        undecided = np.flatnonzero(~is_break)
        self._add_inner_breaks(chunks, following[undecided])
        is_break[undecided] = self._inner_breaks[following[undecided]] > 0
        return is_break

    def _judge_end(self, chunk: str) -> tuple[int, int]:
        """Return the entry of `ends` and, where the next chunk decides, the id of the last word, otherwise -1."""
        non_word_before = chunk[-2:-1] in NON_WORD and "." not in self._collocation_starts
        if chunk[-1] != "." or self._is_plain(chunk[:-1]) or non_word_before:
            return ALWAYS, -1
        if (ellipsis := ELLIPSIS.fullmatch(chunk)) and (not ellipsis[1] or ellipsis[1].isalpha()):
            return BY_NEXT, self._kind(ellipsis[2])
        words = self._annotate(chunk)
        if any(word.sentbreak for word in words[:-1]):
            return ALWAYS, -1
        return BY_NEXT, self._kind(words[-1].tok)

    def _kind(self, word: str) -> int:
        """Return the id of a word that Punkt cannot distinguish from this one: the tuple holds all that it tests."""
        token = PunktToken(word)
        self._punkt._first_pass_annotation(token)
        collocated = token.type_no_period if token.type_no_period in self._collocation_starts else ""
        numeric = token.type_no_period == "##number##"
        kind = (token.sentbreak, token.abbr, token.ellipsis, bool(token.is_initial), numeric, collocated)
        if kind not in self._kinds:
            self._kinds[kind] = int(self._words.encode([word])[0])
        return self._kinds[kind]

    def _is_plain(self, word: str) -> bool:
        if not (word.isalpha() or (word[:1].isalpha() and word.replace("-", "").isalpha() and "--" not in word)):
            return False
        lower = word.lower()
        abbreviated = lower in self._abbreviations or lower.rsplit("-", 1)[-1] in self._abbreviations
        return len(word) > 1 and not abbreviated and lower not in self._collocation_starts

    def _find_cut(self, chunk: str) -> int:
        """Return the entry of `cuts`."""
        *_, match = INSIDE.finditer(chunk)
        end = match.end()
        always = chunk[end - 1] != "." or self._is_plain(chunk[: end - 1])
        if not (always or self._punkt.text_contains_sentbreak(chunk[: end + 1])):
            return 0
        end += self._count_moved(chunk[end:])
        return AT_END if end == len(chunk) else end

    def _count_moved(self, text: str) -> int:
        """Return how many characters of this text, which ends at a blank, move back over a break before it."""
        match: Any = self._punkt._lang_vars.re_boundary_realignment.match(text + " ")
        return len(match[0].rstrip()) if match else 0

    def _add_first_words(self, chunks: Sequence[str], ids: np.ndarray) -> None:
        match = self._punkt._lang_vars._word_tokenizer_re().match
        new = np.unique(ids[self._first_words[ids] < 0])
        self._first_words[new] = self._words.encode([match(chunks[chunk])[0] for chunk in new.tolist()])

    def _add_inner_breaks(self, chunks: Sequence[str], ids: np.ndarray) -> None:
        for index in np.unique(ids[self._inner_breaks[ids] < 0]).tolist():
            chunk = chunks[index]
            possible = ("." in chunk or "?" in chunk or "!" in chunk) and not self._is_plain(chunk[:-1])
            self._inner_breaks[index] = possible and self._punkt.text_contains_sentbreak(chunk)

    def _judge_pair(self, pair: int) -> bool:
        """Return whether the first word of a pair of word ids is a break before the second."""
        is_break = self._pair_breaks.get(pair)
        if is_break is None:
            first, second = (PunktToken(self._words.strings[word]) for word in (pair >> 32, pair & 0xFFFFFFFF))
            annotated = next(iter(self._punkt._annotate_tokens(iter((first, second)))))
            is_break = self._pair_breaks[pair] = bool(annotated.sentbreak)
        return is_break

    def _annotate(self, text: str) -> list[PunktToken]:
        return list(self._punkt._annotate_tokens(self._punkt._tokenize_words(text)))
