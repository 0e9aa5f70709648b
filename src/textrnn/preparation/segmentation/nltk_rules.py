"""nltk's word rules per chunk: the tokens of a chunk, a run of text between blanks, by its position in the sentence.

`NLTKWordTokenizer.tokenize` is a chain of substitutions over a whole sentence and most of the cost of `word_tokenize`.
The same chunks occur again and again, and the tokens of a chunk depend only on the chunk and on whether it begins or
ends its sentence. Why (rules by their names in nltk.tokenize.destructive; blanks are U+0020 alone here):

* No rule matches across a blank except `([:,])([^\\d])`, `([^'])' ` and those of ENDING_QUOTES that end in a blank.
  They consume the one blank after a chunk and put it back. They do not look at what follows it, and their matches begin
  in the chunk itself: the blank that `([^'])' ` may take as its first character is the one before a lone `'`, which is
  a token with or without that rule.
* Of the character before a chunk, a rule tests only whether it is a word character (neither a blank nor the start of a
  sentence is one) or, for `"` and `''`, whether it is a blank. At the start, `^"` does the same for `"`, and no rule
  does it for `''`. CONTRACTIONS3 require a blank but run after one is put around the sentence. So HEAD equals MIDDLE
  except for chunks that begin with `''`, or with `"` and another quote, which gets a blank before it from `^"`
  (QUOTED_HEAD).
* `$` occurs in three rules. `([:,])$` does what `([:,])([^\\d])` does before a blank. The two for the final period
  match a period followed only by closing brackets, quotes and blanks. So the TAIL of a sentence is its last chunk that
  contains anything else than these (CLOSERS), with all that follows it. The rules only put blanks around the period:
  the part before it gets the tokens of MIDDLE, and each closer after it is one token. The exceptions are two quotes in
  a row, and a period that begins the chunk, because a blank before it is a character and the start of a sentence is
  none.
* `([^'])' ` runs before a blank is put after the sentence: for chunks that end in `'`, TAIL differs from MIDDLE.
* Replacing `\\s+` by one blank changes nothing for blanks between chunks. Other white space also separates tokens but
  is not a blank to the rules above: texts that contain it are left to nltk (nltk_words.py).

PLAIN chunks need no substitutions. In them, each rule isolates one kind of character, or a `--` or `...`, wherever it
occurs, and the blanks put around it affect the other rules as the isolated character did: neither is a digit, a word
character or `'`. A `"` opens at the start of the chunk, after an opening bracket and after an opening quote, which
already has its blanks; otherwise it closes. The exceptions are left to nltk itself, many per call, each between two
MARKs: apostrophes, backticks, the words of CONTRACTIONS2, `""`, where a match consumes the first character of the next
one, and `,,`, where `([:,])([^\\d])` consumes the second comma as its non-digit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from nltk.tokenize import NLTKWordTokenizer

MIDDLE, HEAD, TAIL, WHOLE = 0, 1, 2, 3  # bits: HEAD begins its sentence, TAIL ends it

MARK, OPENED = "\ue000", "\ue001"  # private use characters: texts that contain them are left to nltk
ISOLATED = ';@#$%&?!*()\\[\\]{}<>«“‘„»”’\u2012-\u2015"' + MARK + OPENED
# not `)++`: before Python 3.11.5 a possessive group stops too early after an alternative that failed (gh-106052)
PLAIN_TOKENS = re.compile(
    rf"[{ISOLATED}]|[:,](?![0-9])|\.{{2,}}|--|(?:[^ {ISOLATED}:,.-]++|[:,](?=[0-9])|\.(?!\.)|-(?!-))+"
)
# RE2: chunks that PLAIN_TOKENS does not handle. (?i) is that of Python in CONTRACTIONS2, where ı and İ equal i. Which
# characters beyond ASCII are digits depends on the Unicode version, and Python and nltk's `regex` can differ in it.
NOT_PLAIN = '[\'`]|""|[:,]{2}|[:,][^\\x00-\\x7F]|(?i:cannot|g[iıİ]mme|gonna|gotta|lemme|wanna)'
OPENING = re.compile(rf'([{MARK} (\[{{<«“‘„])"')
QUOTED_HEAD = '^("?\'\'|"")'  # RE2
FINAL_PERIOD = re.compile(r"(.*[^.])(\.[\])}>»”’]*(?:[\"'][\])}>»”’]*)?)", re.DOTALL)
ALL_CLOSERS = "^[\\])}>\"'»”’]+$"  # RE2
CLOSERS = frozenset("])}>\"'»”’")
CHARACTERS_PER_CALL = 5000  # plus at most one chunk: nltk limits the time of a rule in each call


def matches(column: pa.StringArray, pattern: str) -> np.ndarray:
    """(N,) bool: in which of N strings an RE2 pattern is found."""
    mask: np.ndarray = pc.match_substring_regex(column, pattern).to_numpy(zero_copy_only=False)
    return mask


class StringIds:
    """Assigns ids to strings from 0 in the order in which they are first seen; `strings` lists them by id."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.strings)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(N,) int32: the ids of N strings."""
        ids = self._ids
        new = [text for text in dict.fromkeys(texts) if text not in ids]
        ids.update(zip(new, range(len(self.strings), len(self.strings) + len(new)), strict=True))
        self.strings += new
        return np.fromiter(map(ids.__getitem__, texts), np.int32, len(texts))


class WordRules:
    """Token lists of chunks, by chunk id, in each of the four positions.

    tokens: the ids of the tokens. The list with id i is `flat[starts[i] : starts[i] + sizes[i]]`.
    """

    def __init__(self) -> None:
        self.tokens = StringIds()
        self.tokens.encode([MARK, OPENED, "``", '"', "''"])
        self.flat, self.starts, self.sizes = (np.zeros(0, np.int32) for _ in range(3))
        self._list_ids = np.zeros((0, 4), np.int32)  # (chunks, positions), -1 if not computed yet
        self._nltk = NLTKWordTokenizer()

    def add(self, chunks: Sequence[str]) -> None:
        """Add the chunks with the next ids."""
        list_ids = np.full((len(chunks), 4), -1, np.int32)
        list_ids[:, MIDDLE] = self._tokenize_middles(chunks)
        self._list_ids = np.concatenate((self._list_ids, list_ids))

    def middles(self, ids: np.ndarray) -> np.ndarray:
        """(N,) the list ids of N chunks, given by id, inside a sentence."""
        return self._list_ids[:, MIDDLE][ids]

    def lists(self, chunks: Sequence[str], ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """(N,) the list id of each of N chunks, given by id (N,), in its position (N,); `chunks` are all, by id."""
        list_ids = self._list_ids[ids, positions]
        new = np.unique((ids * 4 + positions)[list_ids < 0])
        if len(new):
            self._add_positions([chunks[chunk] for chunk in (new >> 2).tolist()], new >> 2, new & 3)
            list_ids = self._list_ids[ids, positions]
        return list_ids

    def store(self, lists: Sequence[Sequence[str]]) -> np.ndarray:
        """Store new token lists; return their ids (N,)."""
        sizes = np.fromiter(map(len, lists), np.int32, len(lists))
        return self._append(self.tokens.encode(list(chain.from_iterable(lists))), np.cumsum(sizes) - sizes, sizes)

    def _store_marked(self, tokens: Sequence[str]) -> np.ndarray:
        """Store new token lists, given as one sequence with a MARK after each list; return their ids (N,)."""
        ids = self.tokens.encode(tokens)
        mark, opened, opening, quote, closing = range(5)
        ids[ids == opened], ids[ids == quote] = opening, closing
        stops = np.flatnonzero(ids == mark)
        starts = np.concatenate(([0], stops + 1))[:-1]
        return self._append(ids, starts, stops - starts)

    def _append(self, tokens: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        list_ids = np.arange(len(self.sizes), len(self.sizes) + len(sizes), dtype=np.int32)
        self.starts = np.concatenate((self.starts, (starts + len(self.flat)).astype(np.int32)))
        self.sizes = np.concatenate((self.sizes, sizes.astype(np.int32)))
        self.flat = np.concatenate((self.flat, tokens))
        return list_ids

    def _add_positions(self, chunks: Sequence[str], ids: np.ndarray, positions: np.ndarray) -> None:
        """Compute the lists of N chunks in positions other than MIDDLE."""
        self._list_ids[ids, positions] = self._list_ids[ids, MIDDLE]
        with_period, separated, by_nltk = [], [], []
        quoted = matches(pa.array(chunks, pa.string()), QUOTED_HEAD) & (positions & HEAD > 0)
        for index, (chunk, position) in enumerate(zip(chunks, positions.tolist(), strict=True)):
            if " " in chunk or quoted[index] or (position & TAIL and chunk[0] == "."):
                by_nltk.append(index)
            elif position & TAIL and (final := FINAL_PERIOD.fullmatch(chunk)):
                with_period.append(index)
                separated.append(f"{final[1]} {final[2]}")
            elif position & TAIL and (chunk[-1] == "'" or ("." in chunk and chunk[-1] in CLOSERS)):
                by_nltk.append(index)
        self._list_ids[ids[with_period], positions[with_period]] = self._tokenize_middles(separated)
        lists = [self._tokenize_in_position(chunks[index], int(positions[index])) for index in by_nltk]
        self._list_ids[ids[by_nltk], positions[by_nltk]] = self.store(lists)

    def _tokenize_in_position(self, chunk: str, position: int) -> list[str]:
        before, after = "" if position & HEAD else f"{MARK} ", "" if position & TAIL else f" {MARK}"
        tokens: list[str] = self._nltk.tokenize(f"{before}{chunk}{after}")
        return tokens[bool(before) : len(tokens) - bool(after)]

    def _tokenize_middles(self, chunks: Sequence[str]) -> np.ndarray:
        """(N,) the ids of new lists for N chunks, or strings of several chunks, inside a sentence."""
        column = pa.array(chunks, pa.string())
        special = matches(column, NOT_PLAIN)
        plain = column.filter(pa.array(~special)).to_pylist()
        list_ids = np.empty(len(chunks), np.int32)
        joined = MARK + "".join(f"{chunk}{MARK}" for chunk in plain)
        list_ids[~special] = self._store_marked(PLAIN_TOKENS.findall(OPENING.sub(rf"\1{OPENED}", joined)[1:]))
        list_ids[special] = self._store_marked(
            list(self._tokenize_by_nltk(column.filter(pa.array(special)).to_pylist()))
        )
        return list_ids

    def _tokenize_by_nltk(self, chunks: Sequence[str]) -> Iterable[str]:
        """Yield the tokens of the chunks, with a MARK after each chunk."""
        calls = (np.cumsum(list(map(len, chunks))) // CHARACTERS_PER_CALL).tolist()
        for _, call in groupby(zip(calls, chunks, strict=True), itemgetter(0)):
            joined = f" {MARK} ".join(chunk for _, chunk in call)
            yield from self._nltk.tokenize(f"{MARK} {joined} {MARK}")[1:]
