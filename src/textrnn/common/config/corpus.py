"""The `corpora` entries of params.yaml: raw files of one published format, and how they are split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from textrnn.common.config.params import require, require_file_name
from textrnn.common.config.types import Format, Split


@dataclass(frozen=True)
class HoldOut:
    """How rows for dev are held out of the file of another split.

    from_: `train` or `test`, the split whose file loses the rows. share: the fraction of rows, between 0 and 1.
    block: 1 samples single rows, stratified by class. A larger number holds out or keeps that many consecutive rows
        together: where neighbouring rows come from one text, dev then differs from train as much as a test set of other
        texts does.
    """

    from_: str
    share: float
    block: int


@dataclass(frozen=True)
class Corpus:
    """An entry of `corpora`: raw files of one published format.

    files: file name by role (train, dev, test; `classes` too for headlines); null if there is no such file.
    classes: name by raw label, in the order of the class ids; null takes what the format provides.
    rows: by role, the number of rows read from the start of a file; null or absent reads all.
    dev: how dev is held out of another file by seed; null if dev has its own file.
    max_rejects: the largest number of invalid rows, over all files, that are skipped without an error.
    """

    format: Format
    files: Mapping[str, str | None]
    classes: Mapping[str, str] | None
    rows: Mapping[str, int | None]
    dev: HoldOut | None
    max_rejects: int

    def check(self, where: str) -> None:
        """Refuse invalid values and combinations; `where` is the dotted name of the entry."""
        for role, name in self.files.items():
            require(
                role in (*get_args(Split), "classes"),
                f"{where}.files",
                "a role must be train, dev, test or classes",
                role,
            )
            if name is not None:
                require_file_name(name, f"{where}.files.{role}", "the corpus's folder in data.source")
        for role in ("train", "test"):
            require(self.files.get(role) is not None, f"{where}.files.{role}", "must name a file", None)
        has_classes = self.format != "headlines" or self.classes is not None or self.files.get("classes") is not None
        require(has_classes, f"{where}.files.classes", "must name a file unless classes is given", None)
        names = list((self.classes or {}).values())
        require(len(set(names)) == len(names), f"{where}.classes", "must not give two labels the same name", names)
        require(all(names), f"{where}.classes", "must not give a label an empty name", names)
        has_file = self.files.get("dev") is not None
        wrong = "must be null if files.dev names a file, and {from, share, block} otherwise"
        require(has_file != (self.dev is not None), f"{where}.dev", wrong, self.dev)
        if self.dev is not None:
            require(self.dev.from_ in ("train", "test"), f"{where}.dev.from", "must be train or test", self.dev.from_)
            require(0 < self.dev.share < 1, f"{where}.dev.share", "must lie in (0, 1)", self.dev.share)
            require(self.dev.block > 0, f"{where}.dev.block", "must be at least 1", self.dev.block)
        for role, rows in self.rows.items():
            require(role in get_args(Split), f"{where}.rows", "a role must be train, dev or test", role)
            require(rows is None or rows > 0, f"{where}.rows.{role}", "must be at least 1", rows)
            has_file = self.files.get(role) is not None
            require(rows is None or has_file, f"{where}.rows.{role}", "must be null where there is no such file", rows)
        require(self.max_rejects >= 0, f"{where}.max_rejects", "must not be negative", self.max_rejects)
