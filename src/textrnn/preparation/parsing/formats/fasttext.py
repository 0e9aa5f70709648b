"""Reads fastText lines, `__label__X text`, bz2 or plain: the format of the Amazon reviews (1 negative, 2 positive)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.errors import shorten
from textrnn.preparation.parsing.formats.base import (
    FileFormat,
    Reject,
    Row,
    TextRow,
    labels_of_train,
    read_text_rows,
)

PREFIX = "__label__"


def read(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per line."""
    return read_text_rows(path, _read_line)


def _read_line(number: int, line: str) -> TextRow | Reject:
    label, _, text = line.partition(" ")
    if not label.startswith(PREFIX) or label == PREFIX:
        return Reject(number, f"does not start with {PREFIX} and a label", shorten(line))
    if text.startswith(PREFIX):
        return Reject(number, "more than one label", shorten(line))
    return TextRow(number, text, label)


def labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Raw label → name: from the param `classes` (`__label__1: negative`), else train's labels without the prefix."""
    if settings.classes is not None:
        return dict(settings.classes)
    return {label: label.removeprefix(PREFIX) for label in labels_of_train(read, folder, settings)}


FORMAT = FileFormat("classify", read, labels)
