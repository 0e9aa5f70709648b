"""The vectors of an encoding's tokens, bigrams and words, learned from the contexts in which they occur."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.integrity.arrow_files import open_arrow
from textrnn.common.integrity.checksums import named
from textrnn.common.storage.schemas import UNKNOWN_ID
from textrnn.common.storage.stored_files import write_arrow
from textrnn.common.storage.stored_rows import check_range
from textrnn.names import path_of
from textrnn.preparation.artifacts.lexicon_table import check_vectors

Kind = Literal["token", "bigram", "word"]
KINDS: tuple[Kind, ...] = ("token", "bigram", "word")

LENGTHS: dict[Kind, tuple[int, int | None]] = {"token": (1, 1), "bigram": (2, 2), "word": (1, None)}  # in tokens

VECTORIZED = "vectorized"  # in place of a file's name in the section `embed`: what the stage `vectorize` has learned
VECTORS_FILE = "vectors.arrow"
VECTORS = pa.schema(
    [("kind", pa.string()), ("ids", pa.list_(pa.int32())), ("count", pa.int64()), ("vector", pa.list_(pa.float32()))]
)


@dataclass(frozen=True, eq=False)
class LearnedVectors:
    """What the stage `vectorize` writes to `data/vectorized/<encoding>`: a table of the schema VECTORS.

    A row has the token ids of a token, bigram or word, how often it occurs, and its vector; all vectors of a kind are
    of one width. A bigram that is a word as well has a row of either kind.
    """

    table: pa.Table

    @staticmethod
    def default_folder(encoding: str) -> Path:
        """Where the stage writes the vectors of an encoding."""
        return path_of(Path("data/vectorized"), encoding)

    @classmethod
    def read(cls, folder: Path) -> LearnedVectors:
        """The vectors in a folder. Raises UserError if the file is missing or contains something else."""
        path = folder / VECTORS_FILE
        table = open_arrow(path, VECTORS, "vectors of tokens, bigrams and words")
        with named(path):
            check_range(table["count"], "count", 0)
            check_range(pc.list_flatten(table["ids"]), "ids", UNKNOWN_ID + 1)
            for kind in pc.unique(table["kind"]).to_pylist():
                if kind not in LENGTHS:
                    raise ValueError(f"the kind {kind!r:.60}")
                rows = table.filter(pc.equal(table["kind"], kind))
                check_range(pc.list_value_length(rows["ids"]), f"the length of a {kind}", *LENGTHS[kind])
                check_vectors(rows["vector"])
        return cls(table)

    def check_ids(self, vocabulary_size: int, folder: Path) -> None:
        """Raise UserError, naming the file in the folder, for ids of another vocabulary."""
        with named(folder / VECTORS_FILE):
            check_range(pc.list_flatten(self.table["ids"]), "ids", UNKNOWN_ID + 1, vocabulary_size - 1)

    def write(self, folder: Path) -> None:
        """Write the table into an existing folder, for `read`."""
        write_arrow(folder / VECTORS_FILE, self.table.combine_chunks())

    @staticmethod
    def part(kind: Kind, ids: np.ndarray, counts: np.ndarray, vectors: np.ndarray) -> pa.Table:
        """The rows of N n-grams of one length: ids (N, length), counts (N,) and vectors (N, width)."""
        lists = (as_lists(ids, pa.int32()), pa.array(counts, pa.int64()), as_lists(vectors, pa.float32()))
        return pa.table([pa.array([kind] * len(ids), pa.string()), *lists], schema=VECTORS)

    def of(self, kind: Kind) -> tuple[pa.ListArray, np.ndarray]:
        """The ids of one kind, N lists, and their vectors (N, width) float32; (0, 0) if there are none."""
        rows = self.table.filter(pc.equal(self.table["kind"], kind)).combine_chunks()
        ids = pa.concat_arrays(rows["ids"].chunks) if len(rows) else pa.array([], VECTORS.field("ids").type)
        vectors = np.zeros((0, 0), np.float32)
        if len(rows):
            vectors = pc.list_flatten(rows["vector"]).to_numpy().reshape(len(rows), -1)
        return ids, vectors


NO_VECTORS = LearnedVectors(VECTORS.empty_table())


def as_lists(matrix: np.ndarray, dtype: pa.DataType) -> pa.ListArray:
    """The rows of a matrix (N, width) as N lists."""
    offsets = np.arange(len(matrix) + 1, dtype=np.int32) * np.int32(matrix.shape[1])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(matrix.reshape(-1), dtype))
