"""Reads fastText lines, `__label__X text`, bz2 or plain: the format of the Amazon reviews (1 negative, 2 positive).

As in fastText, any white space ends a label, and blanks before the first one do not count. Every token that begins with
`__label__` is a label, wherever it stands; commas between labels belong to none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.errors import shorten
from textrnn.preparation.parsing.formats.base import FileFormat, checked_row
from textrnn.preparation.parsing.formats.found_labels import labels_of_train
from textrnn.preparation.parsing.rows import Blank, Reject, Row, TextRow
from textrnn.preparation.parsing.text_lines import read_text_lines

PREFIX = "__label__"
WHITE = r"\s\x00"  # fastText ends a token at a NUL byte too
SEPARATORS = ",;|，、；"  # between labels
LINE = re.compile(rf"[{WHITE}]*({PREFIX}[^{WHITE}]+)(?:[{WHITE}](.*))?", re.DOTALL)
# a label within the line, with the white space and separators before it
FURTHER = re.compile(rf"(?:^|[{WHITE}])[{WHITE}{SEPARATORS}]*{PREFIX}([^{WHITE}]*)")
NO_LABEL = f"does not start with {PREFIX} and a label"


def read(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per line, or with `several_labels: each` one per label of a line."""
    for number, line in read_text_lines(path, settings.text_encoding):
        if isinstance(line, Reject):
            yield line
        elif line and not line.isspace():
            yield from _read_line(number, line, settings.several_labels)
        else:
            yield Blank(number)


def _read_line(number: int, line: str, several_labels: str) -> Iterator[TextRow | Reject]:
    found = LINE.fullmatch(line)
    if found is None:
        yield Reject(number, NO_LABEL, shorten(line))
        return
    label, text = found[1], found[2] or ""
    if label[-1] in SEPARATORS or PREFIX in text or PREFIX in label[len(PREFIX) :]:
        labels, text = _split_labels(label, text)
        if not all(labels):
            yield Reject(number, NO_LABEL, shorten(line))
            return
        if len(labels) > 1 and several_labels == "refuse":
            hint = "several_labels: first takes the first label, each makes a row of each label"
            yield Reject(number, "more than one label", shorten(line), hint)
            return
        for name in labels if several_labels == "each" else labels[:1]:
            yield checked_row(TextRow(number, text, PREFIX + name), line)
    else:
        yield checked_row(TextRow(number, text, label), line)


def _split_labels(first: str, text: str) -> tuple[list[str], str]:
    """The different labels of a line without the prefix, in order, and the text without labels."""
    tokens = [first[len(PREFIX) :], *FURTHER.findall(text)]
    labels = [part.rstrip(SEPARATORS) for token in tokens for part in token.split(PREFIX)]
    return list(dict.fromkeys(labels)), FURTHER.sub("", text).lstrip() if len(tokens) > 1 else text


def labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Raw label → name: from the param `classes` (`__label__1: negative`), else train's labels without the prefix."""
    if settings.classes is not None:
        return dict(settings.classes)
    do = f"{PREFIX} must stand before the label"
    return {label: label.removeprefix(PREFIX) for label in labels_of_train(read, folder, settings, do)}


FORMAT = FileFormat("classify", read, labels)
