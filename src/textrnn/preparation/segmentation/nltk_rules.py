"""What nltk's word rules make of one chunk, a run of text between blanks, by where in its sentence the chunk stands.

`NLTKWordTokenizer.tokenize` is a chain of substitutions over a whole sentence, most of the cost of `word_tokenize`.
The same chunks come again and again, and what becomes of one depends on nothing but the chunk and whether it begins
or ends its sentence. Why (rules by their names in nltk.tokenize.destructive; blanks are U+0020 alone here):

* No rule matches across a blank but `([:,])([^\\d])`, `([^'])' ` and those of ENDING_QUOTES that end in a blank: they
  take the one blank after a chunk and put it back. What follows it they do not look at, and a match of theirs begins in
  the chunk itself: the blank that `([^'])' ` may take as its first character is the one before a lone `'`, which is a
  token with or without that rule.
* Of the character before a chunk a rule asks whether it is a word character (neither a blank nor a sentence's start
  is), or, for `"` and `''`, whether it is a blank: at the start `^"` does the same for `"`, and nothing does for `''`.
  CONTRACTIONS3 want a blank, but run after one is put around the sentence. So HEAD is MIDDLE but for chunks that begin
  in `''`, or in `"` and a further quote, which `^"` gives a blank before (QUOTED_HEAD).
* `$` stands in three rules. `([:,])$` does what `([:,])([^\\d])` does before a blank. The two for the final period
  want a period with nothing after it but closing brackets, quotes and blanks: so the TAIL of a sentence is its last
  chunk that is more than those (CLOSERS), with all that follow. What they do to a chunk is to put blanks around the
  period: the chunk before it is as in the MIDDLE, and the closers after it are one token each. Not so two quotes
  together, nor a period that begins the chunk, before which a blank is a character and a sentence's start is none.
* `([^'])' ` runs before a blank is put after the sentence: of chunks that end in `'` the TAIL is not the MIDDLE.
* `\\s+` becoming one blank changes nothing for blanks between chunks. Other white space splits tokens too but is not
  a blank to the rules above: texts that hold any are left to nltk (nltk_words.py).

PLAIN chunks need no substitutions. There each rule isolates one kind of character, or a `--` or `...`, wherever it
stands, and the blanks it puts around are to the other rules what the isolated character was: neither digit, word
character nor `'`. A `"` opens at the chunk's start, after an opening bracket and after an opening quote, which has its
blanks by then; else it closes. The exceptions are left to nltk itself, many at a time, each between two MARKs:
apostrophes, backticks, the words of CONTRACTIONS2, `""`, where a match takes the next one's first character, and `,,`,
where `([:,])([^\\d])` takes the second as its non-digit.
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

MIDDLE, HEAD, TAIL, WHOLE = 0, 1, 2, 3  # bits: begins its sentence, ends it

MARK, OPENED = "\ue000", "\ue001"  # for private use: texts that hold them are left to nltk
ISOLATED = ';@#$%&?!*()\\[\\]{}<>«“‘„»”’\u2012-\u2015"' + MARK + OPENED
# not `)++`: before Python 3.11.5 a possessive group stops short after an alternative that failed (gh-106052)
PLAIN_TOKENS = re.compile(
    rf"[{ISOLATED}]|[:,](?![0-9])|\.{{2,}}|--|(?:[^ {ISOLATED}:,.-]++|[:,](?=[0-9])|\.(?!\.)|-(?!-))+"
)
# RE2: which chunks PLAIN_TOKENS does not know. (?i) is Python's in CONTRACTIONS2, to which ı and İ are an i. What is a
# digit beyond ASCII hangs on the Unicode version, of which Python and nltk's `regex` may each have their own.
NOT_PLAIN = '[\'`]|""|[:,]{2}|[:,][^\\x00-\\x7F]|(?i:cannot|g[iıİ]mme|gonna|gotta|lemme|wanna)'
OPENING = re.compile(rf'([{MARK} (\[{{<«“‘„])"')
QUOTED_HEAD = '^("?\'\'|"")'  # RE2
FINAL_PERIOD = re.compile(r"(.*[^.])(\.[\])}>»”’]*(?:[\"'][\])}>»”’]*)?)", re.DOTALL)
ALL_CLOSERS = "^[\\])}>\"'»”’]+$"  # RE2
CLOSERS = frozenset("])}>\"'»”’")
CHARACTERS_A_CALL = 5000  # beyond one chunk's: nltk gives a rule a time limit for each call


def matches(column: pa.StringArray, pattern: str) -> np.ndarray:
    """(N,) bool: in which of N strings an RE2 pattern is found."""
    found: np.ndarray = pc.match_substring_regex(column, pattern).to_numpy(zero_copy_only=False)
    return found


class Numbering:
    """Strings numbered from 0 in the order they are first asked for; `order` has them in that order."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.order)

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """(N,) the numbers of N texts."""
        numbers = self._numbers
        new = [text for text in dict.fromkeys(texts) if text not in numbers]
        numbers.update(zip(new, range(len(self.order), len(self.order) + len(new)), strict=True))
        self.order += new
        return np.fromiter(map(numbers.__getitem__, texts), np.int32, len(texts))


class WordRules:
    """Token lists of chunks, numbered as they come, in each of the four places.

    tokens: the tokens' own numbering. A list is `flat[starts[list] : starts[list] + sizes[list]]`.
    """

    def __init__(self) -> None:
        self.tokens = Numbering()
        self.tokens.of([MARK, OPENED, "``", '"', "''"])
        self.flat, self.starts, self.sizes = (np.zeros(0, np.int32) for _ in range(3))
        self._lists = np.zeros((0, 4), np.int32)  # of each chunk in each place, -1 where not asked for yet
        self._nltk = NLTKWordTokenizer()

    def add(self, chunks: Sequence[str]) -> None:
        """Take in the next chunks."""
        lists = np.full((len(chunks), 4), -1, np.int32)
        lists[:, MIDDLE] = self._middles(chunks)
        self._lists = np.concatenate((self._lists, lists))

    def middles(self, numbers: np.ndarray) -> np.ndarray:
        """(N,) the lists of N chunks, given by number, inside a sentence."""
        return self._lists[:, MIDDLE][numbers]

    def lists(self, chunks: Sequence[str], numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
        """(N,) the list of each of N chunks, given by number (N,), in its place (N,); `chunks` are all by number."""
        found = self._lists[numbers, places]
        new = np.unique((numbers * 4 + places)[found < 0])
        if len(new):
            self._place([chunks[number] for number in (new >> 2).tolist()], new >> 2, new & 3)
            found = self._lists[numbers, places]
        return found

    def keep(self, lists: Sequence[Sequence[str]]) -> np.ndarray:
        """Store new lists; (N,) their numbers."""
        sizes = np.fromiter(map(len, lists), np.int32, len(lists))
        return self._store(self.tokens.of(list(chain.from_iterable(lists))), np.cumsum(sizes) - sizes, sizes)

    def _keep_marked(self, marked: Sequence[str]) -> np.ndarray:
        """Store new lists, given as their tokens with a MARK after each list; (N,) their numbers."""
        tokens = self.tokens.of(marked)
        mark, opened, opening, quote, closing = range(5)
        tokens[tokens == opened], tokens[tokens == quote] = opening, closing
        stops = np.flatnonzero(tokens == mark)
        starts = np.concatenate(([0], stops + 1))[:-1]
        return self._store(tokens, starts, stops - starts)

    def _store(self, tokens: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        numbers = np.arange(len(self.sizes), len(self.sizes) + len(sizes), dtype=np.int32)
        self.starts = np.concatenate((self.starts, (starts + len(self.flat)).astype(np.int32)))
        self.sizes = np.concatenate((self.sizes, sizes.astype(np.int32)))
        self.flat = np.concatenate((self.flat, tokens))
        return numbers

    def _place(self, chunks: Sequence[str], numbers: np.ndarray, places: np.ndarray) -> None:
        """Find the lists of N chunks in places that are not MIDDLE."""
        self._lists[numbers, places] = self._lists[numbers, MIDDLE]
        parted, parts, alone = [], [], []
        quoted = matches(pa.array(chunks, pa.string()), QUOTED_HEAD) & (places & HEAD > 0)
        for at, (chunk, place) in enumerate(zip(chunks, places.tolist(), strict=True)):
            if " " in chunk or quoted[at] or (place & TAIL and chunk[0] == "."):
                alone.append(at)
            elif place & TAIL and (final := FINAL_PERIOD.fullmatch(chunk)):
                parted.append(at)
                parts.append(f"{final[1]} {final[2]}")
            elif place & TAIL and (chunk[-1] == "'" or ("." in chunk and chunk[-1] in CLOSERS)):
                alone.append(at)
        self._lists[numbers[parted], places[parted]] = self._middles(parts)
        in_sentence = [self._in_sentence(chunks[at], int(places[at])) for at in alone]
        self._lists[numbers[alone], places[alone]] = self.keep(in_sentence)

    def _in_sentence(self, chunk: str, place: int) -> list[str]:
        before, after = "" if place & HEAD else f"{MARK} ", "" if place & TAIL else f" {MARK}"
        tokens: list[str] = self._nltk.tokenize(f"{before}{chunk}{after}")
        return tokens[bool(before) : len(tokens) - bool(after)]

    def _middles(self, chunks: Sequence[str]) -> np.ndarray:
        """(N,) the numbers of new lists of N chunks, or of strings of chunks, inside a sentence."""
        column = pa.array(chunks, pa.string())
        rest = matches(column, NOT_PLAIN)
        plain = column.filter(pa.array(~rest)).to_pylist()
        numbers = np.empty(len(chunks), np.int32)
        joined = MARK + "".join(f"{chunk}{MARK}" for chunk in plain)
        numbers[~rest] = self._keep_marked(PLAIN_TOKENS.findall(OPENING.sub(rf"\1{OPENED}", joined)[1:]))
        numbers[rest] = self._keep_marked(list(self._by_nltk(column.filter(pa.array(rest)).to_pylist())))
        return numbers

    def _by_nltk(self, chunks: Sequence[str]) -> Iterable[str]:
        """The chunks' tokens, a MARK after each chunk."""
        calls = (np.cumsum(list(map(len, chunks))) // CHARACTERS_A_CALL).tolist()
        for _, call in groupby(zip(calls, chunks, strict=True), itemgetter(0)):
            joined = f" {MARK} ".join(chunk for _, chunk in call)
            yield from self._nltk.tokenize(f"{MARK} {joined} {MARK}")[1:]
