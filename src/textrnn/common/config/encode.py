"""The params of the stage `encode`: the size of the vocabulary and the tag scheme."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.params import require
from textrnn.common.config.types import Scheme


@dataclass(frozen=True)
class Encode:
    """How an encoding maps tokens, and tags for tagging, to ids.

    min_count: the vocabulary has the tokens that occur at least this often in train.
    max_tokens: the largest number of tokens in the vocabulary; null for no bound.
    tags: the tag scheme; null for classification.
    """

    min_count: int
    max_tokens: int | None
    tags: Scheme | None

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the encoding."""
        require(self.min_count >= 1, f"{where}.min_count", "must be at least 1", self.min_count)
        if self.max_tokens is not None:
            require(self.max_tokens >= 1, f"{where}.max_tokens", "must be at least 1", self.max_tokens)
