"""Generates small corpora in the four published formats, so that a fresh clone runs without a download.

The corpora are learnable but not trivial: classes share words, some characters and words are rare, some labels are
wrong, and lengths vary widely. Words alone classify some of the texts, the others only the order of
the words.
"""

from __future__ import annotations

import bz2
import gzip
import io
import random
from collections.abc import Callable, Mapping
from pathlib import Path

from textrnn.common.config.data import Sample
from textrnn.common.config.file_names import check_file_name
from textrnn.errors import UserError
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
        (folder / name).write_bytes(_compress(name, text.encode("utf-8")))


def _compress(name: str, content: bytes) -> bytes:
    """The bytes of a file with this name: bz2, gzip or plain, by its suffix."""
    if name.endswith(".bz2"):
        return bz2.compress(content)
    if not name.endswith(".gz"):
        return content
    # through GzipFile, as gzip.compress writes a different header in some versions of Python
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


# format -> the function that generates the text of a file
_FORMATS: dict[str, Callable[[random.Random, int], str]] = {
    "headlines": headlines,
    "names": names,
    "bio": tagged_sentences,
    "fasttext": reviews,
}
FORMATS = tuple(_FORMATS)
