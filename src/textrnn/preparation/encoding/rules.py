"""The rule by which `encode.min_count: auto` follows the corpus; a number that the params state is used as it is."""

from __future__ import annotations

from textrnn.common.config.encode import Encode
from textrnn.common.params.rule_values import RuleValue

WORD_SEGMENTERS = ("jieba", "nltk")  # the tokens of the others are characters, or a file's own, which mostly are
# (tokens, min_count) for corpora with fewer tokens of train than that, and the min_count of all larger ones
MIN_COUNTS_OF_WORDS = (((100_000, 1), (2_000_000, 2)), 5)
MIN_COUNTS_OF_CHARACTERS = (((1_000_000, 1),), 2)


def auto_min_count(tokens: int, segmenter: str) -> int:
    """The smallest count that `auto` stands for, for so many tokens of train from this segmenter."""
    smaller, largest = MIN_COUNTS_OF_WORDS if segmenter in WORD_SEGMENTERS else MIN_COUNTS_OF_CHARACTERS
    return next((min_count for limit, min_count in smaller if tokens < limit), largest)


def resolve_min_count(settings: Encode, tokens: int, segmenter: str) -> tuple[int, list[RuleValue]]:
    """The smallest count of a token of the vocabulary, and the record of the rule if it gave that count."""
    if settings.min_count != "auto":
        return settings.min_count, []
    min_count = auto_min_count(tokens, segmenter)
    follows = f"{tokens:,} tokens of train, segmenter {segmenter}"
    return min_count, [RuleValue("encode.min_count", "auto", min_count, follows)]
