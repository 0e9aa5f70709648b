"""Reads a file of tagged tokens a first time: its number of columns, its tag scheme and its entity types.

Both need evidence of the whole file. Memory does not grow with it: only counts are kept.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from textrnn.common.config.parse import Columns
from textrnn.common.config.types import FileScheme
from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError
from textrnn.preparation.parsing.formats.base import Reject
from textrnn.preparation.parsing.formats.column_lines import (
    CACHED_LINES,
    decode_column_line,
    may_be_comment,
    split_columns,
)
from textrnn.preparation.parsing.formats.entity_tags import (
    EDGE,
    OUTSIDE,
    Pairs,
    TagConverter,
    find_scheme,
    parse_tag,
)

MIN_COLUMNS = 2
MAX_DISTINCT_TAGS = 10_000
MAX_UNPARTED_LINES = 50  # more lines without any blank line are several sentences


@dataclass(frozen=True)
class TagScan:
    """columns: how many most lines have. converter: of the file's scheme. types: the entity types, sorted."""

    columns: int
    converter: TagConverter
    types: tuple[str, ...]


def scan_tags(path: Path, columns: Columns, scheme: FileScheme | None) -> TagScan:
    """What the whole file shows; scheme: null finds it. The result is kept for the next call with the same file.

    Raises UserError for a file with no blank line between sentences, and for a column that does not hold tags.
    """
    stat = path.stat() if path.is_file() else None
    return _scan(path, columns, scheme, stat and (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))


@functools.lru_cache(maxsize=4)  # parse asks for the labels of train, then for the rows of each file
def _scan(path: Path, columns: Columns, scheme: FileScheme | None, _: tuple[int, ...] | None) -> TagScan:
    counts = _Counts()
    read_line = functools.lru_cache(CACHED_LINES)(functools.partial(_read_line, columns))
    for _, line in read_lines(path):
        counts.add(read_line(line))
        if len(counts.tags) > MAX_DISTINCT_TAGS:
            do = "name the column of tags in the corpus's columns"
            raise UserError(path, f"has more than {MAX_DISTINCT_TAGS} different tags", do=do)
    if counts.sentence_ends == 0 and counts.lines > MAX_UNPARTED_LINES:
        wrong = f"has {counts.lines} lines and no blank line: sentences are parted by blank lines"
        raise UserError(path, wrong, do="put one after each sentence, also if the file is a single one")
    counts.add(SENTENCE_END)
    scan = counts.result(scheme)
    if any(not -scan.columns <= column < scan.columns for column in (columns.token, columns.tag)):
        got, do = f"columns: token {columns.token}, tag {columns.tag}", "count from 0, or from -1 at the end"
        raise UserError(path, f"most lines have {scan.columns} columns", got=got, do=do)
    return scan


class _Line(NamedTuple):
    """The tag and the number of columns of a line; without columns it ends a sentence. No tag: the line is invalid."""

    tag: str | None
    width: int


SENTENCE_END, COMMENT = _Line(None, 0), _Line(None, -1)


def _read_line(columns: Columns, line: bytes) -> _Line:
    text = decode_column_line(line)
    if text is None:
        return SENTENCE_END
    if isinstance(text, Reject):
        return _Line(None, MIN_COLUMNS)
    fields = split_columns(text)
    width = len(fields)
    tag = fields[columns.tag].strip() if -width <= columns.tag < width and width >= MIN_COLUMNS else ""
    if parse_tag(tag) is not None or parse_tag(tag, lower=True) is not None:
        return _Line(tag, width)
    return COMMENT if may_be_comment(text) else _Line(None, width)


class _Counts:
    """What is counted line by line.

    tags: distinct tags of any scheme. valid_tags: those of sentences without an invalid line. pairs: how often a tag
    follows another. widths: how many lines have so many columns.
    """

    def __init__(self) -> None:
        self.sentence_ends = 0
        self.tags: set[str] = set()
        self.valid_tags: set[str] = set()
        self.pairs: Pairs = Counter()
        self.widths: Counter[int] = Counter()
        self._is_valid = True  # the sentence so far
        self._sentence_tags: set[str] = set()
        self._before = EDGE

    @property
    def lines(self) -> int:
        """The number of lines in sentences."""
        return self.widths.total()

    def add(self, line: _Line) -> None:
        """Count a line."""
        tag, width = line
        if tag is not None:
            self.widths[width] += 1
            self.pairs[self._before, tag] += 1
            self._sentence_tags.add(tag)
            self._before = tag
        elif line is SENTENCE_END:
            self._end_sentence()
        elif line is not COMMENT:
            self.widths[width] += 1
            self._is_valid = False

    def _end_sentence(self) -> None:
        self.sentence_ends += 1
        if self._before != EDGE:
            self.pairs[self._before, EDGE] += 1
        self.tags |= self._sentence_tags
        if self._is_valid:
            self.valid_tags |= self._sentence_tags
        self._sentence_tags.clear()
        self._before, self._is_valid = EDGE, True

    def result(self, scheme: FileScheme | None) -> TagScan:
        """What the counts say of the file."""
        lower = OUTSIDE not in self.tags and OUTSIDE.lower() in self.tags
        converter = TagConverter(scheme or find_scheme(self.pairs, lower=lower), lower=lower)
        parsed = map(converter.parse, self.valid_tags)
        types = sorted({tag.entity_type for tag in parsed if tag is not None and tag.letter})
        width = max((width for width, _ in self.widths.most_common(1)), default=MIN_COLUMNS)
        return TagScan(max(width, MIN_COLUMNS), converter, tuple(types))
