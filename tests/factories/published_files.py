"""Raw files of the corpora in their published formats: their names, their text, and how they are parsed."""

from __future__ import annotations

import csv
import io

from factories.settings import parse_settings
from textrnn.common.config.parse import HoldOut

FILES = {
    "headlines": {"train": "train.txt", "dev": "dev.txt", "test": "test.txt", "classes": "class.txt"},
    "names": {"train": "train.csv.gz", "dev": "dev.csv.gz", "test": "test.csv.gz"},
    "bio": {"train": "train_bio.txt", "dev": "dev_bio.txt", "test": "test_bio.txt"},
    "table": {"train": "train.csv", "dev": "dev.csv", "test": "test.csv"},
    "fasttext": {"train": "train.ft.txt.bz2", "dev": "dev.ft.txt.bz2", "test": "test.ft.txt.bz2"},
}

HEADLINES = parse_settings("headlines")
NAMES = parse_settings("names", dev=HoldOut("train", 0.1, 1))
BIO = parse_settings("bio", dev=HoldOut("train", 0.25, 1))
FASTTEXT = parse_settings(
    "fasttext", classes={"__label__1": "negative", "__label__2": "positive"}, dev=HoldOut("test", 0.5, 1)
)


def published(format, rows):
    """Rows, pairs of (text or tokens, label or tags), as the text of a file in their published format."""
    if format == "names":
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        return text.getvalue()
    if format == "table":  # blank lines between the records
        text = io.StringIO()
        csv.writer(text, lineterminator="\n\n").writerows([("text", "label", "author"), *rows])
        return text.getvalue()
    if format == "bio":
        return "".join("".join(f"{a}\t{b}\n" for a, b in zip(*row, strict=True)) + "\n" for row in rows)
    line = {"headlines": "{0}\t{1}\n", "fasttext": "{1} {0}\n"}[format]
    return "".join(line.format(*row) for row in rows)


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
