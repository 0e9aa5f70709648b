"""Saves and loads a lexicon: words and character bigrams as token ids, with their parts of speech and vectors."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.integrity.arrow_files import open_arrow
from textrnn.common.integrity.checksums import named
from textrnn.common.storage.schemas import UNKNOWN_ID
from textrnn.common.storage.stored_files import write_arrow
from textrnn.common.storage.stored_rows import check_range

MIN_WORD_LENGTH = 2  # characters of all words but those that are one token alone; it is also the length of a bigram
MAX_WORD_LENGTH = 63  # a word's ids are the digits of one int64

# the token ids of a word, its part of speech, its frequency in the dictionary, and its pretrained vector or null; a
# bigram that is not a word has no part of speech, and a frequency of 0
LEXICON = pa.schema(
    [
        ("ids", pa.list_(pa.int32())),
        ("tag", pa.dictionary(pa.int32(), pa.string())),
        ("frequency", pa.int64()),
        ("vector", pa.list_(pa.float32())),
    ]
)


def save_lexicon(path: Path, table: pa.Table) -> None:
    """Write a table with the schema LEXICON to a file, for `load_lexicon`."""
    write_arrow(path, table)


def load_lexicon(path: Path) -> pa.Table:
    """The table that `save_lexicon` wrote. Raises UserError if the file is missing or is not a lexicon."""
    contents = "words, parts of speech, frequencies and vectors"
    table = open_arrow(path, LEXICON, contents, nullable=("tag", "vector"))
    with named(path):
        check_range(table["frequency"], "frequency", 0)
        check_range(pc.list_flatten(table["ids"]), "ids", UNKNOWN_ID + 1)
        check_range(pc.list_value_length(table["ids"]), "the length of ids", 1, MAX_WORD_LENGTH)
        check_vectors(table["vector"])
    return table


def check_vectors(vectors: pa.ChunkedArray) -> None:
    """Raise ValueError unless all lists of numbers that are not null are of one width, and finite."""
    widths = pc.unique(pc.list_value_length(vectors.drop_null()))
    if len(widths) > 1 or not pc.all(pc.is_finite(pc.list_flatten(vectors)), min_count=0).as_py():
        raise ValueError("vectors are not of one width, or have numbers that are not finite")
