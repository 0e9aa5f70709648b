"""The params of `segment`: how an encoding cuts its texts into tokens, and how that is verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textrnn.common.config.params import require, require_file_name

Cleaning = Literal["lower", "digits", "urls"]


Segmenting = Literal["chars", "jieba", "nltk", "tokens"]


@dataclass(frozen=True)
class Segment:
    """How fast segmentation is held against the libraries' own while it runs.

    verify_share: the share of rows, from 0 to 1, that is cut a second time, by nltk or jieba itself.
    seed: which rows.
    """

    verify_share: float
    seed: int

    def check(self) -> None:
        require(0 <= self.verify_share <= 1, "segment.verify_share", "must lie between 0 and 1", self.verify_share)
        require(self.seed >= 0, "segment.seed", "must not be negative", self.seed)


@dataclass(frozen=True)
class Punkt:
    """Which sentence model `nltk` words use.

    model: `train` to learn it from the training split, or the name of a published model in the folder data.punkt.
    rows: how many training rows it learns from, from the start, all of them in memory; null with a published model.
    """

    model: str
    rows: int | None


@dataclass(frozen=True)
class Segmentation:
    """How an encoding cuts texts: cleaning steps in order, the way of segmenting, and nltk's sentence model."""

    clean: tuple[Cleaning, ...]
    segment: Segmenting
    punkt: Punkt | None

    def check(self, where: str) -> None:
        """Refuse combinations that mean nothing; `where` is the dotted name of the encoding."""
        needs = self.segment == "nltk"
        require(
            needs == (self.punkt is not None), f"{where}.punkt", "goes with segment: nltk, and only there", self.punkt
        )
        if self.punkt is not None:
            require_file_name(self.punkt.model, f"{where}.punkt.model", "data.punkt")
            learned, rows = self.punkt.model == "train", self.punkt.rows
            named = f"{where}.punkt.rows"
            require(learned == (rows is not None), named, "goes with model: train, and only there", rows)
            require(rows is None or rows > 0, named, "must be at least 1", rows)
