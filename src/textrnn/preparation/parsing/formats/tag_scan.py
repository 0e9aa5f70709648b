"""Reads a tagged file a first time: its tag scheme, its entity types and, of lines, their number of columns.

All of them need evidence of the whole file. Memory does not grow with it: only counts are kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from textrnn.common.config.parse import Parse, TagColumns
from textrnn.common.config.types import FileScheme
from textrnn.common.files.lines import MAX_LINE_BYTES, read_lines
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats.column_lines import (
    CACHED_BYTES,
    CACHED_LINES,
    decode_column_line,
    may_be_comment,
    may_be_sentence_comment,
    split_columns,
)
from textrnn.preparation.parsing.formats.entity_tags import (
    EDGE,
    Pairs,
    TagConverter,
    find_converter,
    parse_tag,
)
from textrnn.preparation.parsing.rows import Reject

MIN_COLUMNS = 2
MAX_DISTINCT_TAGS = 10_000
MAX_SENTENCE_BYTES = MAX_LINE_BYTES  # it is in memory whole
LONGEST_NUMBER = 18  # digits of the number of a token
MAX_UNPARTED_LINES = 50  # more lines without any blank line are several sentences
FileVersion = tuple[int, ...] | None  # what tells that a file has changed


@dataclass(frozen=True)
class TagScan:
    """columns: how many most lines have. converter: of the file's scheme. types: the entity types, sorted."""

    columns: int
    converter: TagConverter
    types: tuple[str, ...]


class TagCounts:
    """What is counted tag by tag. tags: the distinct ones of any scheme, up to the last sentence that ended."""

    def __init__(self, path: Path) -> None:
        self.tags: set[str] = set()
        self.sentences = 0
        self._path = path
        self._transitions: Counter[tuple[str, str, int]] = Counter()  # a tag, the next one, its line's columns
        self._invalid_widths: Counter[int] = Counter()
        self._valid_tags: set[str] = set()  # of sentences without an invalid tag or line
        self._is_valid = True  # the sentence so far
        self._sentence_tags: list[str] = []
        self._before = EDGE

    def add_tag(self, tag: str, width: int = MIN_COLUMNS) -> None:
        """Count a tag of any scheme, from a line of so many columns."""
        self._transitions[self._before, tag, width] += 1
        self._sentence_tags.append(tag)
        self._before = tag

    def add_invalid(self, width: int = MIN_COLUMNS) -> None:
        """Count a line, or a tag, that is of no scheme."""
        self._invalid_widths[width] += 1
        self._is_valid = False

    def end_sentence(self) -> None:
        """Count the last tag of a sentence, if there is one. Raises UserError if there are too many different tags."""
        self.sentences += 1
        if self._before != EDGE:
            self._transitions[self._before, EDGE, 0] += 1
        self.tags.update(self._sentence_tags)
        if self._is_valid:
            self._valid_tags.update(self._sentence_tags)
        self._sentence_tags.clear()
        self._before, self._is_valid = EDGE, True
        if len(self.tags) > MAX_DISTINCT_TAGS:
            do = "check which column has the tags"
            raise UserError(self._path, f"has more than {MAX_DISTINCT_TAGS} different tags", do=do)

    def widths(self) -> Counter[int]:
        """How many lines have so many columns."""
        widths = self._invalid_widths.copy()
        for (_, tag, width), count in self._transitions.items():
            if tag != EDGE:
                widths[width] += count
        return widths

    def result(self, scheme: FileScheme | None) -> TagScan:
        """What the counts say of the file; scheme: null finds it."""
        pairs: Pairs = Counter()
        for (before, tag, _), count in self._transitions.items():
            pairs[before, tag] += count
        converter = find_converter(pairs, scheme)
        parsed = map(converter.parse, self._valid_tags)
        types = sorted({tag.entity_type for tag in parsed if tag is not None and tag.letter})
        width = max((width for width, _ in self.widths().most_common(1)), default=MIN_COLUMNS)
        return TagScan(max(width, MIN_COLUMNS), converter, tuple(types))


def is_tag(tag: str) -> bool:
    """Whether a tag is of any scheme, in small letters too."""
    return parse_tag(tag) is not None or parse_tag(tag, lower=True) is not None


def version_of(path: Path) -> FileVersion:
    """Of a file, so that what a scan has found is kept until it changes; None if there is none."""
    if not path.is_file():
        return None
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def scan_lines(path: Path, settings: Parse) -> TagScan:
    """What a whole file of lines shows. The result is kept for the next call with the same file.

    Raises UserError for a file with no blank line between sentences, and for a column that does not hold tags.
    """
    return _scan(path, settings.columns, settings.scheme, settings.text_encoding, version_of(path))


@lru_cache(maxsize=4)  # parse asks for the labels of train, then for the rows of each file
def _scan(path: Path, columns: TagColumns, scheme: FileScheme | None, encoding: str | None, _: FileVersion) -> TagScan:
    counts = TagCounts(path)
    parse_line = partial(_read_line, columns, encoding)
    read_cached = lru_cache(CACHED_LINES)(parse_line)
    numbering = _Numbering()
    sentence_bytes = 0
    for number, raw in read_lines(path, encoding):
        line = read_cached(raw) if len(raw) <= CACHED_BYTES else parse_line(raw)
        sentence_bytes += len(raw) + 1
        tag, width = line.tag, line.width
        numbering.add(line)
        if tag is not None:
            counts.add_tag(tag, width)
        elif line is SENTENCE_END:
            counts.end_sentence()
            sentence_bytes = 0
        elif line is not COMMENT:
            counts.add_invalid(width)
        if sentence_bytes > MAX_SENTENCE_BYTES:
            wrong = f"is in a sentence of more than {MAX_SENTENCE_BYTES >> 20} MiB: blank lines separate sentences"
            raise UserError(f"{path}, line {number}", wrong, do="put one after each sentence")
    lines = counts.widths().total()
    if counts.sentences == 0 and lines > MAX_UNPARTED_LINES:
        wrong = f"has {lines} lines and no blank line: blank lines separate sentences"
        raise UserError(path, wrong, do="put one after each sentence, also if the file is a single one")
    counts.end_sentence()
    scan = counts.result(scheme)
    if scan.columns > MIN_COLUMNS:
        numbering.check(path, columns)
    if any(not -scan.columns <= column < scan.columns for column in (columns.token, columns.tag)):
        got, do = f"columns: token {columns.token}, tag {columns.tag}", "count from 0, or from -1 at the end"
        raise UserError(path, f"most lines have {scan.columns} columns", got=got, do=do)
    return scan


class _Line(NamedTuple):
    """The tag of a line, None if it is of no scheme, its number of columns, and its token if that is a number."""

    tag: str | None
    width: int
    number: int | None = None


SENTENCE_END, COMMENT = _Line(None, 0), _Line(None, -1)


class _Numbering:
    """Counts sentences whose tokens are 1, 2, 3 and so on: their numbers in place of them."""

    def __init__(self) -> None:
        self._sentences = self._numbered = 0
        self._position = 0  # in the sentence
        self._first: int | None = None  # None: the tokens so far are not consecutive numbers

    def add(self, line: _Line) -> None:
        """Count a line of the file."""
        if line is SENTENCE_END:
            self._end_sentence()
        elif line is not COMMENT:
            if self._position == 0:
                self._first = line.number
            elif self._first is None or line.number != self._first + self._position:
                self._first = None
            self._position += 1

    def check(self, path: Path, columns: TagColumns) -> None:
        """Raise UserError if most sentences of several tokens are numbered."""
        self._end_sentence()
        if 2 * self._numbered > self._sentences:
            do = f"set the corpus's `columns` to token: {columns.token + 1}, or to where the tokens are"
            raise UserError(path, f"column {columns.token} numbers the tokens: 1, 2, 3", do=do)

    def _end_sentence(self) -> None:
        self._sentences += self._position > 1
        self._numbered += self._position > 1 and self._first in (0, 1)
        self._position = 0


def _read_line(columns: TagColumns, encoding: str | None, line: bytes) -> _Line:
    text = decode_column_line(line, encoding)
    if text is None:
        return SENTENCE_END
    if isinstance(text, Reject):
        return _Line(None, MIN_COLUMNS)
    fields = split_columns(text)
    width = len(fields)
    tag = fields[columns.tag].strip() if -width <= columns.tag < width and width >= MIN_COLUMNS else ""
    if is_tag(tag) and not (tag[1:] and may_be_sentence_comment(text)):
        token = fields[columns.token] if -width <= columns.token < width else ""
        is_number = token.isdecimal() and len(token) <= LONGEST_NUMBER
        return _Line(tag, width, int(token) if is_number else None)
    return COMMENT if may_be_comment(text) else _Line(None, width)
