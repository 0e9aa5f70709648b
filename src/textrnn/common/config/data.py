"""The sections `data`, `sample` and `limits`: input folders, generated corpora, and caps for smaller runs."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.params import require


@dataclass(frozen=True)
class Data:
    """The section `data`: input folders, and the seed of the splits.

    source: has one folder of raw files per corpus. vectors: has files of word vectors. punkt: has Punkt models.
    seed: of everything that the stage `parse` samples.
    """

    source: str
    vectors: str
    punkt: str
    seed: int


@dataclass(frozen=True)
class Sample:
    """The section `sample`: how corpora are generated.

    seed: of all random choices, together with the corpus and the role of the file.
    rows: training rows of each corpus; the dev and test files have a fifth of that each.
    """

    seed: int
    rows: int

    def check(self) -> None:
        """Refuse values out of range."""
        require(self.rows >= 5, "sample.rows", "must be at least 5", self.rows)


@dataclass(frozen=True)
class Limits:
    """The section `limits`: upper bounds of the rows of a split, the epochs and the hidden size; null is no bound."""

    rows: int | None
    epochs: int | None
    hidden_size: int | None

    def check(self) -> None:
        """Refuse values out of range."""
        for name, value in self.__dict__.items():
            require(value is None or value >= 1, f"limits.{name}", "must be at least 1, or null", value)
