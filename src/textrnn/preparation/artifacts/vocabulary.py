"""The tokens a model knows, numbered: reserved ones first, then by falling count, ties by code point."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.storage.schemas import COUNTS, RESERVED, UNKNOWN_ID
from textrnn.errors import UserError


class Vocabulary:
    """Tokens with ids; id 0 is padding, 1 unknown, and neither can be reached by a token of a text.

    words: the known tokens, from id 2 on, as an Arrow array; counts: how often each occurs in the training split.
    """

    def __init__(self, words: pa.Array, counts: pa.Array) -> None:
        self.words, self.counts = words, counts
        self._index: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self.words) + len(RESERVED)

    @classmethod
    def build(cls, counted: pa.Table, min_count: int, max_tokens: int | None) -> Vocabulary:
        """The vocabulary of the training split's token counts, a table of COUNTS.

        It has the tokens seen at least `min_count` times, at most `max_tokens` of them (None: all).
        """
        table = counted.filter(pc.greater_equal(counted["count"], min_count))
        table = table.sort_by([("count", "descending"), ("token", "ascending")]).slice(0, max_tokens)
        table = table.combine_chunks()
        return cls(_one_chunk(table["token"], pa.string()), _one_chunk(table["count"], pa.int64()))

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        table = read_counts(path)
        return cls(_one_chunk(table["token"], pa.string()), _one_chunk(table["count"], pa.int64()))

    def save(self, path: Path) -> None:
        with pa.ipc.new_file(str(path), COUNTS) as file:
            file.write_table(pa.table([self.words, self.counts], schema=COUNTS))

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The tokens' ids, unknown ones as 1."""
        if self._index is None:
            self._index = {word: at for at, word in enumerate(self.words.to_pylist(), start=len(RESERVED))}
        index = self._index
        return [index.get(token, UNKNOWN_ID) for token in tokens]

    def encode_lists(self, tokens: pa.ListArray) -> pa.ListArray:
        """Rows of tokens into rows of int32 ids; each distinct token is looked up once."""
        distinct = tokens.flatten().dictionary_encode()
        numbers = np.array(self.encode(distinct.dictionary.to_pylist()), np.int32)
        offsets = pc.subtract(tokens.offsets, tokens.offsets[0])
        return pa.ListArray.from_arrays(offsets, pa.array(numbers[distinct.indices.to_numpy()]))


def read_counts(path: Path) -> pa.Table:
    """A file of tokens and counts as a table of COUNTS; raises UserError when it is missing or something else."""
    if not path.is_file():
        raise UserError(path, "no such file", do="run the stage that writes it")
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except pa.ArrowInvalid as error:
        raise UserError(path, "is not an Arrow file", got=error, do="run the stage that writes it") from error
    if not table.schema.equals(COUNTS):
        raise UserError(path, "does not hold tokens and counts", got=table.schema.names)
    return table


def _one_chunk(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], kind)
