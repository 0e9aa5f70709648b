"""The sections `data`, `sample` and `limits`: input folders, generated corpora, and caps for smaller runs."""

from __future__ import annotations

import os
from dataclasses import dataclass

from textrnn.common.config.bounds import MAX_GENERATED_ROWS, check_size
from textrnn.errors import ErrorCollector, UserError
from textrnn.names import check_path


@dataclass(frozen=True)
class Data:
    """The section `data`: input folders.

    source: has one folder of raw files per corpus. vectors: has files of word vectors. punkt: has Punkt models.
    """

    source: str
    vectors: str
    punkt: str

    def check(self, where: str) -> None:
        """Refuse a folder without a name, or with a `~`, which is a shell's; `where` is the section's dotted name."""
        with ErrorCollector() as errors:
            for name, folder in self.__dict__.items():
                errors.require(bool(folder), f"{where}.{name}", "must name a folder", folder)
                with errors.collect():
                    check_path(folder, f"{where}.{name}")
                if folder.startswith("~"):
                    do = f"write the whole path, {os.path.expanduser(folder)}"
                    with errors.collect():
                        raise UserError(f"{where}.{name}", "begins with ~, which no stage expands", got=folder, do=do)


@dataclass(frozen=True)
class Sample:
    """The section `sample`: how corpora are generated.

    seed: of all random choices, together with the corpus and the role of the file.
    rows: training rows of each corpus; the dev and test files have a fifth of that each.
    """

    seed: int
    rows: int

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        check_size(self.rows, f"{where}.rows", MAX_GENERATED_ROWS, least=5)


@dataclass(frozen=True)
class Limits:
    """The section `limits`: upper bounds of the rows of a split, the epochs and the hidden size; null is no bound."""

    rows: int | None
    epochs: int | None
    hidden_size: int | None

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            for name, value in self.__dict__.items():
                errors.require(value is None or value >= 1, f"{where}.{name}", "must be at least 1, or null", value)
