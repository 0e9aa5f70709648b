"""fastText lines, `__label__X text`, bz2 or plain: how the Amazon reviews are published (1 negative, 2 positive)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from textrnn.preparation.parsing.formats.base import (
    Format,
    Reject,
    Row,
    TextRow,
    labels_of_train,
    read_text_rows,
    shorten,
)

PREFIX = "__label__"


def read(path: Path) -> Iterator[Row]:
    return read_text_rows(path, _read_line)


def _read_line(number: int, text: str) -> TextRow | Reject:
    label, _, rest = text.partition(" ")
    if not label.startswith(PREFIX) or label == PREFIX:
        return Reject(number, f"does not start with {PREFIX} and a label", shorten(text))
    if rest.startswith(PREFIX):
        return Reject(number, "more than one label", shorten(text))
    return TextRow(number, rest, label)


def labels(folder: Path, files: Mapping[str, str | None], classes: Mapping[str, str] | None) -> dict[str, str]:
    """Raw label → name: from the param `classes` (`__label__1: negative`), else train's labels without the prefix."""
    if classes is not None:
        return dict(classes)
    return {raw: raw.removeprefix(PREFIX) for raw in labels_of_train(read, folder, files)}


FORMAT = Format("classify", read, labels)
