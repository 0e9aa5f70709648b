"""`nltk.word_tokenize` over columns of texts: the same tokens, from chunks that are cut once.

A chunk is what stands between two blanks. nltk_sentences.py says why a chunk and the next one tell where sentences end,
nltk_rules.py why a chunk's tokens then depend on its place in the sentence alone. This module numbers the chunks of a
batch and puts both together, all of it with arrays. Rows it cannot vouch for go through nltk as they are: those with
white space other than the blank, and those where half a chunk of closing quotes moves back over a sentence end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from nltk.tokenize import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

from textrnn.preparation.segmentation.nltk_rules import (
    ALL_CLOSERS,
    MARK,
    OPENED,
    QUOTED_HEAD,
    Numbering,
    WordRules,
    matches,
)
from textrnn.preparation.segmentation.nltk_sentences import BEHIND, INSIDE_RE2, MOVES, MOVES_IN_PART, SentenceRules

BLANK = 0  # the number of the chunk between two blanks
ENDING, CUT, CLOSING, QUOTED, ODD = 1, 2, 4, 8, 16  # what makes a chunk worth a look: bits
# RE2: white space other than the blank; marks that are already there; and a sentence end at a chunk's start, which
# Punkt judges beside the chunk's last one. It makes no difference to EXCLAIMED ones, whose tokens are their characters
# in whichever sentence, and which end one in any case.
SPACES = "\t-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
ODD_CHUNK = f"[{SPACES}{MARK}{OPENED}]|(?s:^{INSIDE_RE2}.*[.?!])"
EXCLAIMED = "^[?!]+$"
# Kept at once: chunks, tokens of their lists, letters of chunks. Beyond any of these all is forgotten and learned anew,
# so that memory does not hang on the size of the corpus.
MOST_CHUNKS, MOST_TOKENS, MOST_LETTERS = 1 << 18, 1 << 22, 1 << 25


class NltkWords:
    """Cuts texts into nltk's words, with a sentence model given by its four tables (segmenters.py)."""

    def __init__(self, punkt: Mapping[str, Any]) -> None:
        self._tables = punkt
        self._words = NLTKWordTokenizer()
        self._forget()

    def _forget(self) -> None:
        self._punkt = PunktSentenceTokenizer(_parameters(self._tables))
        self._chunks = Numbering()
        self._rules, self._sentences = WordRules(), SentenceRules(self._punkt)
        self._marks = np.zeros(0, np.uint8)
        self._pool = pa.array([], pa.string())
        self._letters = 0
        self._number([""])

    def __call__(self, text: str) -> list[str]:
        """The tokens of one text, by nltk itself."""
        return [word for sentence in self._punkt.tokenize(text) for word in self._words.tokenize(sentence)]

    def column(self, texts: pa.StringArray) -> pa.ListArray:
        """Texts (N,) into lists of tokens (N,)."""
        if max(len(self._chunks) / MOST_CHUNKS, len(self._rules.flat) / MOST_TOKENS, self._letters / MOST_LETTERS) > 1:
            self._forget()
        units, offsets, indented = self._units(texts)
        by_nltk = np.zeros(len(texts), bool)
        odd = np.flatnonzero(self._marks[units] & ODD)
        if len(odd):
            by_nltk[np.searchsorted(offsets, odd, side="right") - 1] = True
            units, offsets = _without(units, offsets, ~np.repeat(by_nltk, np.diff(offsets)))
        units, offsets, ends = self._end_sentences(units, offsets, by_nltk)
        starts = np.concatenate(([True], ends))
        self._join_tails(units, starts, ends)
        begins = starts.copy()
        begins[offsets[:-1]] = ~indented
        lists = self._rules.middles(units)
        edges = np.flatnonzero(ends | (begins[:-1] & (self._marks[units] & QUOTED > 0)))
        lists[edges] = self._rules.lists(self._chunks.order, units[edges], begins[edges] + 2 * ends[edges])
        if by_nltk.any():
            lists, offsets = self._replace(texts, lists, offsets, by_nltk)
        return self._gather(lists, offsets)

    def _units(self, texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The numbers of all chunks (M,), where a row's start (N + 1,), and which rows begin with a blank (N,)."""
        split = pc.split_pattern(texts, " ")
        encoded = split.flatten().dictionary_encode()
        units = self._number(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]
        offsets = split.offsets.to_numpy() - split.offsets[0].as_py()
        indented = units[offsets[:-1]] == BLANK
        return *_without(units, offsets, units != BLANK), indented

    def _number(self, chunks: Sequence[str]) -> np.ndarray:
        """(N,) the numbers of N chunks, new ones taken in."""
        first = len(self._chunks)
        numbers = self._chunks.of(chunks)
        new = self._chunks.order[first:]
        if new:
            self._letters += sum(map(len, new))
            column = pa.array(new, pa.string())
            odd = matches(column, ODD_CHUNK) & ~matches(column, EXCLAIMED)
            known = ["" if strange else chunk for chunk, strange in zip(new, odd.tolist(), strict=True)]
            self._rules.add(known)
            self._sentences.add(known)
            marks = ODD * odd + CLOSING * matches(column, ALL_CLOSERS) + QUOTED * matches(column, QUOTED_HEAD)
            marks += ENDING * (self._sentences.ends[-len(new) :] > 0) + CUT * (self._sentences.cuts[-len(new) :] != 0)
            self._marks = np.concatenate((self._marks, marks.astype(np.uint8)))
        return numbers

    def _end_sentences(
        self, units: np.ndarray, offsets: np.ndarray, by_nltk: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Units, parted where a sentence ends inside one, their offsets by row, and whether each ends its sentence."""
        rules = self._sentences
        ends = np.zeros(len(units), bool)
        ends[offsets[1:][np.diff(offsets) > 0] - 1] = True
        marks = self._marks[units]
        before_another = (marks & ENDING > 0) & ~ends
        cut = np.flatnonzero((marks & CUT > 0) & ~before_another)
        at = np.flatnonzero(before_another)
        at = at[rules.breaks(self._chunks.order, units[at], units[at + 1])]
        moves = rules.moves[units[at + 1]]
        by_nltk[np.searchsorted(offsets, at[moves == MOVES_IN_PART], side="right") - 1] = True
        ends[at + (moves == MOVES)] = True
        cuts = rules.cuts[units[cut]]
        ends[cut[cuts == BEHIND]] = True
        parted = cut[cuts > 0]
        if len(parted):
            parts = self._part(units[parted])
            ends, units = np.insert(ends, parted, True), np.insert(units, parted, parts[:, 0])
            units[parted + np.arange(1, len(parted) + 1)] = parts[:, 1]
            offsets = offsets + np.searchsorted(parted, offsets)
        return units, offsets, ends

    def _part(self, units: np.ndarray) -> np.ndarray:
        """(N, 2) the numbers of what N units are parted into."""
        chunks, cuts = self._chunks.order, self._sentences.cuts[units].tolist()
        pairs = [(chunks[unit], cut) for unit, cut in zip(units.tolist(), cuts, strict=True)]
        return self._number([part for chunk, cut in pairs for part in (chunk[:cut], chunk[cut:])]).reshape(-1, 2)

    def _join_tails(self, units: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> None:
        """Where a sentence ends in chunks of closers alone, take them and the chunk before as one, in place."""
        starts, tails = [], []
        for end in np.flatnonzero(ends & (self._marks[units] & CLOSING > 0)).tolist():
            start = end
            while self._marks[units[start]] & CLOSING and not begins[start]:
                start -= 1
            starts.append(start)
            tails.append(" ".join(self._chunks.order[unit] for unit in units[start : end + 1].tolist()))
            units[start : end + 1], ends[end] = BLANK, False
        units[starts], ends[starts] = self._number(tails), True

    def _replace(
        self, texts: pa.StringArray, lists: np.ndarray, offsets: np.ndarray, by_nltk: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lists and their offsets with those of some rows made by nltk."""
        lists, offsets = _without(lists, offsets, ~np.repeat(by_nltk, np.diff(offsets)))
        rows = np.flatnonzero(by_nltk)
        made = self._rules.keep([self(texts[row].as_py()) for row in rows.tolist()])
        return np.insert(lists, offsets[rows], made), offsets + np.concatenate(([0], np.cumsum(by_nltk)))

    def _gather(self, lists: np.ndarray, offsets: np.ndarray) -> pa.ListArray:
        rules = self._rules
        sizes = rules.sizes[lists]
        stops = np.zeros(len(sizes) + 1, np.int32)
        np.cumsum(sizes, out=stops[1:])
        tokens = np.repeat(rules.starts[lists] - stops[:-1], sizes)
        tokens += np.arange(len(tokens), dtype=np.int32)
        if len(self._pool) < len(rules.tokens):
            self._pool = pa.array(rules.tokens.order, pa.string())
        return pa.ListArray.from_arrays(stops[offsets], self._pool.take(pa.array(rules.flat[tokens])))


def _without(values: np.ndarray, offsets: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of values, given by offsets, with only the values kept."""
    if kept.all():
        return values, offsets
    return values[kept], np.concatenate(([0], np.cumsum(kept)))[offsets]


def _parameters(tables: Mapping[str, Any]) -> PunktParameters:
    parameters = PunktParameters()
    parameters.abbrev_types = set(tables["abbrev_types"])
    parameters.collocations = {(first, second) for first, second in tables["collocations"]}
    parameters.sent_starters = set(tables["sent_starters"])
    parameters.ortho_context.update(tables["ortho_context"])
    return parameters
