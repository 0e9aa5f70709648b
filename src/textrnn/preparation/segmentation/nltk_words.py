"""Segment columns of texts as `nltk.word_tokenize` does, token for token, tokenizing each distinct chunk only once.

A chunk is the text between two blanks. nltk_sentences.py shows why a chunk and the next one determine where sentences
end, and nltk_rules.py why the tokens of a chunk then depend only on its position in the sentence. This module assigns
ids to the chunks of a batch and combines both results with array operations. Rows that the argument does not cover are
tokenized by nltk itself: those with white space other than the blank, and those where only a part of a chunk of closing
quotes moves back over a sentence end.
"""

from __future__ import annotations

import contextlib
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
    StringIds,
    WordRules,
    matches,
)
from textrnn.preparation.segmentation.nltk_sentences import AT_END, INSIDE_RE2, MOVES, MOVES_IN_PART, SentenceRules

with contextlib.suppress(ImportError):  # older versions have no such limit
    from nltk import redos

    # nltk gives a rule 5 seconds of wall clock. Rules take linear time, but a long line on a busy machine needs more
    redos.DEFAULT_TIMEOUT = None
BLANK = 0  # the id of the empty chunk between two blanks
ENDING, CUT, CLOSING, QUOTED, UNSUPPORTED = 1, 2, 4, 8, 16  # flags of chunks that need more than a lookup: bits
# RE2: white space other than the blank, the marks of nltk_rules, and a sentence end at the start of a chunk, which
# Punkt judges together with the chunk's last one. The last case does not matter for ALL_EXCLAMATIONS: their tokens are
# their characters in any sentence, and they always end a sentence.
SPACES = "\t-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
UNSUPPORTED_RE2 = f"[{SPACES}{MARK}{OPENED}]|(?s:^{INSIDE_RE2}.*[.?!])"
ALL_EXCLAMATIONS = "^[?!]+$"
# Capacity: chunks, tokens of their lists, characters of chunks. Beyond any of these, everything is dropped and computed
# again, so that memory does not depend on the size of the corpus.
MAX_CHUNKS, MAX_TOKENS, MAX_CHARACTERS = 1 << 18, 1 << 22, 1 << 25


class NltkWords:
    """Segments texts into nltk's words with a sentence model, given as its four tables (punkt.py)."""

    def __init__(self, punkt: Mapping[str, Any]) -> None:
        self._tables = punkt
        self._words = NLTKWordTokenizer()
        self._reset()

    def _reset(self) -> None:
        self._punkt = PunktSentenceTokenizer(_punkt_parameters(self._tables))
        self._chunks = StringIds()
        self._rules, self._sentences = WordRules(), SentenceRules(self._punkt)
        self._flags = np.zeros(0, np.uint8)
        self._token_strings = pa.array([], pa.string())
        self._characters = 0
        self._encode([""])

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of one text, by nltk itself."""
        sentences = self._punkt.tokenize(text)
        words = {sentence: self._words.tokenize(sentence) for sentence in dict.fromkeys(sentences)}
        return [word for sentence in sentences for word in words[sentence]]

    def column(self, texts: pa.StringArray) -> pa.ListArray:
        """Return the tokens of N texts as a column of lists (N,)."""
        usage = len(self._chunks) / MAX_CHUNKS, len(self._rules.flat) / MAX_TOKENS, self._characters / MAX_CHARACTERS
        if max(usage) > 1:
            self._reset()
        ids, offsets, indented = self._split(texts)
        by_nltk = np.zeros(len(texts), bool)
        unsupported = np.flatnonzero(self._flags[ids] & UNSUPPORTED)
        if len(unsupported):
            by_nltk[np.searchsorted(offsets, unsupported, side="right") - 1] = True
            ids, offsets = _filter_rows(ids, offsets, ~np.repeat(by_nltk, np.diff(offsets)))
        ids, offsets, ends = self._end_sentences(ids, offsets, by_nltk)
        starts = np.concatenate(([True], ends))
        self._join_tails(ids, starts, ends)
        is_head = starts.copy()
        is_head[offsets[:-1]] = ~indented
        lists = self._rules.middles(ids)
        edges = np.flatnonzero(ends | (is_head[:-1] & (self._flags[ids] & QUOTED > 0)))
        lists[edges] = self._rules.lists(self._chunks.strings, ids[edges], is_head[edges] + 2 * ends[edges])
        if by_nltk.any():
            lists, offsets = self._insert_by_nltk(texts, lists, offsets, by_nltk)
        return self._gather(lists, offsets)

    def _split(self, texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the ids of all chunks (M,), the row offsets (N + 1,), and which rows begin with a blank (N,)."""
        split = pc.split_pattern(texts, " ")
        encoded = split.flatten().dictionary_encode()
        ids = self._encode(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]
        offsets = split.offsets.to_numpy() - split.offsets[0].as_py()
        indented = ids[offsets[:-1]] == BLANK
        return *_filter_rows(ids, offsets, ids != BLANK), indented

    def _encode(self, chunks: Sequence[str]) -> np.ndarray:
        """Return the ids of N chunks (N,) and add new ones to the rules."""
        first = len(self._chunks)
        ids = self._chunks.encode(chunks)
        new = self._chunks.strings[first:]
        if new:
            self._characters += sum(map(len, new))
            column = pa.array(new, pa.string())
            unsupported = matches(column, UNSUPPORTED_RE2) & ~matches(column, ALL_EXCLAMATIONS)
            supported = ["" if skip else chunk for chunk, skip in zip(new, unsupported.tolist(), strict=True)]
            self._rules.add(supported)
            self._sentences.add(supported)
            flags = UNSUPPORTED * unsupported
            flags += CLOSING * matches(column, ALL_CLOSERS) + QUOTED * matches(column, QUOTED_HEAD)
            flags += ENDING * (self._sentences.ends[-len(new) :] > 0) + CUT * (self._sentences.cuts[-len(new) :] != 0)
            self._flags = np.concatenate((self._flags, flags.astype(np.uint8)))
        return ids

    def _end_sentences(
        self, ids: np.ndarray, offsets: np.ndarray, by_nltk: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the chunk ids, cut where a sentence ends inside a chunk, the row offsets, and which chunks end one.

        Sets `by_nltk` for the rows where a part of a chunk moves back over a sentence end.
        """
        rules = self._sentences
        ends = np.zeros(len(ids), bool)
        ends[offsets[1:][np.diff(offsets) > 0] - 1] = True
        flags = self._flags[ids]
        before_another = (flags & ENDING > 0) & ~ends
        cut = np.flatnonzero((flags & CUT > 0) & ~before_another)
        breaks = np.flatnonzero(before_another)
        breaks = breaks[rules.breaks(self._chunks.strings, ids[breaks], ids[breaks + 1])]
        moves = rules.moves[ids[breaks + 1]]
        by_nltk[np.searchsorted(offsets, breaks[moves == MOVES_IN_PART], side="right") - 1] = True
        ends[breaks + (moves == MOVES)] = True
        cuts = rules.cuts[ids[cut]]
        ends[cut[cuts == AT_END]] = True
        inside = cut[cuts > 0]
        if len(inside):
            parts = self._cut_chunks(ids[inside])
            ends, ids = np.insert(ends, inside, True), np.insert(ids, inside, parts[:, 0])
            ids[inside + np.arange(1, len(inside) + 1)] = parts[:, 1]
            offsets = offsets + np.searchsorted(inside, offsets)
        return ids, offsets, ends

    def _cut_chunks(self, ids: np.ndarray) -> np.ndarray:
        """(N, 2) the ids of the two parts of N chunks that a sentence end cuts."""
        chunks, cuts = self._chunks.strings, self._sentences.cuts[ids].tolist()
        pairs = [(chunks[index], cut) for index, cut in zip(ids.tolist(), cuts, strict=True)]
        return self._encode([part for chunk, cut in pairs for part in (chunk[:cut], chunk[cut:])]).reshape(-1, 2)

    def _join_tails(self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
        """Join, in place, the chunks of closers alone at the end of a sentence to the chunk before them."""
        tail_starts, tails = [], []
        for end in np.flatnonzero(ends & (self._flags[ids] & CLOSING > 0)).tolist():
            start = end
            while self._flags[ids[start]] & CLOSING and not starts[start]:
                start -= 1
            tail_starts.append(start)
            tails.append(" ".join(self._chunks.strings[index] for index in ids[start : end + 1].tolist()))
            ids[start : end + 1], ends[end] = BLANK, False
        ids[tail_starts], ends[tail_starts] = self._encode(tails), True

    def _insert_by_nltk(
        self, texts: pa.StringArray, lists: np.ndarray, offsets: np.ndarray, by_nltk: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return list ids and row offsets, with the rows of `by_nltk` (N,) replaced by nltk's own tokens."""
        lists, offsets = _filter_rows(lists, offsets, ~np.repeat(by_nltk, np.diff(offsets)))
        rows = np.flatnonzero(by_nltk)
        stored = self._rules.store([self(texts[row].as_py()) for row in rows.tolist()])
        return np.insert(lists, offsets[rows], stored), offsets + np.concatenate(([0], np.cumsum(by_nltk)))

    def _gather(self, lists: np.ndarray, offsets: np.ndarray) -> pa.ListArray:
        """Return the tokens of all rows from their list ids and row offsets."""
        rules = self._rules
        sizes = rules.sizes[lists]
        stops = np.zeros(len(sizes) + 1, np.int32)
        np.cumsum(sizes, out=stops[1:])
        tokens = np.repeat(rules.starts[lists] - stops[:-1], sizes)
        tokens += np.arange(len(tokens), dtype=np.int32)
        if len(self._token_strings) < len(rules.tokens):
            self._token_strings = pa.array(rules.tokens.strings, pa.string())
        return pa.ListArray.from_arrays(stops[offsets], self._token_strings.take(pa.array(rules.flat[tokens])))


def _filter_rows(values: np.ndarray, offsets: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of values, given by offsets, with only the values where `mask` is true."""
    if mask.all():
        return values, offsets
    return values[mask], np.concatenate(([0], np.cumsum(mask)))[offsets]


def _punkt_parameters(tables: Mapping[str, Any]) -> PunktParameters:
    parameters = PunktParameters()
    parameters.abbrev_types = set(tables["abbrev_types"])
    parameters.collocations = {(first, second) for first, second in tables["collocations"]}
    parameters.sent_starters = set(tables["sent_starters"])
    parameters.ortho_context.update(tables["ortho_context"])
    return parameters
