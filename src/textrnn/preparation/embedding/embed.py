"""The embedding matrix a recipe starts from: random, or aligned from pretrained vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from textrnn.common.config.embed import Embed, Embedding
from textrnn.common.storage.schemas import PAD_ID, RESERVED
from textrnn.errors import UserError
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.vector_files import read_vectors


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
