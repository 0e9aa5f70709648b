"""The section `segment`: how texts are segmented into tokens, and how the result is verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textrnn.errors import ErrorCollector
from textrnn.names import check_file_name

Cleaning = Literal["lower", "digits", "urls"]
SegmenterName = Literal["chars", "jieba", "nltk", "tokens"]


@dataclass(frozen=True)
class Punkt:
    """The sentence model of `segmenter: nltk`.

    model: `train` learns it from the training split; any other name is a published model in the folder data.punkt.
    rows: the number of training rows, from the start, that it learns from, all in memory; null with a published model.
    """

    model: str
    rows: int | None

    def check(self, where: str) -> None:
        """Refuse a model outside its folder and rows that do not fit it; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            with errors.collect():
                check_file_name(self.model, f"{where}.model", "data.punkt")
            matches = (self.model == "train") == (self.rows is not None)
            errors.require(matches, f"{where}.rows", "must be given with model: train and null otherwise", self.rows)
            errors.require(self.rows is None or self.rows > 0, f"{where}.rows", "must be at least 1", self.rows)


@dataclass(frozen=True)
class Segment:
    """How an encoding segments texts, and how fast segmentation is compared with nltk's and jieba's own.

    segmenter: what splits a text into tokens. clean: the steps before that, in order. punkt: nltk's sentence model.
    verify_share: the fraction of rows, from 0 to 1, that nltk or jieba itself segments a second time.
    seed: selects these rows.
    dictionary: a file of words in the corpus's folder, which jieba takes beside its own; null for none.
    """

    segmenter: SegmenterName
    clean: tuple[Cleaning, ...]
    punkt: Punkt | None
    verify_share: float
    seed: int
    dictionary: str | None

    def check(self, where: str) -> None:
        """Refuse invalid values and combinations; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            matches = (self.segmenter == "nltk") == (self.punkt is not None)
            wrong = "must be given with segmenter: nltk and null otherwise"
            errors.require(matches, f"{where}.punkt", wrong, self.punkt)
            share = self.verify_share
            errors.require(0 <= share <= 1, f"{where}.verify_share", "must lie in [0, 1]", share)
            errors.require(self.seed >= 0, f"{where}.seed", "must not be negative", self.seed)
            if self.punkt is not None:
                with errors.collect():
                    self.punkt.check(f"{where}.punkt")
            if self.dictionary is not None:
                with errors.collect():
                    check_file_name(self.dictionary, f"{where}.dictionary", "the corpus's folder in data.source")
                wrong = "must be null unless segmenter is jieba"
                errors.require(self.segmenter == "jieba", f"{where}.dictionary", wrong, self.dictionary)
