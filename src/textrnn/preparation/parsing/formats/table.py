"""Reads tables with named columns: CSV, TSV, JSON lines or Parquet, of texts and labels or of tokens and tags."""

from __future__ import annotations

import ast
import contextlib
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard

from textrnn.common.config.parse import Parse, Table
from textrnn.common.config.types import FileScheme
from textrnn.errors import UserError, plural, shorten
from textrnn.preparation.parsing.formats.base import FileFormat, strip_label
from textrnn.preparation.parsing.formats.bio import foreign_tag, given_types, labels_of_types, train_file
from textrnn.preparation.parsing.formats.found_labels import labels_of_train
from textrnn.preparation.parsing.formats.tag_scan import FileVersion, TagCounts, TagScan, is_tag, version_of
from textrnn.preparation.parsing.rows import Blank, Reject, Row, TagRow, TextRow
from textrnn.preparation.parsing.tables.cells import Cells, Columns
from textrnn.preparation.parsing.tables.read_columns import read_columns

FEWEST_ROWS = 20  # of a file, before its rows of one token say anything
ONE_TOKEN_SHARE = 0.95
LONGEST_PYTHON_LIST = 1 << 20  # characters: to read one, Python needs two hundred times the memory


def read_texts(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per record: the text as it is, and the label without white space around it."""
    table = settings.table
    assert table.text is not None
    assert table.label is not None
    for row in _read(path, table, settings.text_encoding, table.text, table.label):
        yield _text_row(row, table.text, table.label) if isinstance(row, Cells) else row


def read_tags(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per record: lists of tokens and tags, in CSV and TSV parted by white space; tags as BIO."""
    converter = _scan_tags(path, settings).converter
    for row in _read_raw_tags(path, settings.table, settings.text_encoding):
        if not isinstance(row, TagRow):
            yield row
            continue
        wrong = next((tag for tag in row.tags if not tag or converter.parse(tag) is None), None)
        if wrong is not None:
            yield foreign_tag(row.line, wrong, converter.scheme)
            continue
        row.tags, row.illegal = converter.to_bio(row.tags)
        yield row


def _read_raw_tags(path: Path, table: Table, encoding: str | None) -> Iterator[Row]:
    """One row per record, with the tags of the file."""
    assert table.tokens is not None
    assert table.tags is not None
    for row in _read(path, table, encoding, table.tokens, table.tags):
        yield _tag_row(row, table.tokens, table.tags) if isinstance(row, Cells) else row


def _scan_tags(path: Path, settings: Parse) -> TagScan:
    return _scan(path, settings.table, settings.text_encoding, settings.scheme, version_of(path))


@lru_cache(maxsize=4)  # as of `scan_lines`
def _scan(path: Path, table: Table, encoding: str | None, scheme: FileScheme | None, _: FileVersion) -> TagScan:
    counts = TagCounts(path)
    rows = short = 0
    for row in _read_raw_tags(path, table, encoding):
        rows += isinstance(row, TagRow)
        short += isinstance(row, TagRow) and len(row.tokens) == 1
        for tag in row.tags if isinstance(row, TagRow) else ():
            if tag in counts.tags or is_tag(tag):
                counts.add_tag(tag)
            else:
                counts.add_invalid()
        counts.end_sentence()
    if rows >= FEWEST_ROWS and short >= ONE_TOKEN_SHARE * rows:
        do = "a row must be a sentence with lists of tokens and tags; files of a token a line are format: bio"
        raise UserError(path, "nearly all rows have one token", got=f"{short} of {rows} rows", do=do)
    return counts.result(scheme)


def _read(
    path: Path, table: Table, encoding: str | None, content: str, target: str
) -> Iterator[Cells | Reject | Blank]:
    names = (content, target) if table.group is None else (content, target, table.group)
    setting = "in the corpus's parse.table"
    return read_columns(path, Columns(names, setting, delimiter=table.delimiter, encoding=encoding))


def _text_row(row: Cells, text_column: str, label_column: str) -> TextRow | Reject:
    text, label = row.values[0], _scalar(row.values[1])
    if not isinstance(text, str):
        if text is None:
            return Reject(row.line, "empty text", f"null in {text_column}")
        return Reject(row.line, f'"{text_column}" must be a text', _show(text))
    if label is None:
        return Reject(row.line, f'"{label_column}" must be a text or a number', _show(row.values[1]))
    if not text or text.isspace():
        return Reject(row.line, "empty text", shorten(text))
    if not label:
        return Reject(row.line, "empty label", shorten(text))
    if "\n" in label:  # in a CSV file a stray quote has swallowed rows
        return Reject(row.line, "a label with a line end", shorten(label))
    return _surrogates(row, text + label) or TextRow(row.line, text, label, _group(row))


def _tag_row(row: Cells, tokens_column: str, tags_column: str) -> TagRow | Reject:
    written = [_written_list(value) for value in row.values[:2]]
    tokens, tags = written if None not in written else (_as_list(value) for value in row.values[:2])
    for column, values, value in zip((tokens_column, tags_column), (tokens, tags), row.values, strict=False):
        if values is None:
            numbers = isinstance(value, list) and any(isinstance(item, int) for item in value)
            hint = "write the names of the tags, such as B-PER, in place of their numbers" if numbers else ""
            return Reject(row.line, f'"{column}" must be a list of texts', _show(value), hint)
    assert tokens is not None
    assert tags is not None
    if written[1] is None and _is_bracketed(row.values[1]):  # no tag begins so; NumPy and pandas write such texts
        hint = "write the lists as JSON, or their items with blanks between them"
        return Reject(row.line, f'"{tags_column}" is a list in a form that is not known', _show(row.values[1]), hint)
    if not tokens:
        return Reject(row.line, "no tokens", "an empty list")
    if len(tokens) != len(tags):
        return Reject(
            row.line, "not as many tags as tokens", f"{plural(len(tokens), 'token')} and {plural(len(tags), 'tag')}"
        )
    if not all(tokens):
        return Reject(row.line, "an empty token", shorten(" ".join(tokens)))
    return _surrogates(row, "".join(tokens)) or TagRow(row.line, tokens, tags, _group(row))


def _surrogates(row: Cells, text: str) -> Reject | None:
    """The reject of a text that cannot be stored; JSON can write one, as \\ud800."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return Reject(row.line, "half of a surrogate pair, which is not valid text", ascii(text)[:60])
    return None


def _scalar(value: Any) -> str | None:
    """A label as text, without white space around it: "" for null and NaN, None for what no label can be."""
    if isinstance(value, str):
        return strip_label(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):  # whole numbers with a null among them are written as floats
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Decimal):  # 1.50 is the number 1.5
        return f"{value.normalize():f}" if value.is_finite() else ""
    return str(value) if isinstance(value, int) else None


def _as_list(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return value.split()
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return value if is_list else None


def _written_list(value: Any) -> list[str] | None:
    """The list that a text is, as JSON or Python write one; None if it is no such text."""
    if not _is_bracketed(value):
        return None
    for read in (json.loads, ast.literal_eval) if len(value) <= LONGEST_PYTHON_LIST else (json.loads,):
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            found = read(value)
            # Python reads 'a' 'b', which NumPy writes, as one text
            if isinstance(found, list) and (read is json.loads or repr(found) == value):
                return _as_list(found)
    return None


def _is_bracketed(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value.startswith("[") and value.endswith("]")


def _group(row: Cells) -> str | None:
    """The group of a row, None for an empty one: such a row stands alone. Values of any type are groups."""
    if len(row.values) < 3:
        return None
    group = _scalar(row.values[2])
    if group is None:  # a date, a list and so on
        group = json.dumps(row.values[2], ensure_ascii=False, sort_keys=True, default=str)
    return group or None


def _show(value: Any) -> str:
    return shorten(json.dumps(value, ensure_ascii=False, default=str))


def text_labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Raw label → name: from the param `classes`, else train's labels themselves, sorted."""
    if settings.classes is not None:
        return dict(settings.classes)
    do = "exchange table.text and table.label"
    return {label: label for label in labels_of_train(read_texts, folder, settings, do)}


def tag_labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Raw tag → name, as in the format `bio`."""
    return labels_of_types(given_types(folder, settings) or _scan_tags(train_file(folder, settings), settings).types)


def describe_tags(path: Path, settings: Parse) -> dict[str, Any]:
    """The scheme of the file's tags."""
    return {"scheme": _scan_tags(path, settings).converter.scheme}


FORMAT = FileFormat("classify", read_texts, text_labels)
TAGGING = FileFormat("tag", read_tags, tag_labels, describe=describe_tags)
