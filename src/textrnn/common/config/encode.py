"""The params of `encode`: the limits of the vocabulary and the scheme of the tags."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.params import require
from textrnn.common.config.types import Scheme


@dataclass(frozen=True)
class Encode:
    """How an encoding numbers its tokens, and for tagging its tags.

    min_count, max_tokens: the tokens seen at least so often in train, at most so many of them; null for all.
    tags: the scheme of the tags, null for classification.
    """

    min_count: int
    max_tokens: int | None
    tags: Scheme | None

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the encoding."""
        require(self.min_count >= 1, f"{where}.min_count", "must be at least 1", self.min_count)
        if self.max_tokens is not None:
            require(self.max_tokens >= 1, f"{where}.max_tokens", "must be at least 1", self.max_tokens)
