"""The embedding matrix a recipe starts from: random, or aligned from pretrained vectors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textrnn.common.config.params import require, require_name
from textrnn.common.storage.schemas import PAD_ID, RESERVED
from textrnn.errors import UserError
from textrnn.preparation.embedding.lexicon import Lexicon
from textrnn.preparation.embedding.vector_files import read_vectors
from textrnn.preparation.vocabulary.tokens import Vocabulary


@dataclass(frozen=True)
class Embed:
    """The draw of what no vectors file gives: its seed."""

    seed: int

    def check(self) -> None:
        require(self.seed >= 0, "embed.seed", "must not be negative", self.seed)


@dataclass(frozen=True)
class Embedding:
    """What a recipe's embedding is: its width, a vectors file in the folder data.vectors, and the words it may know.

    embedding_size: null takes the width of the vectors; embedding_std: the standard deviation of its values where
    they are drawn; vectors: null draws at random; lexicon: null has no words.
    """

    embedding_size: int | None
    embedding_std: float
    vectors: str | None
    lexicon: Lexicon | None

    def check(self, where: str) -> None:
        """Refuse an embedding without a width; `where` is the dotted name of the recipe."""
        named, size = f"{where}.embedding_size", self.embedding_size
        require(size is not None or self.vectors is not None, named, "is needed where vectors is null", size)
        require(size is None or size >= 1, named, "must be at least 1", size)
        std = self.embedding_std
        require(0 < std < math.inf, f"{where}.embedding_std", "must be a number above 0", std)
        if self.vectors is not None:
            require_name(self.vectors, f"{where}.vectors", "data.vectors")
        if self.lexicon is not None:
            self.lexicon.check(f"{where}.lexicon")


def embed(
    vocabulary: Vocabulary, embedding: Embedding, folder: Path, settings: Embed, where: str
) -> tuple[np.ndarray, dict[str, Any]]:
    """The (tokens, width) float32 matrix and how much of the vocabulary the vectors cover.

    Random rows are drawn from N(0, std^2), torch's Embedding having a std of 1, or, beside vectors, from their own
    mean and standard deviation by column; the padding row is zero. Coverage is by distinct tokens and by their count
    in train. Raises UserError when the file's width is not the recipe's `embedding_size`.
    """
    size = embedding.embedding_size
    generator = np.random.Generator(np.random.PCG64(settings.seed))
    if embedding.vectors is None:
        assert size is not None
        matrix = generator.standard_normal((len(vocabulary), size), dtype=np.float32)
        matrix *= embedding.embedding_std
        matrix[PAD_ID] = 0
        return matrix, {"width": size, "covered_tokens": 0.0, "covered_text": 0.0}
    wanted = {word: at for at, word in enumerate(vocabulary.words.to_pylist(), start=len(RESERVED))}
    vectors = folder / embedding.vectors
    positions, found = read_vectors(vectors, wanted)
    if size is not None and found.shape[1] != size:
        do = f"set {where}.embedding_size to {found.shape[1]} or null"
        raise UserError(vectors, f"its vectors are not {size} wide", got=found.shape[1], do=do)
    matrix = generator.standard_normal((len(vocabulary), found.shape[1]), dtype=np.float32)
    matrix = matrix * found.std(axis=0) + found.mean(axis=0)
    matrix[positions] = found
    matrix[PAD_ID] = 0
    counts = vocabulary.counts.to_numpy()
    covered = counts[positions - len(RESERVED)].sum() / counts.sum()
    share = len(positions) / len(vocabulary.words)
    return matrix, {"width": found.shape[1], "covered_tokens": float(share), "covered_text": float(covered)}


def save_matrix(path: Path, matrix: np.ndarray) -> None:
    """The matrix as one Arrow column of fixed-size lists."""
    rows = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1])
    table = pa.table({"vector": rows})
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)


def load_matrix(path: Path) -> np.ndarray:
    """The (tokens, width) float32 matrix of `save_matrix`, without copying."""
    if not path.is_file():
        raise UserError(path, "no such file", do="run the stage that writes it")
    try:
        column = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0).column("vector")
    except pa.ArrowInvalid as error:
        raise UserError(path, "is not an Arrow file", got=error, do="run the stage that writes it") from error
    matrix: np.ndarray = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
    return matrix
