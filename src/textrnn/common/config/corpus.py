"""The `corpora` entries of params.yaml: raw files of one published format, and how they are split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textrnn.common.config.params import require, require_file_name
from textrnn.common.config.types import SPLITS, Format


@dataclass(frozen=True)
class HoldOut:
    """Which split's file gives rows to dev, what share of them, from 0 to 1, and how many in a row go together.

    block: 1, and rows are drawn one by one, stratified; or so many consecutive rows are held out or kept as one, in
    files whose neighbours come from one text, so that dev is as unlike train as a test set of other texts is.
    """

    from_: str
    share: float
    block: int


@dataclass(frozen=True)
class Corpus:
    """An entry of `corpora`: raw files of one published format.

    files: file name by role: train, dev, test, and for headlines classes; null where there is none.
    classes: name by raw label in the order of ids, or null to take what the format itself gives.
    rows: how many rows of a file are used, from its start, by role; null or absent means all.
    dev: {from, share, block} to hold dev out of another file by seed; null when it has a file.
    max_rejects: how many faulty rows, over all files, are let pass.
    """

    format: Format
    files: Mapping[str, str | None]
    classes: Mapping[str, str] | None
    rows: Mapping[str, int | None]
    dev: HoldOut | None
    max_rejects: int

    def check(self, where: str) -> None:
        """Refuse what the types let through; `where` is the dotted name of the entry."""
        for role, name in self.files.items():
            require(role in (*SPLITS, "classes"), f"{where}.files", "roles are train, dev, test, classes", role)
            if name is not None:
                require_file_name(name, f"{where}.files.{role}", "the corpus's folder in data.source")
        for role in ("train", "test"):
            require(self.files.get(role) is not None, f"{where}.files.{role}", "must name a file", None)
        named = self.format != "headlines" or self.classes is not None or self.files.get("classes") is not None
        require(named, f"{where}.files.classes", "must name a file, or give classes", None)
        names = list((self.classes or {}).values())
        require(len(set(names)) == len(names), f"{where}.classes", "gives two labels one name", names)
        require(all(names), f"{where}.classes", "gives a label an empty name", names)
        has_file = self.files.get("dev") is not None
        either = "give either a dev file or {from, share, block}"
        require(has_file != (self.dev is not None), f"{where}.dev", either, self.dev)
        if self.dev is not None:
            require(self.dev.from_ in ("train", "test"), f"{where}.dev.from", "is train or test", self.dev.from_)
            require(0 < self.dev.share < 1, f"{where}.dev.share", "must lie between 0 and 1", self.dev.share)
            require(self.dev.block > 0, f"{where}.dev.block", "must be at least 1", self.dev.block)
        for role, rows in self.rows.items():
            require(role in SPLITS, f"{where}.rows", "roles are train, dev, test", role)
            require(rows is None or rows > 0, f"{where}.rows.{role}", "must be at least 1", rows)
            require(rows is None or self.files.get(role) is not None, f"{where}.rows.{role}", "has no file", rows)
        require(self.max_rejects >= 0, f"{where}.max_rejects", "must not be negative", self.max_rejects)
