"""Raw files of the corpora in their published formats: their names, their text, and how they are parsed."""

from __future__ import annotations

import csv
import io

from textrnn.common.config.parse import Columns, HoldOut, Parse

FILES = {
    "headlines": {"train": "train.txt", "dev": "dev.txt", "test": "test.txt", "classes": "class.txt"},
    "names": {"train": "train.csv.gz", "dev": "dev.csv.gz", "test": "test.csv.gz"},
    "bio": {"train": "train_bio.txt", "dev": "dev_bio.txt", "test": "test_bio.txt"},
    "fasttext": {"train": "train.ft.txt.bz2", "dev": "dev.ft.txt.bz2", "test": "test.ft.txt.bz2"},
}

HEADLINES = Parse("headlines", {}, 1, None, {}, None, 0, Columns(0, -1), None)
NAMES = Parse("names", {}, 1, None, {}, HoldOut("train", 0.1, 1), 0, Columns(0, -1), None)
BIO = Parse("bio", {}, 1, None, {}, HoldOut("train", 0.25, 1), 0, Columns(0, -1), None)
FASTTEXT = Parse(
    "fasttext",
    {},
    1,
    {"__label__1": "negative", "__label__2": "positive"},
    {},
    HoldOut("test", 0.5, 1),
    0,
    Columns(0, -1),
    None,
)


def published(format, rows):
    """Rows, pairs of (text or tokens, label or tags), as the text of a file in their published format."""
    if format == "names":
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        return text.getvalue()
    if format == "bio":
        return "".join("".join(f"{a}\t{b}\n" for a, b in zip(*row, strict=True)) + "\n" for row in rows)
    line = {"headlines": "{0}\t{1}\n", "fasttext": "{1} {0}\n"}[format]
    return "".join(line.format(*row) for row in rows)


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
