"""The section `parse`: a corpus, raw files of one format, and how it is split."""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from encodings.aliases import aliases
from typing import get_args

from textrnn.common.config.types import FileScheme, Format, Order, SeveralLabels, Split
from textrnn.errors import ErrorCollector, UserError, require, show_value
from textrnn.names import check_file_name

NO_FILES = ("idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined")  # encodings of other things


@dataclass(frozen=True)
class HoldOut:
    """How rows for dev or test are held out of another split.

    from_: `train` or, for dev, `test`: the split that loses the rows. share: the fraction of the rows of that split's
        file, between 0 and 1.
    block: 1 samples single rows, stratified by class. A larger number holds out or keeps that many consecutive rows
        together: where neighbouring rows come from one text, dev then differs from train as much as a test set of other
        texts does.
    """

    from_: str
    share: float
    block: int

    def check(self, where: str, sources: tuple[str, ...] = ("train", "test")) -> None:
        """Refuse values out of range; `where` is the dotted name of the section, `sources` the allowed `from`."""
        with ErrorCollector() as errors:
            wrong = f"must be {' or '.join(sources)}"
            errors.require(self.from_ in sources, f"{where}.from", wrong, self.from_)
            errors.require(0 < self.share < 1, f"{where}.share", "must lie in (0, 1)", self.share)
            errors.require(self.block > 0, f"{where}.block", "must be at least 1", self.block)


def check_delimiter(delimiter: str, where: str) -> None:
    """Refuse what cannot be between columns; `where` is the dotted name of the param, or an option."""
    single = len(delimiter) == 1 and delimiter not in '"\r\n'
    require(single, where, "must be one character, but not a quote or a line end", delimiter)


def check_text_encoding(encoding: str, where: str) -> None:
    """Refuse an encoding in which Python cannot read files; `where` is the dotted name of the param, or an option."""
    try:
        codec = codecs.lookup(encoding)
        known = codec._is_text_encoding and codec.name.replace("-", "_") not in NO_FILES
    except (LookupError, ValueError):
        known = False
    if not known:
        option = where.startswith("--")
        wrong = f"must be the name of an encoding that Python has, such as gb18030{'' if option else ', or null'}"
        similar = difflib.get_close_matches(encoding.lower().replace("-", "_"), sorted(set(aliases.values())), n=1)
        do = f"did you mean {similar[0].replace('_', '-')}?" if similar else ""
        raise UserError(where, wrong, got=repr(encoding) if option else show_value(encoding), do=do)


@dataclass(frozen=True)
class Table:
    """The columns of a table by name: `text` and `label` for classification, `tokens` and `tags` for tagging.

    delimiter: the character between the columns of a CSV or TSV file; null: found from the header.
    group: a column whose value is the same for rows that belong together, such as the author: the rows of a group are
        held out together. null: rows are independent.
    """

    text: str | None = None
    label: str | None = None
    tokens: str | None = None
    tags: str | None = None
    delimiter: str | None = None
    group: str | None = None

    def check(self, where: str) -> None:
        """Refuse columns of both tasks or of neither; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            given = [name for name in ("text", "label", "tokens", "tags") if getattr(self, name) is not None]
            wrong = "must name the columns text and label, or tokens and tags"
            errors.require(given in (["text", "label"], ["tokens", "tags"]), where, wrong, given)
            names = [getattr(self, name) for name in given]
            errors.require(len(set(names)) == len(names), where, "must name two different columns", names)
            if self.delimiter is not None:
                with errors.collect():
                    check_delimiter(self.delimiter, f"{where}.delimiter")


@dataclass(frozen=True)
class TagColumns:
    """The columns of `format: bio` that hold the token and its tag, counted from 0; from the last one, which is -1."""

    token: int
    tag: int

    def check(self, where: str) -> None:
        """Refuse one column for both; `where` is the dotted name of the section."""
        require(self.token != self.tag, where, "must name two columns", {"token": self.token, "tag": self.tag})


@dataclass(frozen=True)
class Parse:
    """How a corpus is read: raw files of one format, and which rows are used.

    format: of the files. files: file name by role (train, dev, test; `classes` too for headlines); null: no such file.
    seed: of everything that is sampled: the rows of dev and test, and those that limits.rows keeps.
    classes: name by raw label, in the order of the class ids; null takes what the format provides.
    rows: by role, the number of rows read from the start of a file; null or absent reads all.
    dev, test: how the split is held out of another one by seed; null if it has its own file. Test is held out first.
    max_rejects: the largest number of invalid rows, over all files, that are skipped without an error; below 1 the
        largest fraction of the rows read.
    text_encoding: of all files of the corpus; null: by the byte order mark, UTF-8 without one.
    table: the columns of a table. order: of the columns of headlines.
    several_labels: what becomes of a fastText line with more than one label: it is rejected, its first label counts,
        or it is a row for each of them.
    columns: of `format: bio`, which hold the token and its tag. scheme: of a tagged corpus's tags; null finds it in
        each file.
    """

    format: Format
    files: Mapping[str, str | None]
    seed: int
    classes: Mapping[str, str] | None
    rows: Mapping[str, int | None]
    dev: HoldOut | None
    test: HoldOut | None
    max_rejects: int | float
    text_encoding: str | None
    table: Table
    order: Order
    several_labels: SeveralLabels
    columns: TagColumns
    scheme: FileScheme | None

    def check(self, where: str) -> None:
        """Refuse invalid values and combinations; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            with errors.collect():
                self._check_files(where)
            with errors.collect():
                self._check_rows(where)
            with errors.collect():
                self._check_splits(where)
            names = list((self.classes or {}).values())
            wrong = "must not give two labels the same name"
            errors.require(len(set(names)) == len(names), f"{where}.classes", wrong, names)
            errors.require(all(names), f"{where}.classes", "must not give a label an empty name", names)
            errors.require(self.max_rejects >= 0, f"{where}.max_rejects", "must not be negative", self.max_rejects)
            whole = self.max_rejects < 1 or self.max_rejects == int(self.max_rejects)
            wrong = "must be a whole number, or a fraction below 1"
            errors.require(whole, f"{where}.max_rejects", wrong, self.max_rejects)
            with errors.collect():
                self.columns.check(f"{where}.columns")
            with errors.collect():
                self._check_text_encoding(where)
            with errors.collect():
                self.table.check(f"{where}.table")

    def _check_splits(self, where: str) -> None:
        """Refuse a split with both a file and a hold-out, or with neither, and shares that leave no rows."""
        with ErrorCollector() as errors:
            has_file = self.files.get("dev") is not None
            wrong = "must be null if files.dev names a file, and {from, share, block} otherwise"
            errors.require(has_file != (self.dev is not None), f"{where}.dev", wrong, self.dev)
            has_file = self.files.get("test") is not None
            wrong = "must be null if files.test names a file"
            errors.require(not has_file or self.test is None, f"{where}.test", wrong, self.test)
            for name, held_out, sources in (("dev", self.dev, ("train", "test")), ("test", self.test, ("train",))):
                if held_out is not None:
                    with errors.collect():
                        held_out.check(f"{where}.{name}", sources)
                    each, group = self.several_labels == "each", self.table.group is not None
                    grouped = (self.format == "fasttext" and each) or (self.format == "table" and group)
                    by = "table.group" if self.format == "table" else "several_labels: each"
                    wrong = f"must be 1 if {by} says which rows belong together"
                    errors.require(not grouped or held_out.block <= 1, f"{where}.{name}.block", wrong, held_out.block)
            if all(held_out is not None and 0 < held_out.share < 1 for held_out in (self.dev, self.test)):
                assert self.dev is not None
                assert self.test is not None
                taken = self.dev.share + self.test.share if self.dev.from_ == "train" else self.dev.share
                wrong = "leaves no rows for train: the shares of dev and test must be less than 1 together"
                errors.require(taken < 1, f"{where}.test.share", wrong, self.test.share)

    def _check_text_encoding(self, where: str) -> None:
        if self.text_encoding is not None:
            check_text_encoding(self.text_encoding, f"{where}.text_encoding")

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
                given = self.files.get(role) is not None or (role == "test" and self.test is not None)
                errors.require(given, f"{where}.files.{role}", "must name a file", None)
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
                wrong = "must be null if there is no such file"
                errors.require(rows is None or has_file, f"{where}.rows.{role}", wrong, rows)
