"""jieba's words, token for token, at several times its speed: rjieba finds the route, jieba's HMM joins what is left.

`jieba.lcut` (0.42.1) works in three steps. rjieba (0.2.2, Rust) does the first two here, this module the third.

1. Blocks. Runs of `[\\u4E00-\\u9FD5a-zA-Z0-9+#&._%-]` are cut into words, each block apart from the others; outside
   them every character is a token, and `\\r\\n` is one. rjieba's blocks hold the other CJK ideographs as well, so a
   text is first split at those (OUTSIDE): all that follows in a block has a say in how ties are rounded. It is split
   at lone surrogates too, which Rust cannot take.
2. Route. Of all ways to cover a block with dictionary words the likeliest, by sums of `log(freq) - log(total)` from
   the right, a tie going to the longer word: on both sides the same doubles, added in the same order, by the platform's
   `log`. Both dictionaries hold the same words and counts, but jieba's total counts `B超` twice. The missing 3 are
   given to "\\n", which no block holds: without them a near tie may fall otherwise (叠加入时).
3. Runs. Consecutive single characters of the route are tokens as they are if together they are a dictionary word;
   other runs go through `jieba.finalseg`: Han parts by Viterbi, the rest by `[a-zA-Z0-9]+(?:\\.\\d+)?%?`. rjieba's
   own HMM will not do: its emission table is rounded to 6 decimals (抬危遗 is cut otherwise), and it keeps `WES-5.4.5`
   whole.

Asked to leave out the HMM, rjieba gives a dictionary word as one token and a run as its characters, letters and digits
in a row joined. No dictionary word is letters and digits alone, so a token's looks tell which of the two it is (RUN).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

CutFunction = Callable[[str], list[str]]

COMPARED = {"rjieba": "0.2.2", "jieba": "0.42.1"}  # the versions for which all of the above was read and tested

OUTSIDE = re.compile("([\u3400-\u4dbf\u9fd6-\u9fff\ud800-\udfff\uf900-\ufaff\U00020000-\U0010ffff])")
# Between, before and after tokens. No token holds it: surrogates are OUTSIDE.
SEP = "\ud800"
RUN = re.compile(rf"{SEP}(?:[\u4e00-\u9fd5+#&._%\-]{SEP}|[a-zA-Z0-9]+{SEP}){{2,}}")
HAN = re.compile("([\u4e00-\u9fd5]+)")
LATIN = re.compile(r"([a-zA-Z0-9]+(?:\.\d+)?%?)")

IMPOSSIBLE = -3.14e100  # jieba's log probability of what was never seen
KEPT_RUNS = 100_000  # answers remembered, about 20 MB
KEPT_LENGTH = 32
BATCH = 200  # texts given to rjieba at once; one of them with a character OUTSIDE sends all of them one by one


def load_jieba_cut() -> CutFunction:
    """`jieba.lcut` with default arguments and jieba's own dictionary, fast where rjieba is there.

    Without rjieba, or with other versions than those compared, the answer is jieba's own and slow.
    """
    return _fast_cut().cut if is_fast() else slow_jieba_cut()


def cut_batch(texts: list[str]) -> list[list[str]]:
    """The words of each text, as `load_jieba_cut` gives them one by one, somewhat faster."""
    if not is_fast():
        return list(map(slow_jieba_cut(), texts))
    cut_many = _fast_cut().cut_many
    return [words for at in range(0, len(texts), BATCH) for words in cut_many(texts[at : at + BATCH])]


@cache
def is_fast() -> bool:
    """Whether the packages are those that were compared."""
    try:
        return all(version(name) == compared for name, compared in COMPARED.items())
    except PackageNotFoundError:
        return False


@cache
def slow_jieba_cut() -> CutFunction:
    """jieba's own `lcut`, its dictionary read from the package.

    `jieba.lcut` unmarshals `jieba.cache` from the folder for temporary files without asking who wrote it or from which
    dictionary, and anyone may write there. Reading dict.txt instead takes half a second longer, once.
    """
    import jieba

    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    cut: CutFunction = tokenizer.lcut
    return cut


class FastCut:
    """rjieba's route and jieba's HMM; loading takes a fifth of a second and never reads jieba's dictionary."""

    def __init__(self) -> None:
        from rjieba import Jieba

        rjieba = Jieba()
        rjieba.add_word("\n", 3, None)
        self._route = rjieba.cut
        self._has_word = rjieba.has_word
        self._labels = _viterbi()
        self._kept: dict[str, str] = {}

    def cut(self, text: str) -> list[str]:
        """The text's words."""
        if OUTSIDE.search(text):
            parts = OUTSIDE.split(text)  # every second one is a character outside
            return [word for at, part in enumerate(parts) for word in ([part] if at % 2 else self.cut(part))]
        return self._separated(text)[1:-1].split(SEP) if text else []

    def cut_many(self, texts: list[str]) -> list[list[str]]:
        """Each text's words, by one call of rjieba: a NUL between two texts is a token that parts their blocks."""
        joined = "\0".join(texts)
        if joined.count("\0") >= len(texts) or OUTSIDE.search(joined):
            return list(map(self.cut, texts))
        return [part[1:-1].split(SEP) if len(part) > 1 else [] for part in self._separated(joined).split("\0")]

    def _separated(self, text: str) -> str:
        return RUN.sub(self._joined, SEP.join(["", *self._route(text, False), ""]))

    def _joined(self, match: re.Match[str]) -> str:
        """A run's characters, separated, as its words, separated."""
        found = match[0]
        words = self._kept.get(found)
        if words is None:
            run = found.replace(SEP, "")
            words = found if self._has_word(run) else SEP + self._unknown_words(run)
            if len(found) <= KEPT_LENGTH:
                if len(self._kept) >= KEPT_RUNS:
                    self._kept.clear()
                self._kept[found] = words
        return words

    def _unknown_words(self, run: str) -> str:
        """`jieba.finalseg.cut`, each word followed by a separator."""
        words = ""
        for at, part in enumerate(HAN.split(run)):
            if at % 2:
                for char, label in zip(part, self._labels(part), strict=True):
                    words += char + SEP if label in "ES" else char
            elif part:
                words += "".join([word + SEP for word in LATIN.split(part) if word])
        return words


_fast_cut = cache(FastCut)


def _emissions(states: Mapping[str, Mapping[str, float]]) -> dict[str, tuple[float, ...]]:
    """Of each character the log probabilities of B, E, M and S."""
    characters = set().union(*states.values())
    return {char: tuple(states[state].get(char, IMPOSSIBLE) for state in "BEMS") for char in characters}


def _viterbi() -> Callable[[str], str]:
    """jieba's `viterbi` with the four states written out: a run's likeliest labels B, E, M, S.

    It adds in jieba's order, and a tie goes to the later letter, as `max` over (score, state) has it. So ties are
    jieba's even where a character was never seen in a state: those scores swallow all others.
    """
    from jieba.finalseg import emit_P, start_P, trans_P

    start_b, start_e, start_m, start_s = (start_P[state] for state in "BEMS")
    be, bm, eb, es = trans_P["B"]["E"], trans_P["B"]["M"], trans_P["E"]["B"], trans_P["E"]["S"]
    me, mm, sb, ss = trans_P["M"]["E"], trans_P["M"]["M"], trans_P["S"]["B"], trans_P["S"]["S"]
    emission, unseen = _emissions(emit_P).get, (IMPOSSIBLE,) * 4

    def labels(run: str) -> str:
        in_b, in_e, in_m, in_s = emission(run[0], unseen)
        b, e, m, s = start_b + in_b, start_e + in_e, start_m + in_m, start_s + in_s
        to_b, to_e, to_m, to_s = "BEMS"
        for char in run[1:]:
            in_b, in_e, in_m, in_s = emission(char, unseen)
            e_b, s_b, e_s, s_s = e + eb + in_b, s + sb + in_b, e + es + in_s, s + ss + in_s
            b_e, m_e, b_m, m_m = b + be + in_e, m + me + in_e, b + bm + in_m, m + mm + in_m
            if e_b > s_b:
                b, next_b = e_b, to_e + "B"
            else:
                b, next_b = s_b, to_s + "B"
            if e_s > s_s:
                s, to_s = e_s, to_e + "S"
            else:
                s, to_s = s_s, to_s + "S"
            if b_e > m_e:
                e, to_e = b_e, to_b + "E"
            else:
                e, to_e = m_e, to_m + "E"
            if b_m > m_m:
                m, to_m = b_m, to_b + "M"
            else:
                m, to_m = m_m, to_m + "M"
            to_b = next_b
        return to_e if e > s else to_s

    return labels
