"""Reads fastText lines, `__label__X text`, bz2 or plain: the format of the Amazon reviews (1 negative, 2 positive).

As in fastText, any white space ends a label, and blanks before the first one do not count. Every further token that
begins with `__label__` is a label too, wherever it stands; commas between labels belong to none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from textrnn.common.config.parse import Parse
from textrnn.errors import UserError, shorten
from textrnn.preparation.parsing.formats.base import FileFormat, checked_row
from textrnn.preparation.parsing.formats.found_labels import labels_of_train
from textrnn.preparation.parsing.rows import Blank, Reject, Row, TextRow
from textrnn.preparation.parsing.text_lines import read_text_lines

PREFIX = "__label__"
WHITE = r"\s\x00"  # fastText ends a token at a NUL byte too
SEPARATORS = ",;|，、；"  # between labels
LINE = re.compile(rf"[{WHITE}]*({PREFIX}[^{WHITE}]+)(?:[{WHITE}](.*))?", re.DOTALL)
# a label within the line, with the white space and separators before it
LONE_SEPARATOR = re.compile(rf"[{WHITE}]*[{SEPARATORS}](?=[{WHITE}])[{WHITE}]*")
# or a run of these alone, which is matched so that the search does not begin anew at each of its characters
FURTHER = re.compile(rf"(?:^|[{WHITE}])(?:[{WHITE}{SEPARATORS}]*+{PREFIX}([^{WHITE}]*)|[{WHITE}{SEPARATORS}]++)")
MOST_PLAIN = 10_000
NO_LABEL = f"does not start with {PREFIX} and a label"


def read(path: Path, settings: Parse) -> Iterator[Row]:
    """One row per line, or with `several_labels: each` one per label of a line."""
    plain: set[str] = set()  # tokens that are known to be one label and nothing else
    for number, line in read_text_lines(path, settings.text_encoding):
        if isinstance(line, Reject):
            yield line
            continue
        label, _, text = line.partition(" ")
        if label in plain and PREFIX not in text and not LONE_SEPARATOR.match(text):
            yield checked_row(TextRow(number, text, label), line)
        elif line and not line.isspace():
            rows = _read_line(number, line, settings.several_labels)
            if len(plain) < MOST_PLAIN:
                plain.update(row.label for row in rows if isinstance(row, TextRow) and row.label == label)
            yield from rows
        else:
            yield Blank(number)


def _read_line(number: int, line: str, several_labels: str) -> list[TextRow | Reject]:
    found = LINE.fullmatch(line)
    labels, text = _split_labels(found[1], found[2] or "") if found else ([], "")
    if not labels or not all(labels):
        return [Reject(number, NO_LABEL, shorten(line))]
    if len(labels) > 1 and several_labels == "refuse":
        hint = "several_labels: first takes the first label, each makes a row of each label"
        return [Reject(number, "more than one label", shorten(line), hint)]
    taken = labels if several_labels == "each" else labels[:1]
    group = str(number) if len(taken) > 1 else None  # dev and test have all rows of a line or none
    return [checked_row(TextRow(number, text, PREFIX + label, group), line) for label in taken]


def _split_labels(first: str, text: str) -> tuple[list[str], str]:
    """The different labels of a line without the prefix, in order, and the text without labels."""
    further = [match[1] for match in FURTHER.finditer(text) if match[1] is not None]
    tokens = [first[len(PREFIX) :], *further]
    labels = [part.rstrip(SEPARATORS) for token in tokens for part in token.split(PREFIX)]
    text = FURTHER.sub(lambda match: match[0] if match[1] is None else "", text).lstrip() if len(tokens) > 1 else text
    return list(dict.fromkeys(labels)), LONE_SEPARATOR.sub("", text, count=1) if LONE_SEPARATOR.match(text) else text


def labels(folder: Path, settings: Parse) -> dict[str, str]:
    """Raw label → name: from the param `classes` (`__label__1: negative`), else train's labels without the prefix."""
    if settings.classes is not None:
        if not any(label.startswith(PREFIX) for label in settings.classes):
            wrong = f"classes must have the labels with {PREFIX}, as the lines do"
            label, name = next(iter(settings.classes.items()), ("", ""))
            raise UserError(folder, wrong, got=shorten(label), do=f"write {PREFIX}{label}: {name}")
        return dict(settings.classes)
    do = f"{PREFIX} must be before the label"
    counts = labels_of_train(read, folder, settings, do)
    return {label: label.removeprefix(PREFIX) for label in counts if not _has_text(label, counts)}


def _has_text(label: str, counts: Mapping[str, int]) -> bool:
    """Whether text is probably glued to a label: up to a separator it is another label, or no other row has it."""
    return is_glued(label) and (counts[label] == 1 or re.split(f"[{SEPARATORS}]", label, maxsplit=1)[0] in counts)


def is_glued(label: str) -> bool:
    """Whether a label has a separator in it, behind which there may be text."""
    return label.startswith(PREFIX) and re.search(f"[{SEPARATORS}]", label) is not None


FORMAT = FileFormat("classify", read, labels)
