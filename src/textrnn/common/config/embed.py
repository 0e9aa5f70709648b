"""The section `embed`: the width of a recipe's embedding, its pretrained vectors and its lexicon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from textrnn.common.config.bounds import MAX_WIDTH, MAX_WORD, check_size
from textrnn.errors import ErrorCollector
from textrnn.names import check_file_name


@dataclass(frozen=True)
class Lexicon:
    """The words of jieba's dictionary that a recipe uses: those of 2 to `longest` characters.

    vectors: a file in the folder data.vectors with vectors of such words and of character bigrams; `vectorized` for
        those words that the encoding's `vectorize` has learned; null for none.
    """

    longest: int
    vectors: str | None

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            # a single character has an embedding anyway
            with errors.collect():
                check_size(self.longest, f"{where}.longest", MAX_WORD, least=2)
            if self.vectors is not None:
                with errors.collect():
                    check_file_name(self.vectors, f"{where}.vectors", "data.vectors")


@dataclass(frozen=True)
class Embed:
    """The initial embedding of a recipe.

    width: of a vector; null takes the width of the vectors.
    std: the standard deviation of values that are sampled.
    vectors: `vectorized` for those that the encoding's `vectorize` has learned, or a file in the folder data.vectors;
        null samples all rows.
    bigrams: whether the model's bigrams start from vectors that `vectorize` has learned; null for random ones.
    lexicon: the words whose embeddings the model adds; null for none.
    seed: of the rows that have no vector.
    """

    width: int | None
    std: float
    vectors: str | None
    bigrams: Literal["vectorized"] | None
    lexicon: Lexicon | None
    seed: int

    def check(self, where: str) -> None:
        """Refuse an embedding without a width and values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            width, std = self.width, self.std
            has_width = width is not None or self.vectors is not None
            errors.require(has_width, f"{where}.width", "must be a number if vectors is null", width)
            with errors.collect():
                check_size(width, f"{where}.width", MAX_WIDTH)
            errors.require(0 < std < math.inf, f"{where}.std", "must be above 0 and finite", std)
            errors.require(self.seed >= 0, f"{where}.seed", "must not be negative", self.seed)
            if self.vectors is not None:
                with errors.collect():
                    check_file_name(self.vectors, f"{where}.vectors", "data.vectors")
            if self.lexicon is not None:
                with errors.collect():
                    self.lexicon.check(f"{where}.lexicon")
            file = self.lexicon.vectors if self.lexicon is not None else None
            wrong = f"must be null if lexicon.vectors is a file, which has vectors of bigrams too: {file}"
            one_source = self.bigrams is None or file in (None, "vectorized")
            errors.require(one_source, f"{where}.bigrams", wrong, self.bigrams)
