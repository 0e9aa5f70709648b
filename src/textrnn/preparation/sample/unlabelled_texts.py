"""Takes the texts out of a generated file, without their labels: the file that `vectorize` reads beside train."""

from __future__ import annotations

import csv
from collections.abc import Callable


def without_labels(format: str, text: str) -> str:
    """The texts of a file of this format, one a line; the tokens of tagged sentences are parted by blanks."""
    return "".join(f"{line}\n" for line in _TEXTS[format](text))


def _titles(text: str) -> list[str]:
    return [line.rpartition("\t")[0] for line in text.splitlines()]


def _names(text: str) -> list[str]:
    return [name for name, _ in csv.reader(text.splitlines())]


def _sentences(text: str) -> list[str]:
    sentences = (sentence.splitlines() for sentence in text.strip("\n").split("\n\n"))
    return [" ".join(line.partition("\t")[0] for line in lines) for lines in sentences]


def _reviews(text: str) -> list[str]:
    return [line.partition(" ")[2] for line in text.splitlines()]


_TEXTS: dict[str, Callable[[str], list[str]]] = {
    "headlines": _titles,
    "names": _names,
    "bio": _sentences,
    "fasttext": _reviews,
    "table": _reviews,
}
