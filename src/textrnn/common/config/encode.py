"""The section `encode`: the size of the vocabulary and the tag scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textrnn.common.config.types import Scheme
from textrnn.errors import ErrorCollector


@dataclass(frozen=True)
class Encode:
    """How an encoding maps tokens, and tags for tagging, to ids.

    min_count: the vocabulary has the tokens that occur at least this often in train; `auto` follows the number of
        train's tokens and the segmenter, by the tables of textrnn.preparation.encoding.rules.
    max_tokens: the largest number of tokens in the vocabulary; null for no bound.
    tags: the tag scheme; null for classification.
    """

    min_count: Literal["auto"] | int
    max_tokens: int | None
    tags: Scheme | None

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            for name, value in (("min_count", self.min_count), ("max_tokens", self.max_tokens)):
                errors.require(not isinstance(value, int) or value >= 1, f"{where}.{name}", "must be at least 1", value)
