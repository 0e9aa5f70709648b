"""The embedding that a recipe starts from, with all its parts: tokens, lexicon and bigrams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textrnn.common.config.embed import Embed
from textrnn.common.integrity.json_files import read_json
from textrnn.common.storage.stored_files import STATISTICS
from textrnn.preparation.artifacts.jieba_dictionary import read_dictionary
from textrnn.preparation.artifacts.learned_vectors import LearnedVectors
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.embed import embed
from textrnn.preparation.embedding.learned import (
    VectorizeStatistics,
    add_learned_words,
    bigram_table,
    learned_statistics,
)
from textrnn.preparation.embedding.lexicon import lexicon_statistics, make_lexicon


def initial_embedding(
    vocabulary: Vocabulary, settings: Embed, *, vectors: Path, vectorized: Path, where: str
) -> tuple[RecipeEmbedding, dict[str, Any]]:
    """The embedding of a recipe, and the statistics of all parts.

    vectors: the folder of files of vectors. vectorized: the folder that the stage `vectorize` has written. where: the
    dotted name of the section, for messages. Raises UserError for vectors that are missing or do not fit.
    """
    learned = LearnedVectors.read(vectorized)
    learned.check_ids(len(vocabulary), vectorized)
    of_vectorize = read_json(vectorized / STATISTICS, VectorizeStatistics)
    matrix, statistics = embed(vocabulary, settings, vectors, learned, where, learned_width=of_vectorize["width"])
    lexicon, skipped = make_lexicon(read_dictionary(), vocabulary, settings.lexicon, vectors, f"{where}.lexicon")
    lexicon = add_learned_words(lexicon, settings, learned)
    bigrams = bigram_table(settings, lexicon, learned)
    statistics |= lexicon_statistics(settings.lexicon, lexicon, skipped)
    statistics |= learned_statistics(settings, bigrams, of_vectorize)
    return RecipeEmbedding(matrix, lexicon, bigrams), statistics
