"""Says which language texts are in: by their script, and for scripts of many languages by their most frequent words."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

# Words that are frequent in any text of a language and rare in the others.
FUNCTION_WORDS = {
    "English": "the and of to is was that with this have are not you for",
    "German": "der die und das ist nicht ein eine mit den von zu ich auf",
    "French": "le les et est des une dans pas que pour du je vous au",
    "Spanish": "el los las y es una por con no para del se su lo",
    "Italian": "il di che non per una con sono della del gli è anche mi",
    "Portuguese": "o os um uma não para com do da em que é mais foi",
    "Dutch": "de het een van en is niet dat op te met voor ik zijn",
}
LEAST_SHARE = 0.04  # of the words of a text in a language that are its function words

SCRIPTS = {
    "kana": r"\u3040-\u30ff",
    "han": r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff",
    "hangul": r"\uac00-\ud7af\u1100-\u11ff",
    "thai": r"\u0e00-\u0e7f",
    "cyrillic": r"\u0400-\u04ff",
    "greek": r"\u0370-\u03ff",
    "arabic": r"\u0600-\u06ff",
    "hebrew": r"\u0590-\u05ff",
    "devanagari": r"\u0900-\u097f",
    "latin": r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f",
}
_PATTERNS = {name: re.compile(f"[{characters}]") for name, characters in SCRIPTS.items()}
_WORD = re.compile(r"[^\W\d_]+")
_WORDS = {name: frozenset(words.split()) for name, words in FUNCTION_WORDS.items()}
WITHOUT_BLANKS = ("Chinese", "Japanese", "Thai")


@dataclass
class LanguageCounts:
    """Counts characters by script, and words, over the texts that are added."""

    scripts: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)

    def add(self, text: str) -> None:
        """Count a text."""
        for name, pattern in _PATTERNS.items():
            if found := len(pattern.findall(text)):
                self.scripts[name] += found
        if text.isascii() or self.scripts["latin"]:
            self.words.update(_WORD.findall(text.lower()))

    def language(self) -> str:
        """The language of most of the texts; `unknown` without letters, `of Latin letters` if no language is sure."""
        letters = self.scripts.total()
        if not letters:
            return "unknown"
        east = {name: self.scripts[name] for name in ("kana", "han", "hangul")}
        # a Chinese character says as much as a short word
        if 3 * sum(east.values()) > letters:
            if east["hangul"] > east["han"] + east["kana"]:
                return "Korean"
            return "Japanese" if 10 * east["kana"] > east["han"] else "Chinese"
        script = max(self.scripts, key=lambda name: self.scripts[name])
        if script != "latin":
            return "Thai" if script == "thai" else f"of {script.capitalize()} letters"
        return self._latin_language()

    def _latin_language(self) -> str:
        total = self.words.total() or 1  # letters that are no words, such as ª
        shares = {name: sum(self.words[word] for word in words) / total for name, words in _WORDS.items()}
        best = max(shares, key=lambda name: shares[name])
        return best if shares[best] >= LEAST_SHARE else "of Latin letters"
