"""Builds the embedding matrix a recipe starts from: random, or aligned with pretrained vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from textrnn.common.config.embed import Embed
from textrnn.common.storage.schemas import PAD_ID, RESERVED
from textrnn.errors import UserError
from textrnn.preparation.artifacts.learned_vectors import VECTORIZED, LearnedVectors
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.learned import learned_tokens
from textrnn.preparation.embedding.vector_files import read_vectors


def embed(
    vocabulary: Vocabulary,
    settings: Embed,
    folder: Path,
    learned: LearnedVectors,
    where: str,
    *,
    learned_width: int | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """The (tokens, width) float32 matrix, and statistics: the param `vectors`, the width, and how much they cover.

    Without vectors, rows are sampled from N(0, std^2); torch's Embedding has a standard deviation of 1. With
    vectors, the tokens that have none are sampled with the mean and standard deviation of the vectors found, column by
    column. If no token is frequent enough for a learned vector, all are sampled as without vectors. The padding row is
    zero. Coverage is the fraction of distinct tokens, and of tokens weighted by their count
    in train. For a file, the statistics also have the number of its damaged lines.
    folder: where a file of vectors is. learned: the vectors of the encoding's `vectorize`. where: the dotted name of
    the section, for messages. learned_width: the width that `vectorize` was asked for.
    Raises UserError if the width of the vectors is not `width`.
    """
    size = settings.width
    generator = np.random.Generator(np.random.PCG64(settings.seed))
    if settings.vectors is None:
        assert size is not None
        return _random(len(vocabulary), size, settings, generator)
    if settings.vectors == VECTORIZED:
        source: str | Path = f"{where}.vectors"
        ids, vectors = learned_tokens(learned)
        of_file = {}
        if not len(ids):
            assert learned_width is not None
            return _random(len(vocabulary), learned_width, settings, generator)
    else:
        wanted = {token: token_id for token_id, token in enumerate(vocabulary.tokens.to_pylist(), start=len(RESERVED))}
        source = folder / settings.vectors
        ids, vectors, skipped = read_vectors(source, wanted)
        of_file = {"skipped_lines": skipped}
    if size is not None and vectors.shape[1] != size:
        do = f"set {where}.width to {vectors.shape[1]} or null"
        raise UserError(source, f"the width of its vectors is not {size}", got=vectors.shape[1], do=do)
    matrix = generator.standard_normal((len(vocabulary), vectors.shape[1]), dtype=np.float32)
    matrix = matrix * vectors.std(axis=0) + vectors.mean(axis=0)
    matrix[ids] = vectors
    matrix[PAD_ID] = 0
    counts = vocabulary.counts.to_numpy()
    covered_text = counts[ids - len(RESERVED)].sum() / counts.sum()
    covered_tokens = len(ids) / len(vocabulary.tokens)
    return matrix, {
        "vectors": settings.vectors,
        "width": vectors.shape[1],
        "covered_tokens": float(covered_tokens),
        "covered_text": float(covered_text),
        **of_file,
    }


def _random(
    tokens: int, width: int, settings: Embed, generator: np.random.Generator
) -> tuple[np.ndarray, dict[str, Any]]:
    matrix = generator.standard_normal((tokens, width), dtype=np.float32)
    matrix *= settings.std
    matrix[PAD_ID] = 0
    return matrix, {"vectors": settings.vectors, "width": width, "covered_tokens": 0.0, "covered_text": 0.0}
