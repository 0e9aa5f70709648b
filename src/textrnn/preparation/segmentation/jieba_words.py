"""Segment text as `jieba.lcut` does, token for token, several times faster: rjieba for the route, jieba's HMM after it.

`jieba.lcut` (0.42.1) works in three steps. rjieba (0.2.2, in Rust) does the first two here, and this module the third.

1. Blocks. Runs of `[\\u4E00-\\u9FD5a-zA-Z0-9+#&._%-]` are segmented independently of each other. Outside these blocks
   every character is a token; `\\r\\n` is one token. rjieba's blocks also contain the other CJK ideographs. A text is
   therefore split at those first (OUTSIDE), because everything to the right in a block affects how ties are rounded. It
   is also split at lone surrogates, which Rust cannot represent.
2. Route. Among all ways to cover a block with dictionary words, the most likely one is taken: sums of
   `log(freq) - log(total)` from the right, with ties going to the longer word. Both libraries add the same doubles in
   the same order and use the platform's `log`. Both dictionaries hold the same words and counts, but jieba's total
   counts `B超` twice. The missing 3 are assigned to "\\n", which is in no block. Without them a near tie can be
   resolved differently (叠加入时).
3. Runs. Consecutive single characters of the route remain tokens if together they form a dictionary word. All other
   runs go through `jieba.finalseg`: Han parts by Viterbi, the rest by `[a-zA-Z0-9]+(?:\\.\\d+)?%?`. rjieba's own HMM is
   not equivalent: its emission table is rounded to 6 decimals (抬危遗 is segmented differently), and it keeps
   `WES-5.4.5` as one token.

Called without the HMM, rjieba returns a dictionary word as one token and a run as its characters, with consecutive
letters and digits joined. No dictionary word consists of letters and digits alone, so the form of a token shows which
of the two it is (RUN).

A user dictionary changes the counts and the total of both libraries. Its words are added to rjieba with the counts that
jieba gives them, and "\\n" gets what is then missing of jieba's total: jieba adds the count of every line of the file,
rjieba replaces that of a word it has. Words with a character that is in no block are never found, and are left out.
With a word of letters and digits alone (`5G`), the form of a token would no longer show what it is, so jieba itself
segments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from textrnn.preparation.segmentation.user_dictionary import Dictionary

CutFunction = Callable[[str], list[str]]

VERIFIED_VERSIONS = {"rjieba": "0.2.2", "jieba": "0.42.1"}  # for which all of the above was read and tested

OUTSIDE = re.compile("([\u3400-\u4dbf\u9fd6-\u9fff\ud800-\udfff\uf900-\ufaff\U00020000-\U0010ffff])")
# Between, before and after tokens. No token contains it, because surrogates are OUTSIDE.
SEP = "\ud800"
BLOCK = re.compile("[\u4e00-\u9fd5a-zA-Z0-9+#&._%-]+")
RUN = re.compile(rf"{SEP}(?:[\u4e00-\u9fd5+#&._%\-]{SEP}|[a-zA-Z0-9]+{SEP}){{2,}}")
HAN = re.compile("([\u4e00-\u9fd5]+)")
LATIN = re.compile(r"([a-zA-Z0-9]+(?:\.\d+)?%?)")

MISSING = 3  # of rjieba's total, compared with jieba's
MIN_LOG_PROBABILITY = -3.14e100  # jieba's log probability of an unseen emission
MAX_CACHED_RUNS = 100_000  # about 20 MB
MAX_CACHED_LENGTH = 32
PART_LENGTH = 512  # of a path: a part that is longer is begun anew, or to copy it would take quadratic time
BATCH_SIZE = 200  # texts per call of rjieba; one text with a character OUTSIDE sends the whole batch one by one


def load_jieba_cut(dictionary: Dictionary = ()) -> CutFunction:
    """Return `jieba.lcut` with default arguments, jieba's own dictionary and a user's, fast if rjieba is installed.

    Without rjieba, with versions other than VERIFIED_VERSIONS, or with a word of letters and digits alone, it is
    jieba's own slow function.
    """
    return _fast_cut(dictionary).cut if _can_be_fast(dictionary) else slow_jieba_cut(dictionary)


def cut_batch(texts: list[str], dictionary: Dictionary = ()) -> list[list[str]]:
    """Return the words of each text, the same as `load_jieba_cut` gives one by one, somewhat faster."""
    if not _can_be_fast(dictionary):
        return list(map(slow_jieba_cut(dictionary), texts))
    cut_many = _fast_cut(dictionary).cut_many
    batches = (texts[start : start + BATCH_SIZE] for start in range(0, len(texts), BATCH_SIZE))
    return [words for batch in batches for words in cut_many(batch)]


@cache
def is_fast() -> bool:
    """Whether the installed packages have the verified versions."""
    try:
        return all(version(name) == verified for name, verified in VERIFIED_VERSIONS.items())
    except PackageNotFoundError:
        return False


def _can_be_fast(dictionary: Dictionary) -> bool:
    return is_fast() and not any(len(word) > 1 and word.isascii() and word.isalnum() for word, _ in dictionary)


def slow_jieba_cut(dictionary: Dictionary = ()) -> CutFunction:
    """Return jieba's own `lcut`, with the dictionary read from the package, and a user's words as `load_userdict` does.

    `jieba.lcut` unmarshals `jieba.cache` from the folder for temporary files without checking who wrote it or from
    which dictionary, and anyone can write there. Reading dict.txt instead takes half a second longer, once.
    """
    return _slow_cut(dictionary)


@cache
def _slow_cut(dictionary: Dictionary) -> CutFunction:
    import jieba

    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    for word, frequency in dictionary:
        tokenizer.add_word(word, frequency)
    cut: CutFunction = tokenizer.lcut
    return cut


class FastCut:
    """rjieba's route and jieba's HMM.

    Loading takes a fifth of a second and never reads jieba's dictionary; with a user dictionary, it does.
    """

    def __init__(self, dictionary: Dictionary = ()) -> None:
        from rjieba import Jieba

        rjieba = Jieba()
        rjieba.add_word("\n", _add_words(rjieba, dictionary) if dictionary else MISSING, None)
        self._route = rjieba.cut
        self._has_word = rjieba.has_word
        self._labels = _viterbi()
        self._cache: dict[str, str] = {}

    def cut(self, text: str) -> list[str]:
        """Return the words of a text."""
        if OUTSIDE.search(text):
            parts = OUTSIDE.split(text)  # every second part is a character OUTSIDE
            return [word for index, part in enumerate(parts) for word in ([part] if index % 2 else self.cut(part))]
        return self._segment(text)[1:-1].split(SEP) if text else []

    def cut_many(self, texts: list[str]) -> list[list[str]]:
        """Return the words of each text with one call of rjieba: a NUL between texts is a token that ends blocks."""
        joined = "\0".join(texts)
        if joined.count("\0") >= len(texts) or OUTSIDE.search(joined):
            return list(map(self.cut, texts))
        return [part[1:-1].split(SEP) if len(part) > 1 else [] for part in self._segment(joined).split("\0")]

    def _segment(self, text: str) -> str:
        """Return the words of a text with a separator before, between and after them."""
        return RUN.sub(self._resolve_run, SEP.join(["", *self._route(text, False), ""]))

    def _resolve_run(self, match: re.Match[str]) -> str:
        """Return the words of a run, separated, from its separated characters."""
        separated = match[0]
        words = self._cache.get(separated)
        if words is None:
            run = separated.replace(SEP, "")
            words = separated if self._has_word(run) else SEP + self._hmm_words(run)
            if len(separated) <= MAX_CACHED_LENGTH:
                if len(self._cache) >= MAX_CACHED_RUNS:
                    self._cache.clear()
                self._cache[separated] = words
        return words

    def _hmm_words(self, run: str) -> str:
        """`jieba.finalseg.cut`, with a separator after each word."""
        words = ""
        for index, part in enumerate(HAN.split(run)):
            if index % 2:
                for char, label in zip(part, self._labels(part), strict=True):
                    words += char + SEP if label in "ES" else char
            elif part:
                words += "".join([word + SEP for word in LATIN.split(part) if word])
        return words


_fast_cut = cache(FastCut)


def _add_words(rjieba: Any, dictionary: Dictionary) -> int:
    """Add the words that texts can have, with jieba's counts; return what rjieba's total then lacks of jieba's."""
    # loaded a second time for the counts without the user's words; both stay, as rows are verified with one of them
    base, extended = (slow_jieba_cut(words).__self__ for words in ((), dictionary))  # type: ignore[attr-defined]
    counts = {word: extended.FREQ[word] for word, _ in dictionary if BLOCK.fullmatch(word)}
    for word, count in counts.items():
        rjieba.add_word(word, count, None)
    added = sum(count - base.FREQ.get(word, 0) for word, count in counts.items())
    missing: int = extended.total - (base.total - MISSING + added)
    return missing


def _emissions(states: Mapping[str, Mapping[str, float]]) -> dict[str, tuple[float, ...]]:
    """Map each character to its log probabilities in the states B, E, M and S."""
    characters = set().union(*states.values())
    return {char: tuple(states[state].get(char, MIN_LOG_PROBABILITY) for state in "BEMS") for char in characters}


def _viterbi() -> Callable[[str], str]:
    """Return jieba's `viterbi` with the four states written out: the most likely labels B, E, M, S of a run.

    It adds in jieba's order. A tie goes to the later letter, as in jieba's `max` over (score, state). Ties are
    therefore resolved as in jieba even for a character that was never seen in a state, where MIN_LOG_PROBABILITY
    absorbs all other terms.
    """
    from jieba.finalseg import emit_P, start_P, trans_P

    start_b, start_e, start_m, start_s = (start_P[state] for state in "BEMS")
    be, bm, eb, es = trans_P["B"]["E"], trans_P["B"]["M"], trans_P["E"]["B"], trans_P["E"]["S"]
    me, mm, sb, ss = trans_P["M"]["E"], trans_P["M"]["M"], trans_P["S"]["B"], trans_P["S"]["S"]
    emission, unseen = _emissions(emit_P).get, (MIN_LOG_PROBABILITY,) * 4

    def labels(run: str) -> str:
        in_b, in_e, in_m, in_s = emission(run[0], unseen)
        b, e, m, s = start_b + in_b, start_e + in_e, start_m + in_m, start_s + in_s
        path_b, path_e, path_m, path_s = "BEMS"
        finished: list[dict[str, str]] = []  # of parts of a long run, the path to each of its last labels
        for char in run[1:]:
            in_b, in_e, in_m, in_s = emission(char, unseen)
            e_b, s_b, e_s, s_s = e + eb + in_b, s + sb + in_b, e + es + in_s, s + ss + in_s
            b_e, m_e, b_m, m_m = b + be + in_e, m + me + in_e, b + bm + in_m, m + mm + in_m
            if e_b > s_b:
                b, next_b = e_b, path_e + "B"
            else:
                b, next_b = s_b, path_s + "B"
            if e_s > s_s:
                s, path_s = e_s, path_e + "S"
            else:
                s, path_s = s_s, path_s + "S"
            if b_e > m_e:
                e, path_e = b_e, path_b + "E"
            else:
                e, path_e = m_e, path_m + "E"
            if b_m > m_m:
                m, path_m = b_m, path_b + "M"
            else:
                m, path_m = m_m, path_m + "M"
            path_b = next_b
            if len(path_b) == PART_LENGTH:
                finished.append({"B": path_b, "E": path_e, "M": path_m, "S": path_s})
                path_b, path_e, path_m, path_s = "BEMS"
        path = path_e if e > s else path_s
        return _join_parts(finished, path) if finished else path

    return labels


def _join_parts(finished: Sequence[Mapping[str, str]], last: str) -> str:
    """The path of a whole run, whose last part is `last`: a part begins with the last label of the one before it."""
    parts = [last]
    for paths in reversed(finished):
        parts.append(paths[parts[-1][0]])
    return parts.pop() + "".join(part[1:] for part in reversed(parts))
