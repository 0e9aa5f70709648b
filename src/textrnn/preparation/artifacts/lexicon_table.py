"""Saves and loads a lexicon: words and character bigrams as token ids, with their parts of speech and vectors."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from textrnn.common.storage.stored_files import open_arrow, write_arrow

MIN_WORD_LENGTH = 2  # characters of all words but those that are one token alone; it is also the length of a bigram

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
    return open_arrow(path, LEXICON, "words, parts of speech, frequencies and vectors")
