"""The section `parse`: a corpus, raw files of one published format, and how it is split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from textrnn.common.config.file_names import check_file_name
from textrnn.common.config.types import FileScheme, Format, Split
from textrnn.errors import ErrorCollector, require


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

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            errors.require(self.from_ in ("train", "test"), f"{where}.from", "must be train or test", self.from_)
            errors.require(0 < self.share < 1, f"{where}.share", "must lie in (0, 1)", self.share)
            errors.require(self.block > 0, f"{where}.block", "must be at least 1", self.block)


@dataclass(frozen=True)
class Columns:
    """The columns of `format: bio` that hold the token and its tag, counted from 0; from the last one, which is -1."""

    token: int
    tag: int

    def check(self, where: str) -> None:
        """Refuse one column for both; `where` is the dotted name of the section."""
        require(self.token != self.tag, where, "must name two columns", {"token": self.token, "tag": self.tag})


@dataclass(frozen=True)
class Parse:
    """How a corpus is read: raw files of one published format, and which rows are used.

    format: of the files. files: file name by role (train, dev, test; `classes` too for headlines); null: no such file.
    seed: of everything that is sampled: the rows of dev, and those that limits.rows keeps.
    classes: name by raw label, in the order of the class ids; null takes what the format provides.
    rows: by role, the number of rows read from the start of a file; null or absent reads all.
    dev: how dev is held out of another file by seed; null if dev has its own file.
    max_rejects: the largest number of invalid rows, over all files, that are skipped without an error.
    columns: of `format: bio`, which hold the token and its tag.
    scheme: of the tags of `format: bio`; null finds it in each file.
    """

    format: Format
    files: Mapping[str, str | None]
    seed: int
    classes: Mapping[str, str] | None
    rows: Mapping[str, int | None]
    dev: HoldOut | None
    max_rejects: int
    columns: Columns
    scheme: FileScheme | None

    def check(self, where: str) -> None:
        """Refuse invalid values and combinations; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            with errors.collect():
                self._check_files(where)
            with errors.collect():
                self._check_rows(where)
            names = list((self.classes or {}).values())
            wrong = "must not give two labels the same name"
            errors.require(len(set(names)) == len(names), f"{where}.classes", wrong, names)
            errors.require(all(names), f"{where}.classes", "must not give a label an empty name", names)
            has_file = self.files.get("dev") is not None
            wrong = "must be null if files.dev names a file, and {from, share, block} otherwise"
            errors.require(has_file != (self.dev is not None), f"{where}.dev", wrong, self.dev)
            if self.dev is not None:
                with errors.collect():
                    self.dev.check(f"{where}.dev")
            with errors.collect():
                self.columns.check(f"{where}.columns")
            errors.require(self.max_rejects >= 0, f"{where}.max_rejects", "must not be negative", self.max_rejects)

    def _check_files(self, where: str) -> None:
        with ErrorCollector() as errors:
            for role, name in self.files.items():
                known = role in (*get_args(Split), "classes", "unlabelled")
                wrong = "a role must be train, dev, test, classes or unlabelled"
                errors.require(known, f"{where}.files", wrong, role)
                if name is not None:
                    with errors.collect():
                        check_file_name(name, f"{where}.files.{role}", "the corpus's folder in data.source")
            for role in ("train", "test"):
                errors.require(self.files.get(role) is not None, f"{where}.files.{role}", "must name a file", None)
            has_classes = self.format != "headlines" or self.classes is not None or self.files.get("classes")
            errors.require(
                bool(has_classes), f"{where}.files.classes", "must name a file unless classes is given", None
            )

    def _check_rows(self, where: str) -> None:
        with ErrorCollector() as errors:
            for role, rows in self.rows.items():
                known = role in get_args(Split)
                errors.require(known, f"{where}.rows", "a role must be train, dev or test", role)
                errors.require(rows is None or rows > 0, f"{where}.rows.{role}", "must be at least 1", rows)
                has_file = self.files.get(role) is not None or not known
                wrong = "must be null where there is no such file"
                errors.require(rows is None or has_file, f"{where}.rows.{role}", wrong, rows)
