"""Where Punkt ends a sentence, decided for chunks and pairs of chunks once and not for each place they stand in.

`PunktSentenceTokenizer` looks at each `.`, `?` or `!` that a closing character or white space and another word follow,
takes the text from the last blank before it to the end of what follows as a context, cuts that into words and judges
each pair of neighbours (Kiss and Strunk 2006). For texts whose only white space is the blank:

* Matches within one chunk overlap, and only the last is judged: a period at the chunk's end with the next chunk as its
  context (`ends`), else the last one inside the chunk with the one character that follows it (`cuts`).
* Punkt's words never span white space, so the words of a context of two chunks are those of both. A break is found if
  a word but the last is one: inside the first chunk, at its last word, or inside the second. The first and the third
  depend on one chunk; the second on a pair of words, judged by nltk's own code where it is not plain.
* Plain is a word of two or more letters with a period, when it is no abbreviation and begins no collocation: nothing
  takes its break back. `?` and `!` are breaks always.
* Closing quotes and brackets after a break move back into the sentence (`_realign_boundaries`): all of the chunk's rest
  or of the next chunk, or as many as stand before a `--`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from nltk.tokenize.punkt import PunktSentenceTokenizer, PunktToken

from textrnn.preparation.segmentation.nltk_rules import Numbering, matches

NO_END, ALWAYS, BY_NEXT = 0, 1, 2
STAYS, MOVES, MOVES_IN_PART = 0, 1, 2
BEHIND = -1
ALONE = frozenset(')";}]*:@({[')  # neither begin nor continue a word of Punkt's

# what may follow a sentence end inside a chunk: Punkt's characters that no word holds (`_re_non_word_chars`)
INSIDE = re.compile("[.?!](?=[)\";}\\]*:@'({[‘’“”«»?!])")
INSIDE_RE2 = "[.?!][)\";}\\]*:@'({[‘’“”«»?!]"
ENDS_RE2 = "[.?!]$"
ELLIPSIS = re.compile(r"([^.]*)(\.{2,})")
CLOSING_RE2 = "^[\"')\\]}‘’“”«»]"


class SentenceRules:
    """Of each chunk, by number: what its end does, where it is cut inside, whether it belongs to the sentence before.

    ends: NO_END, or a sentence end that is a break ALWAYS or BY_NEXT chunk, by the chunk's own words.
    cuts: the offset at which a break inside the chunk parts it, BEHIND when it has moved to its end, 0 for none.
    moves: what of a chunk that follows a break moves back over it: STAYS, MOVES whole, or MOVES_IN_PART.
    """

    def __init__(self, punkt: PunktSentenceTokenizer) -> None:
        self._punkt = punkt
        self._abbreviations = punkt._params.abbrev_types
        self._collocated = {first for first, _ in punkt._params.collocations}
        self.ends, self.moves = np.zeros(0, np.int8), np.zeros(0, np.int8)
        self.cuts = np.zeros(0, np.int64)
        self._words = Numbering()
        # last and first word of a chunk, and whether it is broken by itself: -1 where not asked for yet
        self._last, self._first = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._inner = np.zeros(0, np.int8)
        self._kinds: dict[tuple[object, ...], int] = {}
        self._pairs: dict[int, bool] = {}

    def add(self, chunks: Sequence[str]) -> None:
        """Take in the next chunks."""
        column = pa.array(chunks, pa.string())
        ends, moves, last = np.zeros(len(chunks), np.int8), np.zeros(len(chunks), np.int8), np.full(len(chunks), -1)
        cuts = np.zeros(len(chunks), np.int64)
        for at in np.flatnonzero(matches(column, ENDS_RE2)).tolist():
            ends[at], last[at] = self._end(chunks[at])
        for at in np.flatnonzero(matches(column, INSIDE_RE2)).tolist():
            cuts[at] = self._cut(chunks[at])
        for at in np.flatnonzero(matches(column, CLOSING_RE2)).tolist():
            moved = self._moved(chunks[at])
            moves[at] = MOVES if moved == len(chunks[at]) else MOVES_IN_PART if moved else STAYS
        unknown = np.full(len(chunks), -1)
        self.ends, self.moves = np.concatenate((self.ends, ends)), np.concatenate((self.moves, moves))
        self.cuts, self._last = np.concatenate((self.cuts, cuts)), np.concatenate((self._last, last))
        self._first = np.concatenate((self._first, unknown))
        self._inner = np.concatenate((self._inner, unknown.astype(np.int8)))

    def breaks(self, chunks: Sequence[str], numbers: np.ndarray, following: np.ndarray) -> np.ndarray:
        """(N,) bool: whether a sentence ends behind N chunks that end in a sentence end, others following (N,)."""
        kinds = self.ends[numbers]
        found = kinds == ALWAYS
        at = np.flatnonzero(kinds == BY_NEXT)
        self._find_first(chunks, following[at])
        pairs = self._last[numbers[at]] << 32 | self._first[following[at]]
        distinct, back = np.unique(pairs, return_inverse=True)
        found[at] = np.fromiter(map(self._pair, distinct.tolist()), bool, len(distinct))[back]
        at = np.flatnonzero(~found)
        self._find_inner(chunks, following[at])
        found[at] = self._inner[following[at]] > 0
        return found

    def _end(self, chunk: str) -> tuple[int, int]:
        """What the chunk's last character does, and the number of its last word where the next chunk has a say."""
        if chunk[-1] != "." or self._plain(chunk[:-1]) or (chunk[-2:-1] in ALONE and "." not in self._collocated):
            return ALWAYS, -1
        if (ellipsis := ELLIPSIS.fullmatch(chunk)) and (not ellipsis[1] or ellipsis[1].isalpha()):
            return BY_NEXT, self._kind(ellipsis[2])
        words = self._annotated(chunk)
        if any(word.sentbreak for word in words[:-1]):
            return ALWAYS, -1
        return BY_NEXT, self._kind(words[-1].tok)

    def _kind(self, word: str) -> int:
        """The number of a word of which Punkt thinks the same: all it asks of a first word is in the tuple."""
        token = PunktToken(word)
        self._punkt._first_pass_annotation(token)
        collocated = token.type_no_period if token.type_no_period in self._collocated else ""
        numeric = token.type_no_period == "##number##"
        kind = (token.sentbreak, token.abbr, token.ellipsis, bool(token.is_initial), numeric, collocated)
        if kind not in self._kinds:
            self._kinds[kind] = int(self._words.of([word])[0])
        return self._kinds[kind]

    def _plain(self, word: str) -> bool:
        if not (word.isalpha() or (word[:1].isalpha() and word.replace("-", "").isalpha() and "--" not in word)):
            return False
        lower = word.lower()
        abbreviated = lower in self._abbreviations or lower.rsplit("-", 1)[-1] in self._abbreviations
        return len(word) > 1 and not abbreviated and lower not in self._collocated

    def _cut(self, chunk: str) -> int:
        *_, match = INSIDE.finditer(chunk)
        end = match.end()
        sure = chunk[end - 1] != "." or self._plain(chunk[: end - 1])
        if not (sure or self._punkt.text_contains_sentbreak(chunk[: end + 1])):
            return 0
        end += self._moved(chunk[end:])
        return BEHIND if end == len(chunk) else end

    def _moved(self, text: str) -> int:
        """How many characters move back over a break before this text, which ends at a blank."""
        match: Any = self._punkt._lang_vars.re_boundary_realignment.match(text + " ")
        return len(match[0].rstrip()) if match else 0

    def _find_first(self, chunks: Sequence[str], numbers: np.ndarray) -> None:
        search = self._punkt._lang_vars._word_tokenizer_re().match
        new = np.unique(numbers[self._first[numbers] < 0])
        self._first[new] = self._words.of([search(chunks[number])[0] for number in new.tolist()])

    def _find_inner(self, chunks: Sequence[str], numbers: np.ndarray) -> None:
        for number in np.unique(numbers[self._inner[numbers] < 0]).tolist():
            chunk = chunks[number]
            may = ("." in chunk or "?" in chunk or "!" in chunk) and not self._plain(chunk[:-1])
            self._inner[number] = may and self._punkt.text_contains_sentbreak(chunk)

    def _pair(self, pair: int) -> bool:
        """Whether the first word of a pair is a break before the second."""
        found = self._pairs.get(pair)
        if found is None:
            first, second = (PunktToken(self._words.order[word]) for word in (pair >> 32, pair & 0xFFFFFFFF))
            annotated = next(iter(self._punkt._annotate_tokens(iter((first, second)))))
            found = self._pairs[pair] = bool(annotated.sentbreak)
        return found

    def _annotated(self, text: str) -> list[PunktToken]:
        return list(self._punkt._annotate_tokens(self._punkt._tokenize_words(text)))
