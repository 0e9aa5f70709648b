"""The params of `encode`: the limits of the vocabulary and the scheme of the tags."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.types import Scheme
from textrnn.preparation.artifacts.vocabulary import VocabularyLimits


@dataclass(frozen=True)
class Encode:
    """What an encoding numbers: the vocabulary's limits, and for tagging the scheme of the tags."""

    min_count: int
    max_tokens: int | None
    tags: Scheme | None

    def check(self, where: str) -> None:
        self.limits().check(where)

    def limits(self) -> VocabularyLimits:
        return VocabularyLimits(self.min_count, self.max_tokens)
