"""The params of the stage `embed`: the width of the embedding, its pretrained vectors and the lexicon."""

from __future__ import annotations

import math
from dataclasses import dataclass

from textrnn.common.config.params import require, require_file_name


@dataclass(frozen=True)
class Lexicon:
    """The words of jieba's dictionary that a recipe uses: those of 2 to `longest` characters.

    vectors: a file in the folder data.vectors with vectors of such words and of character bigrams; null for none.
    """

    longest: int
    vectors: str | None

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        # a single character has an embedding anyway
        require(self.longest >= 2, f"{where}.longest", "must be at least 2", self.longest)
        if self.vectors is not None:
            require_file_name(self.vectors, f"{where}.vectors", "data.vectors")


@dataclass(frozen=True)
class Embed:
    """The section `embed`: the seed of the rows that no file of vectors provides."""

    seed: int

    def check(self) -> None:
        """Refuse values out of range."""
        require(self.seed >= 0, "embed.seed", "must not be negative", self.seed)


@dataclass(frozen=True)
class Embedding:
    """A recipe's embedding.

    embedding_size: its width; null takes the width of the vectors.
    embedding_std: the standard deviation of values that are sampled.
    vectors: a file of pretrained vectors in the folder data.vectors; null samples all rows.
    lexicon: the words whose embeddings the model adds; null for none.
    """

    embedding_size: int | None
    embedding_std: float
    vectors: str | None
    lexicon: Lexicon | None

    def check(self, where: str) -> None:
        """Refuse an embedding without a width and values out of range; `where` is the dotted name of the recipe."""
        name, size = f"{where}.embedding_size", self.embedding_size
        require(size is not None or self.vectors is not None, name, "must be a number where vectors is null", size)
        require(size is None or size >= 1, name, "must be at least 1", size)
        std = self.embedding_std
        require(0 < std < math.inf, f"{where}.embedding_std", "must be above 0 and finite", std)
        if self.vectors is not None:
            require_file_name(self.vectors, f"{where}.vectors", "data.vectors")
        if self.lexicon is not None:
            self.lexicon.check(f"{where}.lexicon")
