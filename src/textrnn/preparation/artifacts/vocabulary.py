"""Maps tokens to ids: the reserved ids first, then tokens by descending count, with ties in code point order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.storage.schemas import COUNTS, RESERVED, UNKNOWN_ID
from textrnn.common.storage.segmented_rows import open_counts
from textrnn.common.storage.stored_files import write_arrow


class Vocabulary:
    """Tokens with ids. Id 0 is padding and id 1 is unknown; a token spelled `<pad>` or `<unk>` is not special.

    tokens: the known tokens, from id 2 on, as an Arrow array. counts: how often each occurs in the training split.
    """

    def __init__(self, tokens: pa.Array, counts: pa.Array) -> None:
        self.tokens, self.counts = tokens, counts
        self._ids: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self.tokens) + len(RESERVED)

    def __contains__(self, token: str) -> bool:
        """Whether the token has an id of its own."""
        return token in self._ids_by_token

    @property
    def longest_token(self) -> int:
        """The characters of the longest token; 0 without any."""
        return int(pc.max(pc.utf8_length(self.tokens)).as_py() or 0)

    @property
    def _ids_by_token(self) -> dict[str, int]:
        if self._ids is None:
            self._ids = {token: token_id for token_id, token in enumerate(self.tokens.to_pylist(), start=len(RESERVED))}
        return self._ids

    @classmethod
    def build(cls, counts: pa.Table, min_count: int, max_tokens: int | None) -> Vocabulary:
        """The vocabulary of the token counts of the training split, a table with the schema COUNTS.

        It contains the tokens that occur at least `min_count` times, at most `max_tokens` of them (None: all).
        """
        table = counts.filter(pc.greater_equal(counts["count"], min_count))
        table = table.sort_by([("count", "descending"), ("token", "ascending")]).slice(0, max_tokens)
        table = table.combine_chunks()
        return cls(_one_chunk(table["token"], pa.string()), _one_chunk(table["count"], pa.int64()))

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """The vocabulary that `save` wrote. Raises UserError if the file is missing or is not a vocabulary."""
        table = open_counts(path)
        return cls(_one_chunk(table["token"], pa.string()), _one_chunk(table["count"], pa.int64()))

    def save(self, path: Path) -> None:
        """Write tokens and counts in the order of ids."""
        write_arrow(path, pa.table([self.tokens, self.counts], schema=COUNTS))

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The ids of tokens; unknown ones get id 1."""
        ids = self._ids_by_token
        return [ids.get(token, UNKNOWN_ID) for token in tokens]

    def encode_lists(self, tokens: pa.ListArray) -> pa.ListArray:
        """Lists of tokens as lists of int32 ids; each distinct token is looked up once."""
        distinct = tokens.flatten().dictionary_encode()
        ids = np.array(self.encode(distinct.dictionary.to_pylist()), np.int32)
        offsets = pc.subtract(tokens.offsets, tokens.offsets[0])
        return pa.ListArray.from_arrays(offsets, pa.array(ids[distinct.indices.to_numpy()]))


def _one_chunk(column: pa.ChunkedArray, dtype: pa.DataType) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], dtype)
