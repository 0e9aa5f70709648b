"""Recognises the scheme of a file's entity tags and converts them to BIO, which is what all later stages read.

A tag is O, or the position of its token in an entity and the type of the entity. The schemes name positions by other
letters and differ in which tags may follow each other:

* `bio` (IOB2): B begins every entity, I goes on.
* `iob1`: I begins an entity as well; B begins one only where the entity before ends and has the same type.
* `bioes`: like bio, but E ends an entity and S is an entity of one token. `bilou` has L for E and U for S; `bmes` has M
  for I.

Every scheme is read leniently, as conlleval reads BIO: an entity begins wherever a tag does not continue the one
before. So an illegal transition never loses an entity; it is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args

from textrnn.common.config.types import FileScheme

OUTSIDE = "O"
LONGEST_TAG = 1_000  # characters: what is longer is no tag, and different ones would fill the memory
EDGE = ""  # before the first and after the last tag of a sentence
Pairs = Counter[tuple[str, str]]  # how often a tag follows another, EDGE included

# by scheme, what the letters of a file mean: Begin, Inside, End, Single
_LETTERS: dict[FileScheme, dict[str, str]] = {
    "bio": {"B": "B", "I": "I"},
    "iob1": {"B": "B", "I": "I"},
    "bioes": {"B": "B", "I": "I", "E": "E", "S": "S"},
    "bilou": {"B": "B", "I": "I", "L": "E", "U": "S"},
    "bmes": {"B": "B", "M": "I", "E": "E", "S": "S"},
}
_TAG = re.compile(r"([BIESLUM])[-_](\S+)|(\S+)[-_]([BIESLUM])")  # B-PER and B_PER, else PER-B and PER_B
_LOWER_CASE_TAG = re.compile(r"([bieslum])[-_](\S+)|(\S+)[-_]([bieslum])")


class EntityTag(NamedTuple):
    """The letter of the position and the type; of O, both are empty."""

    letter: str
    entity_type: str


def parse_tag(tag: str, *, lower: bool = False) -> EntityTag | None:
    """The parts of a tag, or None if it is none of any scheme. lower: whether `o` and `b-` stand for O and B-."""
    if len(tag) > LONGEST_TAG:
        return None
    if tag == (OUTSIDE.lower() if lower else OUTSIDE):
        return EntityTag("", "")
    match = (_LOWER_CASE_TAG if lower else _TAG).fullmatch(tag)
    return match and EntityTag((match[1] or match[4]).upper(), match[2] or match[3])


def find_scheme(pairs: Mapping[tuple[str, str], int], *, lower: bool = False) -> FileScheme:
    """The scheme in which the fewest tags of a file are foreign or illegal.

    Of several, the one with the fewest foreign tags, and of these the first of FileScheme.
    """
    converters = {name: TagConverter(name, lower=lower) for name in get_args(FileScheme)}

    def faults(name: FileScheme) -> tuple[int, int]:
        converter = converters[name]
        foreign = sum(count for (_, tag), count in pairs.items() if converter.parse(tag) is None)
        return sum(count for pair, count in pairs.items() if converter.is_fault(*pair)), foreign

    return min(converters, key=faults)


def find_converter(pairs: Mapping[tuple[str, str], int], scheme: FileScheme | None = None) -> TagConverter:
    """The converter of a file's tags; scheme: null finds it. Without any O, `o` and `b-` stand for O and B-."""
    tags = {tag for _, tag in pairs}
    lower = OUTSIDE not in tags and OUTSIDE.lower() in tags
    return TagConverter(find_scheme(pairs, lower=lower) if scheme is None else scheme, lower=lower)


class TagConverter:
    """Converts the tags of one scheme to BIO."""

    def __init__(self, scheme: FileScheme, *, lower: bool = False) -> None:
        self.scheme: FileScheme = scheme
        self._lower = lower
        self._letters = _LETTERS[scheme]
        self._parsed: dict[str, EntityTag | None] = {EDGE: EntityTag("", "")}
        self._converted: dict[tuple[str, str], tuple[str, bool]] = {}

    def parse(self, tag: str) -> EntityTag | None:
        """The tag with B, I, E or S for its letter, or None if it is not of this scheme."""
        if tag in self._parsed:
            return self._parsed[tag]
        parsed = parse_tag(tag, lower=self._lower)
        if parsed is not None and parsed.letter:
            letter = self._letters.get(parsed.letter)
            parsed = None if letter is None else EntityTag(letter, parsed.entity_type)
        if parsed is not None:  # others may be without number
            self._parsed[tag] = parsed
        return parsed

    def to_bio(self, tags: Sequence[str]) -> tuple[list[str], int]:
        """The tags of a sentence in BIO, and how many transitions are illegal. All tags must be of this scheme."""
        converted, illegal, before = [], 0, EDGE
        for tag in (*tags, EDGE):
            found = self._converted.get((before, tag))
            if found is None:
                found = self._converted[before, tag] = self._convert(before, tag)
            converted.append(found[0])
            illegal += found[1]
            before = tag
        return converted[:-1], illegal

    def is_fault(self, before: str, tag: str) -> bool:
        """Whether the tag is not of this scheme, or may not follow the one before if that is."""
        return self.parse(tag) is None or self._convert(before, tag)[1]

    def _convert(self, before: str, tag: str) -> tuple[str, bool]:
        """The tag in BIO, and whether its transition is illegal."""
        one, two = self.parse(before) or EntityTag("", ""), self.parse(tag)
        assert two is not None
        same = two.entity_type == one.entity_type
        continues = same and one.letter in ("B", "I") and two.letter in ("I", "E")
        if self.scheme == "bio":
            illegal = two.letter == "I" and not continues
        elif self.scheme == "iob1":
            illegal = two.letter == "B" and not same
        else:
            is_open = one.letter in ("B", "I")
            illegal = not continues if is_open else two.letter in ("I", "E")
        if not two.letter:
            return OUTSIDE, illegal
        return f"{'I' if continues else 'B'}-{two.entity_type}", illegal
