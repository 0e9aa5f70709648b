"""Picks the segmenter, the vocabulary and the recipe that fit a file, by the table of docs/own-data.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from textrnn.project.inspection.summary import FileSummary
from textrnn.project.shipped.recipes import FEW_ROWS, SHORT_CHARACTERS, TAGGER, fitting_recipe, shipped_encoding

SMALL_FILE = 2000  # of a file: a tenth of fewer rows says little, so that a fifth is held out for dev and for test
LONGEST_TOKENS = 2000  # of a padded row
SKEWED_SHARE = 0.8  # of the most frequent label, from which accuracy says little
TEXT_BLOCK, BLOCK_ROWS = 20, 1000  # sentences held out together, in files of so many
MOSTLY = 0.5  # of a tagger's tokens


@dataclass(frozen=True)
class Choice:
    """What fits a file.

    template: the shipped recipe that is copied. suffixes: of the names of the encoding and of the recipe. segment,
    encode, vectorize: sections of the encoding. recipe: values by section that differ from the template's; None takes
    one out.
    reason: why, as a comment in params.yaml.
    """

    template: str
    suffixes: tuple[str, str]
    segment: Mapping[str, Any]
    encode: Mapping[str, Any]
    reason: str
    recipe: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vectorize: Mapping[str, Any] = field(default_factory=dict)


NLTK = {"segmenter": "nltk", "clean": ["lower", "digits", "urls"], "punkt": {"model": "train", "rows": 20000}}


def choose(summary: FileSummary) -> Choice:
    """The choice for a file, by its task, language, lengths and rows."""
    if summary.task == "tag":
        return _choose_tagger(summary)
    monitor = {"train": {"monitor": "macro_f1"}} if _is_skewed(summary) else {}
    _, most_characters, longest_characters = summary.characters
    _, most_words, longest_words = summary.words
    template = fitting_recipe(
        has_blanks=summary.has_blanks, characters=most_characters, words=most_words, rows=summary.rows
    )
    if template == "news_bilstm":
        recipe = {"pad": {"max_length": min(_even(longest_characters), 2 * SHORT_CHARACTERS)}} | monitor
        reason = f"short texts in {summary.language}: characters and their pairs"
        return Choice(template, ("chars", "bilstm"), {}, {}, reason, recipe)
    if template == "names_bigru":
        reason = "names or single words: characters and their pairs"
        return Choice(template, ("chars", "bigru"), {}, {}, reason, monitor)
    segment, longest = NLTK, longest_words
    if not summary.has_blanks:
        segment = {"segmenter": "jieba"} if summary.language == "Chinese" else {"segmenter": "chars"}
        longest = longest_characters
    recipe = dict(monitor)
    if longest > LONGEST_TOKENS:
        recipe["pad"] = {"max_length": LONGEST_TOKENS}
    unit = "characters" if segment["segmenter"] == "chars" else "words"
    size = "up to" if summary.rows <= FEW_ROWS else "more than"
    reason = f"texts of several {unit}, {size} {FEW_ROWS:,} rows: {unit} and their pairs"
    suffix = "chars" if unit == "characters" else "words"
    return Choice(template, (suffix, "bilstm"), segment, {"min_count": "auto"}, reason, recipe)


def held_out(summary: FileSummary) -> dict[str, Any]:
    """How dev and test are each held out: `{from, share, block}`."""
    together = summary.task == "tag" and summary.rows >= BLOCK_ROWS
    share = 0.2 if summary.rows < SMALL_FILE else 0.1
    return {"from": "train", "share": share, "block": TEXT_BLOCK if together else 1}


def _choose_tagger(summary: FileSummary) -> Choice:
    encode = {"min_count": "auto" if summary.rows < SMALL_FILE else 2, "tags": "bioes"}
    segment, vectorize = {"segmenter": "tokens"}, shipped_encoding(TAGGER)["vectorize"]
    if summary.single_characters > MOSTLY:
        reason = "tagged characters: their pairs, the words of a dictionary, a CRF"
        return Choice(TAGGER, ("chars", "bilstm_crf"), segment, encode, reason, vectorize=vectorize)
    reason = "tagged words: their pairs, a CRF"
    recipe: dict[str, dict[str, Any]] = {"embed": {"lexicon": None}, "model": {"words": None}}
    of_pairs = {name: value for name, value in vectorize.items() if name != "words"}
    return Choice(TAGGER, ("tokens", "bilstm_crf"), segment, encode, reason, recipe, of_pairs)


def _is_skewed(summary: FileSummary) -> bool:
    return max(summary.labels.values(), default=0) > SKEWED_SHARE * summary.rows


def _even(length: int) -> int:
    """The length as a multiple of 8."""
    return -(-length // 8) * 8
