"""Generates small corpora in the published formats and as tables, so that a fresh clone runs without a download.

The corpora are learnable but not trivial: classes share words, some characters and words are rare, some labels are
wrong, and lengths vary widely. Words alone classify some of the texts, the others only the order of
the words.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from textrnn.common.config.data import Sample
from textrnn.errors import UserError
from textrnn.names import check_file_name
from textrnn.preparation.sample.headline_words import TOPICS
from textrnn.preparation.sample.headlines import headlines
from textrnn.preparation.sample.names import names
from textrnn.preparation.sample.reviews import reviews
from textrnn.preparation.sample.tagged_sentences import tagged_sentences
from textrnn.preparation.sample.unlabelled_texts import without_labels


def write_sample(corpus: str, format: str, files: Mapping[str, str], sample: Sample, folder: Path) -> None:
    """Write a generated corpus into an existing folder, one file per role.

    The roles are `train`, `dev`, `test`, `classes` and `unlabelled`, which has texts alone, one a line.

    The same seed, rows and corpus name give the same bytes. A role's file does not depend on which other roles exist.
    Raises UserError for an unknown format or role, and for fewer than 5 rows.
    """
    if format not in _FORMATS:
        raise UserError(
            f"corpora.{corpus}.parse.format", "no such format", got=repr(format), do=f"use {', '.join(FORMATS)}"
        )
    sample.check("sample")
    generate = _FORMATS[format]
    for role, name in files.items():
        rng = random.Random(f"{sample.seed}/{corpus}/{role}")
        if role == "classes" and format == "headlines":
            text = "\n".join(TOPICS)
        elif role in ("train", "dev", "test"):
            text = generate(rng, sample.rows if role == "train" else sample.rows // 5)
        elif role == "unlabelled":
            text = without_labels(format, generate(rng, sample.rows + sample.rows // 5))
        else:
            raise UserError(
                f"corpora.{corpus}.parse.files.{role}", f"the format {format} has no such file", got=repr(name)
            )
        if format == "bio" and role == "train":
            text += "\n"  # readers must accept the last sentence with and without a blank line after it
        check_file_name(name, f"corpora.{corpus}.parse.files.{role}", "the corpus's folder")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        table = format == "table" and role != "unlabelled"
        content = _table_file(name, text, tagged_sentences(rng, text.count("\n"))) if table else text.encode("utf-8")
        (folder / name).write_bytes(_compress(name, content))


def _compress(name: str, content: bytes) -> bytes:
    """The bytes of a file with this name: bz2, gzip or plain, by its suffix."""
    if name.lower().endswith(".bz2"):
        return bz2.compress(content)
    if not name.lower().endswith(".gz"):
        return content
    # through GzipFile, as gzip.compress writes a different header in some versions of Python
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def _table_file(name: str, texts: str, sentences: str) -> bytes:
    """A table, by its name CSV, TSV, JSON lines or Parquet, with texts and labels and with tokens and tags."""
    columns: dict[str, list[Any]] = {"text": [], "label": [], "tokens": [], "tags": []}
    for line, sentence in zip(texts.splitlines(), sentences.strip("\n").split("\n\n"), strict=True):
        label, _, text = line.removeprefix("__label__").partition(" ")
        pairs = [pair.split("\t") for pair in sentence.splitlines()]
        values = (text, ("negative", "positive")[int(label) - 1], *map(list, zip(*pairs, strict=True)))
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    kind = Path(name.lower().removesuffix(".gz").removesuffix(".bz2")).suffix
    if kind == ".parquet":
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink)
        return sink.getvalue()
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    if kind in (".jsonl", ".ndjson"):
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8")
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter="," if kind == ".csv" else "\t", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows((row["text"], row["label"], " ".join(row["tokens"]), " ".join(row["tags"])) for row in rows)
    return lines.getvalue().encode("utf-8")


# format -> the function that generates the text of a file
_FORMATS: dict[str, Callable[[random.Random, int], str]] = {
    "headlines": headlines,
    "names": names,
    "bio": tagged_sentences,
    "fasttext": reviews,
    "table": reviews,
}
FORMATS = tuple(_FORMATS)
