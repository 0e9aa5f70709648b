"""Learns from a tagged corpus how its tokens were cut, so that raw texts can be cut in the same way at prediction.

Some corpora have a token for each character, some have words; Chinese ones often have characters, but whole numbers
and English words. Most of the tokens of a kind decide, so that a single odd one changes nothing. Where tokens are
words, signs (punctuation and symbols) may stand alone, as the period of `Oslo .`, or be part of words, as the hash of
`#oslo`; that is learned for each sign and each place.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

Kind = Literal["unspaced", "letters", "digits", "signs"]

# of scripts that put no blanks between words: Thai to Tibetan, Myanmar, Khmer, kana, Han
UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
SUFFIX = re.compile(r"[nN]?['’]\w{1,3}")  # as in `Oslo 's`, `do n't`
PREFIX = re.compile(r"\w{1,5}['’]")  # as in `l' Italia`
MAX_AFFIXES = 200
_UNSPACED = re.compile(f"[{UNSPACED}]")


@cache
def kind_of(character: str) -> Kind:
    """The kind of a character. What is neither a digit nor a sign nor of an unspaced script counts as a letter."""
    if unicodedata.category(character)[0] in "PS":
        return "signs"
    if _UNSPACED.match(character):
        return "unspaced"
    return "digits" if character.isdecimal() else "letters"


def learn_habits(counts: Iterable[tuple[str, int]]) -> dict[str, Any]:
    """How the tokens of a corpus, with their counts, were cut: JSON values, for `HabitualTokenizer`.

    unspaced, letters, digits: whether characters of this kind are tokens by themselves (`characters`) or form `words`.
    kept_left, kept_right: the signs that are part of a word at its start or end; kept_inside: within a word.
    seen: all signs. cuts_signs: whether most signs stand alone, which decides for others. suffixes, prefixes: what is
    cut off at an apostrophe. joiner: what stands between tokens, if a text is given as tokens.
    """
    kinds = {kind: Counter[str]() for kind in ("unspaced", "letters", "digits")}
    tokens_of = Counter[str]()  # by kind, and by what they are
    signs, affixes = _SignCounts(), Counter[str]()
    for token, count in counts:
        found = Counter[str](map(kind_of, token))
        tokens_of["characters" if len(token) == 1 else "words"] += count
        for kind, counter in kinds.items():
            # a word of letters and digits is a word of letters
            if found[kind] and not (kind == "digits" and (found["letters"] or found["unspaced"])):
                counter["characters" if len(token) == 1 else "words"] += count * found[kind]
                tokens_of[kind] += count
        if SUFFIX.fullmatch(token) or PREFIX.fullmatch(token):
            affixes[token] += count
        elif found["signs"]:
            signs.add(token, count)
    habits: dict[str, Any] = _units(kinds, tokens_of) | signs.result()
    frequent = [token for token, _ in affixes.most_common(MAX_AFFIXES)]
    return habits | {
        "suffixes": [token for token in frequent if SUFFIX.fullmatch(token)],
        "prefixes": [token for token in frequent if not SUFFIX.fullmatch(token)],
    }


def _units(kinds: Mapping[str, Counter[str]], tokens_of: Counter[str]) -> dict[str, Any]:
    """What characters of each kind form; a kind that does not occur follows the most frequent one."""
    main = "unspaced" if tokens_of["unspaced"] >= tokens_of["letters"] else "letters"
    counts = kinds[main] or tokens_of  # no token has a letter: most tokens decide
    default = _more_frequent(counts)
    units = {kind: _more_frequent(counter) if counter else default for kind, counter in kinds.items()}
    if main == "letters":
        units["digits"] = units["letters"]  # a digit that is a token may be a whole number
    return {**units, "joiner": "" if units[main] == "characters" else " "}


def _more_frequent(counts: Mapping[str, int]) -> str:
    return "characters" if counts["characters"] > counts["words"] else "words"


class _SignCounts:
    """How often each sign stands alone, at the start of a word, at its end, or within it."""

    def __init__(self) -> None:
        self._alone, self._left, self._right = Counter[str](), Counter[str](), Counter[str]()
        self._inside = Counter[str]()

    def add(self, token: str, count: int) -> None:
        core = token.strip("".join({character for character in token if kind_of(character) == "signs"}))
        if not core:
            for character in token:
                self._alone[character] += count
            return
        start = token.index(core)
        places = ((self._left, token[:start]), (self._inside, core), (self._right, token[start + len(core) :]))
        for counter, characters in places:
            for character in characters:
                if kind_of(character) == "signs":
                    counter[character] += count

    def result(self) -> dict[str, Any]:
        alone, left, right, inside = self._alone, self._left, self._right, self._inside
        seen = sorted(alone.keys() | left.keys() | right.keys() | inside.keys())
        # a sign that is never within a word, though it often stands alone, parts words wherever it is
        parts = {sign for sign in seen if not inside[sign] and alone[sign] > left[sign] + right[sign]}
        return {
            "seen": "".join(seen),
            "kept_left": "".join(sign for sign in seen if left[sign] > alone[sign]),
            "kept_right": "".join(sign for sign in seen if right[sign] > alone[sign]),
            "kept_inside": "".join(sign for sign in seen if sign not in parts),
            "cuts_signs": alone.total() >= left.total() + right.total(),
        }
