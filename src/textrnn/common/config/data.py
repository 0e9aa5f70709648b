"""The section `data`: where the files that people bring lie, and the seed that splits them."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.params import require


@dataclass(frozen=True)
class Data:
    """Folders, and the seed of what parse draws.

    source: a folder with a folder of raw files for each corpus; vectors: files of word vectors; punkt: Punkt models.
    """

    source: str
    vectors: str
    punkt: str
    seed: int


@dataclass(frozen=True)
class Sample:
    """The `sample` section of params.yaml."""

    seed: int
    """Seed of every draw, joined with the corpus and the role of the file."""
    rows: int
    """Training rows of each corpus; dev and test files get a fifth each."""

    def check(self) -> None:
        """Refuse what the types let through, by dotted name."""
        require(self.rows >= 5, "sample.rows", "must be 5 or more", self.rows)


@dataclass(frozen=True)
class Limits:
    """The largest rows of a split, epochs and hidden size; null lifts one."""

    rows: int | None
    epochs: int | None
    hidden_size: int | None

    def check(self) -> None:
        for name, value in self.__dict__.items():
            require(value is None or value >= 1, f"limits.{name}", "must be at least 1, or null", value)
