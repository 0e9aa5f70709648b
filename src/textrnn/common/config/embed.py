"""The params of `embed`: the width of the embedding, its pretrained vectors and its lexicon."""

from __future__ import annotations

import math
from dataclasses import dataclass

from textrnn.common.config.params import require, require_file_name

SHORTEST = 2  # a character alone has an embedding in any case; it is also the length of a pair


@dataclass(frozen=True)
class Lexicon:
    """Which words of jieba's dictionary a recipe knows: those of two characters up to `longest`.

    vectors: a file of vectors of such words, and of pairs of characters, in the folder data.vectors; null for none.
    """

    longest: int
    vectors: str | None

    def check(self, where: str) -> None:
        require(self.longest >= SHORTEST, f"{where}.longest", f"must be at least {SHORTEST}", self.longest)
        if self.vectors is not None:
            require_file_name(self.vectors, f"{where}.vectors", "data.vectors")


@dataclass(frozen=True)
class Embed:
    """The draw of what no vectors file gives: its seed."""

    seed: int

    def check(self) -> None:
        require(self.seed >= 0, "embed.seed", "must not be negative", self.seed)


@dataclass(frozen=True)
class Embedding:
    """What a recipe's embedding is: its width, a vectors file in the folder data.vectors, and the words it may know.

    embedding_size: null takes the width of the vectors; embedding_std: the standard deviation of its values where
    they are drawn; vectors: null draws at random; lexicon: null has no words.
    """

    embedding_size: int | None
    embedding_std: float
    vectors: str | None
    lexicon: Lexicon | None

    def check(self, where: str) -> None:
        """Refuse an embedding without a width; `where` is the dotted name of the recipe."""
        named, size = f"{where}.embedding_size", self.embedding_size
        require(size is not None or self.vectors is not None, named, "is needed where vectors is null", size)
        require(size is None or size >= 1, named, "must be at least 1", size)
        std = self.embedding_std
        require(0 < std < math.inf, f"{where}.embedding_std", "must be a number above 0", std)
        if self.vectors is not None:
            require_file_name(self.vectors, f"{where}.vectors", "data.vectors")
        if self.lexicon is not None:
            self.lexicon.check(f"{where}.lexicon")
