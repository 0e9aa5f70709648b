"""Tells the one-byte encodings of Latin letters from each other: in the right one, the letters are those of a language.

Statistics of bytes cannot: ã of cp1252 is the ă of cp1250, and a short text has few of either.
"""

from __future__ import annotations

import re
from itertools import pairwise

# the letters beside a to z of the languages that an encoding was made for
WESTERN = (
    "àâçéèêëîïôœùûüÿ",  # French; æ is rare, and ê beside æ is Polish in another encoding
    "äöüß",  # German
    "áéíñóúüïç",  # Spanish
    "áâãàçéêíóôõúü",  # Portuguese
    "àèéìíîòóù",  # Italian
    "àçèéíïòóúü·",  # Catalan
    "äáàåæéèëöøóòôüïíú",  # Danish, Dutch, Finnish, Norwegian, Swedish
    "áðéíóúýþæö",  # Icelandic
)
CENTRAL = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "čćđšž",  # Croatian, Slovene
    "ăâîşţ",  # Romanian
)
TURKISH = ("çğıöşüâîû",)
BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")  # Lithuanian, Latvian, Estonian
CANDIDATES = {"cp1252": WESTERN, "cp1250": CENTRAL, "iso8859-2": CENTRAL, "cp1254": TURKISH, "cp1257": BALTIC}
OLD_CANDIDATES = {"cp852": CENTRAL, "cp850": WESTERN, "mac-roman": WESTERN}  # of DOS and old Macs: if no other one fits
SPLIT = re.compile(rb"[\x00-\x26\x28-\x40\x5b-\x60\x7b-\x7f]+")  # ASCII but for letters and the apostrophe
# signs that stand around words, not in them: quotes, dashes, currencies, units
BEFORE = "'“‘«‹„‚¿¡–—…•·°ºª€£¥§©®±×÷¹²³¼½¾\xa0"
AFTER = "'”’“‘»›–—…•·°ºª€™®©¹²³§×\xa0"
JOINS = re.compile("[’'–—…\xa0]")  # what stands between words without blanks
LEAST_SHARE = 0.6  # of the words, which have to be of a language
MOST_BEYOND = 0.75  # of the characters of words of Latin letters
REFUSED = float("-inf")
NOT_ASCII = re.compile(rb"[\x80-\xff]")


def latin_encoding(text: bytes) -> str | None:
    """The one-byte encoding in which the bytes beyond ASCII make words of a language; None if there is none."""
    found = [word for word in SPLIT.split(text) if not word.isascii()]
    words = [word for word in found if len(word) > 1 or word.decode("cp1252", "replace") not in BEFORE + AFTER]
    if not words:
        return "cp1252" if found else None  # signs alone
    beyond, length = sum(len(NOT_ASCII.findall(word)) for word in words), sum(map(len, words))
    if beyond > MOST_BEYOND * length and length > len(words):
        return None  # letters of another script
    for candidates in (CANDIDATES, OLD_CANDIDATES):
        points = {name: _points(words, name, alphabets) for name, alphabets in candidates.items()}
        best = max(points, key=lambda name: points[name])  # the first of several
        if points[best] > REFUSED:
            return best
    return None


def _points(words: list[bytes], encoding: str, alphabets: tuple[str, ...]) -> float:
    """How many more words are of the best language than are not; REFUSED if these are too many.

    Signs alone count for nothing, and against no encoding.
    """
    parts = [part for word in words for part in JOINS.split(word.decode(encoding, "replace"))]
    decoded = [part for part in (part.lstrip(BEFORE).rstrip(AFTER) for part in parts) if not part.isascii()]
    most = 0
    for alphabet in alphabets:
        letters = set(alphabet + alphabet.upper())
        most = max(most, sum(_is_of(letters, word) for word in decoded))
    return 2 * most - len(decoded) if most >= LEAST_SHARE * len(decoded) else REFUSED


def _is_of(letters: set[str], word: str) -> bool:
    """Whether all characters beyond ASCII are of the letters, and none of them is a capital after a small letter."""
    return all(
        character.isascii() or (character in letters and not (character.isupper() and before.islower()))
        for before, character in pairwise(" " + word)
    )
