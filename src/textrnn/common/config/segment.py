"""The params of the stage `segment`: how texts are segmented into tokens, and how the result is verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textrnn.common.config.params import require, require_file_name

Cleaning = Literal["lower", "digits", "urls"]
Segmenting = Literal["chars", "jieba", "nltk", "tokens"]


@dataclass(frozen=True)
class Segment:
    """The section `segment`: how fast segmentation is compared with nltk's and jieba's own while it runs.

    verify_share: the fraction of rows, from 0 to 1, that nltk or jieba itself segments a second time.
    seed: selects these rows.
    """

    verify_share: float
    seed: int

    def check(self) -> None:
        """Refuse values out of range."""
        require(0 <= self.verify_share <= 1, "segment.verify_share", "must lie in [0, 1]", self.verify_share)
        require(self.seed >= 0, "segment.seed", "must not be negative", self.seed)


@dataclass(frozen=True)
class Punkt:
    """The sentence model of `segment: nltk`.

    model: `train` learns it from the training split; any other name is a published model in the folder data.punkt.
    rows: the number of training rows, from the start, that it learns from, all in memory; null with a published model.
    """

    model: str
    rows: int | None


@dataclass(frozen=True)
class Segmentation:
    """How an encoding segments texts: the cleaning steps in order, the segmenter, and nltk's sentence model."""

    clean: tuple[Cleaning, ...]
    segment: Segmenting
    punkt: Punkt | None

    def check(self, where: str) -> None:
        """Refuse combinations without a meaning; `where` is the dotted name of the encoding."""
        matches = (self.segment == "nltk") == (self.punkt is not None)
        require(matches, f"{where}.punkt", "must be given with segment: nltk and null otherwise", self.punkt)
        if self.punkt is not None:
            require_file_name(self.punkt.model, f"{where}.punkt.model", "data.punkt")
            name, rows = f"{where}.punkt.rows", self.punkt.rows
            matches = (self.punkt.model == "train") == (rows is not None)
            require(matches, name, "must be given with model: train and null otherwise", rows)
            require(rows is None or rows > 0, name, "must be at least 1", rows)
