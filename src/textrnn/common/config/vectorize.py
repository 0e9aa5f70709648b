"""The section `vectorize`: vectors that are learned from texts without their labels."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.bounds import MAX_WIDTH, MAX_WINDOW, MAX_WORD, check_size
from textrnn.errors import ErrorCollector


@dataclass(frozen=True)
class BigramVectors:
    """Vectors of pairs of neighbouring tokens: as wide as `width`, for pairs that occur `min_count` times.

    norm: the Euclidean length of each.
    """

    width: int
    min_count: int
    norm: float

    def check(self, where: str, widest: int | None) -> None:
        """Refuse values out of range; `where` is the dotted name of the section, `widest` the width of tokens."""
        with ErrorCollector() as errors:
            with errors.collect():
                check_size(self.width, f"{where}.width", MAX_WIDTH)
            errors.require(self.min_count >= 1, f"{where}.min_count", "must be at least 1", self.min_count)
            narrow = widest is None or self.width <= widest
            errors.require(narrow, f"{where}.width", f"must be at most that of tokens, {widest}", self.width)
            # they are stored as float32
            errors.require(0.001 <= self.norm <= 1000, f"{where}.norm", "must lie in [0.001, 1000]", self.norm)


@dataclass(frozen=True)
class WordVectors(BigramVectors):
    """Vectors of the words of jieba's dictionary, of 2 to `longest` characters, where tokens are characters."""

    longest: int

    def check(self, where: str, widest: int | None) -> None:
        """Refuse values out of range; `where` is the dotted name of the section, `widest` the width of tokens."""
        with ErrorCollector() as errors:
            with errors.collect():
                super().check(where, widest)
            with errors.collect():
                check_size(self.longest, f"{where}.longest", MAX_WORD, least=2)


@dataclass(frozen=True)
class Vectorize:
    """How an encoding's vectors are learned: from the contexts that tokens, bigrams and words occur in.

    width: of a token's vector; null learns nothing. norm: the Euclidean length of each.
    unlabelled: whether the corpus's file of texts without labels, if it names one, is read beside train.
    min_count, max_tokens: a token has a vector if it occurs that often in all texts and is one of the most frequent.
    window, contexts, positions: a context is one of the `contexts` most frequent tokens, at most `window` tokens away;
        with positions, a token at two places of the window is two contexts.
    bigrams, words: the vectors of these; null for none. seed: of the random start of the singular value decomposition.
    """

    width: int | None
    norm: float
    unlabelled: bool
    min_count: int
    max_tokens: int
    window: int
    contexts: int
    positions: bool
    bigrams: BigramVectors | None
    words: WordVectors | None
    seed: int

    def check(self, where: str) -> None:
        """Refuse invalid values and combinations; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            for name, most in (("width", MAX_WIDTH), ("window", MAX_WINDOW)):
                with errors.collect():
                    check_size(getattr(self, name), f"{where}.{name}", most)
            for name in ("min_count", "max_tokens", "contexts"):
                errors.require(getattr(self, name) >= 1, f"{where}.{name}", "must be at least 1", getattr(self, name))
            errors.require(0.001 <= self.norm <= 1000, f"{where}.norm", "must lie in [0.001, 1000]", self.norm)
            errors.require(self.seed >= 0, f"{where}.seed", "must not be negative", self.seed)
            for name, options in (("bigrams", self.bigrams), ("words", self.words)):
                if options is not None:
                    wrong = "must be null if width is null"
                    errors.require(self.width is not None, f"{where}.{name}", wrong, options)
                    with errors.collect():
                        options.check(f"{where}.{name}", self.width)
