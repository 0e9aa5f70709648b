"""A file of labelled rows as the stage `parse` reads it, and the values of `parse` that are needed for that."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from textrnn.common.config.parse import Parse, check_delimiter, check_text_encoding
from textrnn.common.config.types import Task
from textrnn.common.files.encoding_hint import likely_encoding, lines_not_utf8, sample_words
from textrnn.common.files.lines import read_start
from textrnn.common.files.text_encoding import MARKS, utf16_without_mark
from textrnn.common.params.params_file import read_values
from textrnn.common.params.sections import load_entry_section
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats import format_of
from textrnn.preparation.parsing.formats.found_labels import refuse_long_labels
from textrnn.preparation.parsing.rows import Reject, Row, TextRow
from textrnn.preparation.parsing.tables.cells import Cells, Columns
from textrnn.preparation.parsing.tables.csv_table import DELIMITERS, read_csv
from textrnn.preparation.parsing.tables.json_lines import NO_FIELD
from textrnn.preparation.parsing.tables.read_columns import OTHER_KINDS, READERS, read_columns, table_kind
from textrnn.project.inspection.tagging_columns import tagging_options
from textrnn.project.shipped.project_files import PARAMS

SAMPLE_BYTES = 1 << 20  # of the file, by which its encoding is guessed
FIRST_ROWS = 100  # of JSON lines: where none has a field, its name is wrong
NAMES = {character: name for name, character in DELIMITERS.items()}


@dataclass(frozen=True)
class FileOptions:
    """How a file is to be read, where the user says so; None: as it turns out.

    format: of params.yaml; None takes a table. content, target: the columns of texts and labels, or of tokens and tags.
    group: the column of what stays together.
    """

    task: Task = "classify"
    format: str | None = None
    content: str | None = None
    target: str | None = None
    group: str | None = None
    delimiter: str | None = None
    text_encoding: str | None = None


@dataclass(frozen=True)
class RawFile:
    """A file that can be read.

    section: the values of `parse` that differ from the defaults, but for the splits. encoding: of its text; None where
    the format says it. delimiter: of its columns, None where it has none. guessed_words: some that a guessed encoding
    makes of the file, to be looked at; empty if the encoding is no guess.
    """

    path: Path
    section: Mapping[str, Any]
    settings: Parse
    encoding: str | None
    delimiter: str | None
    guessed_words: str = ""

    @property
    def task(self) -> Task:
        """What its rows are for."""
        return format_of(self.settings).task

    def rows(self) -> Iterator[Row]:
        """Every row of the file, those that cannot be used and blank lines included."""
        return format_of(self.settings).read(self.path, self.settings)


def open_raw_file(path: Path, options: FileOptions) -> RawFile:
    """Find out how a file is read. Raises UserError if there is no such file, or if it lacks one of the columns."""
    if options.text_encoding is not None:
        check_text_encoding(options.text_encoding, "--text-encoding")
    if options.delimiter is not None:
        check_delimiter(options.delimiter, "--delimiter")
    if not path.is_file():
        raise UserError(path, "is a folder", do="name a file") if path.is_dir() else UserError(path, "no such file")
    if options.format is None and table_kind(path) not in READERS:
        do = OTHER_KINDS.get(table_kind(path), "say what it is with --format, such as --format fasttext")
        raise UserError(path, f"does not have the extension of a table: {', '.join(READERS)}", do=do)
    found = _encoding(path, options)
    text_encoding = found.guess or options.text_encoding
    section: dict[str, Any] = {"format": options.format or "table", "files": {"train": path.name}}
    delimiter = None
    if section["format"] == "table":
        names = ("text", "label") if options.task == "classify" else ("tokens", "tags")
        content, target = options.content or names[0], options.target or names[1]
        columns = dict(zip(names, (content, target), strict=True))
        section["table"] = columns | {"delimiter": options.delimiter, "group": options.group}
        setting = f"with --{names[0]} or --{names[1]}"
        if options.task == "classify" and options.content is None is options.target:
            setting += tagging_options(path, text_encoding)
        wanted = Columns((content, target), setting, encoding=text_encoding)
        if READERS.get(table_kind(path)) is read_csv:
            delimiter = options.delimiter or _find_delimiter(path, wanted)
        wanted = replace(wanted, delimiter=options.delimiter)
        _check_columns(path, wanted)
        if options.group is not None:
            _check_columns(path, replace(wanted, names=(*wanted.names, options.group), setting="with --group"))
    if text_encoding is not None:
        section["text_encoding"] = text_encoding
    if section["format"] == "headlines":
        section["classes"] = _class_names(path, section)
    return RawFile(path, section, _settings(section), found.name, delimiter, found.words)


def _class_names(path: Path, section: Mapping[str, Any]) -> dict[str, str]:
    """The labels of a file of headlines, which are their own names: numbers name no class, but can be renamed."""
    settings = _settings({**section, "classes": {}})
    rows = format_of(settings).read(path, settings)
    labels: set[str] = set()
    characters = 0
    for row in rows:
        if isinstance(row, TextRow) and row.label not in labels:
            labels.add(row.label)
            characters += len(row.label)
            refuse_long_labels(path, characters)
    return {label: label for label in sorted(labels)}


def _check_columns(path: Path, columns: Columns) -> None:
    """Read the header, or the first rows; raises UserError, which names the option, if a column is not there."""
    lacking = None
    for row in islice(read_columns(path, columns), FIRST_ROWS):
        if isinstance(row, Cells):
            return
        if isinstance(row, Reject) and row.reason.startswith(NO_FIELD):
            lacking = lacking or row
    if lacking is not None:
        raise UserError(f"{path}, line {lacking.line}", lacking.reason, got=lacking.got, do=lacking.hint)


def _settings(section: Mapping[str, Any]) -> Parse:
    """The section over the shipped defaults; the splits do not matter to who reads the whole file."""
    split = {"from": "train", "share": 0.1, "block": 1}
    own = {**section, "dev": split, "test": split}
    params = {"parse": read_values(PARAMS)["parse"], "corpora": {"file": {"parse": own}}}
    return load_entry_section(Parse, params, "corpora", "file", "parse")


@dataclass(frozen=True)
class _Encoding:
    """The encoding of a file as people call it; guess, with some of its words: what `parse` must be told."""

    name: str | None
    guess: str | None = None
    words: str = ""


def _encoding(path: Path, options: FileOptions) -> _Encoding:
    if table_kind(path) == ".parquet":
        return _Encoding(None)
    start = read_start(path, SAMPLE_BYTES)
    mark = next((mark for mark in MARKS if start.startswith(mark)), None)
    if mark is not None:
        return _Encoding(f"{MARKS[mark]} by its byte order mark")
    if options.text_encoding is not None:
        return _Encoding(options.text_encoding)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # what the sample cuts at its end is no error
    except UnicodeDecodeError:
        text = lines_not_utf8(start)
        guess = (utf16_without_mark(start) or likely_encoding(text)) if text else None
        if guess is None:
            return _Encoding("not utf-8")
        return _Encoding(f"probably {guess}", guess, sample_words(text, guess))
    return _Encoding("utf-8")


def _find_delimiter(path: Path, columns: Columns) -> str | None:
    """The delimiter that `parse` finds, by reading the header with each."""
    for delimiter in DELIMITERS.values():
        try:
            next(read_csv(path, replace(columns, delimiter=delimiter)), None)
        except UserError:
            continue
        return delimiter
    next(read_csv(path, columns), None)  # raises the error of the likely one
    return None
