"""The file of a lexicon: words and pairs as token ids, with parts of speech and vectors."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from textrnn.errors import UserError

# a word's ids, its part of speech, and the vector it was given; a pair of tokens that is no word has no part of speech
LEXICON = pa.schema(
    [
        ("ids", pa.list_(pa.int32())),
        ("tag", pa.dictionary(pa.int32(), pa.string())),
        ("vector", pa.list_(pa.float32())),
    ]
)


def save_lexicon(path: Path, table: pa.Table) -> None:
    """A table of LEXICON, for `load_lexicon`."""
    with pa.ipc.new_file(str(path), LEXICON) as file:
        file.write_table(table)


def load_lexicon(path: Path) -> pa.Table:
    """The table of `save_lexicon`; raises UserError when the file is missing or something else."""
    if not path.is_file():
        raise UserError(path, "no such file", do="run the stage that writes it")
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except pa.ArrowInvalid as error:
        raise UserError(path, "is not an Arrow file", got=error, do="run the stage that writes it") from error
    if not table.schema.equals(LEXICON):
        raise UserError(path, "does not hold words, parts of speech and vectors", got=table.schema.names)
    return table
