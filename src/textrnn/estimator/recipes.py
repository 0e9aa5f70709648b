"""The recipes that estimators start from, and which of them fits the rows at hand.

A recipe and its encoding are entries of the params.yaml that the package carries.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from textrnn.errors import UserError
from textrnn.project.shipped.recipes import (
    FEW_ROWS,
    MOST_ROWS,
    TAGGER,
    fitting_recipe,
    shipped_encoding,
    shipped_params,
)

AUTO = "auto"
CLASSIFIERS = ("news_bilstm", "names_bigru", "reviews_bilstm", "films_bilstm")
READS_CHARACTERS = ("news_bilstm", "names_bigru")
WORD_ENCODING = "amazon_words"  # how the shipped recipes segment English texts
LOOKED_AT = 2_000  # rows that the choice depends on, evenly spaced

# scripts that are written without blanks between words: Thai, Lao, Burmese, Khmer, kana, Han
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
TABLES = ("corpora", "encodings", "recipes")  # of params.yaml
MOSTLY = 0.5  # the fraction from which characters or tokens of a kind decide

Sections = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class StartingPoint:
    """The recipe that an estimator starts from.

    recipe: its name. segmenter: in place of that of its encoding; None keeps it. changes: other values, by section.
    """

    recipe: str
    segmenter: str | None = None
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def sections(self) -> Sections:
        """The sections of the encoding and of the recipe, as entries of params.yaml have them, changes included."""
        entry, encoding = shipped_params()["recipes"][self.recipe], shipped_encoding(self.recipe)
        names = ("segment", "encode", "vectorize", "embed", "pad", "model", "train")
        sections = {name: copy.deepcopy(encoding.get(name, entry.get(name, {}))) for name in names}
        if self.segmenter is not None:
            sections["segment"] = segment_section(self.segmenter)
        return {name: {**values, **self.changes.get(name, {})} for name, values in sections.items()}


def defaults() -> dict[str, Any]:
    """The sections of params.yaml that have defaults; a copy."""
    return {name: copy.deepcopy(values) for name, values in shipped_params().items() if name not in TABLES}


def segment_section(segmenter: str) -> dict[str, Any]:
    """The section `segment` of a segmenter; nltk has the cleaning and the sentence model of the shipped recipes."""
    words: dict[str, Any] = copy.deepcopy(shipped_params()["encodings"][WORD_ENCODING]["segment"])
    return words if segmenter == words["segmenter"] else {"segmenter": segmenter}


def start_of_classifier(texts: Sequence[str], recipe: str, segmenter: str) -> StartingPoint:
    """The recipe for these texts. `auto` follows the script, the lengths and the number of the texts.

    Names, and short texts without blanks between words, are read character by character, other texts in words. No text
    is truncated. A recipe that is named is taken as it is. Raises UserError for an unknown recipe.
    """
    _check_name(recipe, CLASSIFIERS)
    if recipe != AUTO:
        return StartingPoint(recipe, None if segmenter == AUTO else segmenter)
    name, fitting = _choose(texts)
    if segmenter not in (AUTO, fitting):
        name = "news_bilstm" if segmenter == "chars" else "reviews_bilstm" if len(texts) <= FEW_ROWS else "films_bilstm"
        fitting = segmenter
    return StartingPoint(name, fitting, {"encode": {"min_count": AUTO}, "pad": {"max_length": None}})


def _choose(texts: Sequence[str]) -> tuple[str, str]:
    """The recipe and the segmenter that fit the texts."""
    seen = evenly_spaced(texts)
    has_blanks = _share(UNSPACED, seen) < MOSTLY
    characters, words = _length_of_most(map(len, seen)), _length_of_most(len(text.split()) for text in seen)
    recipe = fitting_recipe(has_blanks=has_blanks, characters=characters, words=words, rows=len(texts))
    if recipe in READS_CHARACTERS:
        return recipe, "chars"
    if has_blanks:
        return recipe, "nltk"
    return recipe, "jieba" if _share(HAN, seen) >= MOSTLY else "chars"


def _length_of_most(lengths: Iterable[int]) -> int:
    """The length that MOST_ROWS of the rows do not exceed."""
    ordered = sorted(lengths)
    return ordered[int(MOST_ROWS * (len(ordered) - 1))]


def start_of_tagger(sentences: Sequence[Sequence[str]], recipe: str) -> StartingPoint:
    """The recipe for these tokens; with `auto` it has a lexicon only where most tokens are single Han characters.

    Raises UserError for an unknown recipe.
    """
    _check_name(recipe, (TAGGER,))
    if recipe != AUTO:
        return StartingPoint(recipe)
    tokens = [token for sentence in evenly_spaced(sentences) for token in sentence]
    characters = sum(len(token) == 1 and HAN.match(token) is not None for token in tokens)
    changes: Sections = {"encode": {"min_count": AUTO}}
    if characters < MOSTLY * len(tokens):
        changes |= {"vectorize": {"words": None}, "embed": {"lexicon": None}, "model": {"words": None}}
    return StartingPoint(TAGGER, changes=changes)


def evenly_spaced(rows: Sequence[Any]) -> Sequence[Any]:
    """At most LOOKED_AT of the rows."""
    return rows[:: -(-len(rows) // LOOKED_AT)]


def _share(pattern: re.Pattern[str], texts: Iterable[str]) -> float:
    """The fraction of the characters of the texts, blanks left out, that the pattern matches."""
    joined = "".join("".join(text.split()) for text in texts)
    return len(pattern.findall(joined)) / max(1, len(joined))


def _check_name(recipe: str, known: Sequence[str]) -> None:
    if recipe not in (AUTO, *known):
        raise UserError("recipe", f"must be one of {', '.join((AUTO, *known))}", got=repr(recipe))
