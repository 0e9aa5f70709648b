"""Takes what the stage `vectorize` has learned: start values for a recipe's tokens, bigrams and lexicon words."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.config.embed import Embed
from textrnn.preparation.artifacts.learned_vectors import VECTORIZED, LearnedVectors, as_lists
from textrnn.preparation.artifacts.lexicon_table import LEXICON, MIN_WORD_LENGTH
from textrnn.preparation.embedding.lexicon import fill_vectors


class VectorizeStatistics(TypedDict):
    """What the stage `vectorize` says of its vectors; the texts are those that they are learned from, if any."""

    width: int | None
    text: NotRequired[str | None]
    texts: NotRequired[dict[str, int]]


def learned_tokens(learned: LearnedVectors) -> tuple[np.ndarray, np.ndarray]:
    """The ids (K,) int64 of the tokens with vectors, and these, (K, width) float32; none if all tokens are too rare."""
    ids, vectors = learned.of("token")
    return ids.flatten().to_numpy().astype(np.int64), vectors


def bigram_table(settings: Embed, lexicon: pa.Table, learned: LearnedVectors) -> pa.Table:
    """The bigrams that have vectors, a table of LEXICON: learned ones, or those of the lexicon's file, or none."""
    ids, vectors = learned.of("bigram")
    if settings.bigrams is not None and len(ids):
        no_words, never = pa.nulls(len(ids), pa.string()).dictionary_encode(), pa.array(np.zeros(len(ids), np.int64))
        return pa.table([ids, no_words, never, as_lists(vectors, pa.float32())], schema=LEXICON)
    if settings.lexicon is None or settings.lexicon.vectors in (None, VECTORIZED):
        return LEXICON.empty_table()
    is_bigram = pc.equal(pc.list_value_length(lexicon["ids"]), MIN_WORD_LENGTH)
    return lexicon.filter(pc.and_(is_bigram, lexicon["vector"].is_valid()))


def add_learned_words(lexicon: pa.Table, settings: Embed, learned: LearnedVectors) -> pa.Table:
    """The lexicon with the vectors of the words that have learned ones, if the recipe names these."""
    ids, vectors = learned.of("word")
    if settings.lexicon is None or settings.lexicon.vectors != VECTORIZED or not len(ids):
        return lexicon
    return fill_vectors(lexicon, ids.to_pylist(), vectors)


def learned_statistics(settings: Embed, bigrams: pa.Table, vectorized: VectorizeStatistics) -> dict[str, Any]:
    """How many bigrams have vectors and, if any vectors are learned ones, the texts that they are learned from.

    vectorized: the statistics of the stage `vectorize`.
    """
    uses = VECTORIZED in (settings.vectors, settings.bigrams, settings.lexicon and settings.lexicon.vectors)
    texts = {"text": vectorized.get("text"), **vectorized.get("texts", {})} if uses else None
    return {"bigrams": settings.bigrams, "bigram_vectors": len(bigrams), "vectorized_texts": texts}
