"""Create the initial embedding of a recipe, random or from pretrained vectors: tokens, lexicon and bigrams."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Data
from textrnn.common.config.embed import Embed
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param, load_entry_section, load_section
from textrnn.common.storage.stored_files import STATISTICS, read_json, write_statistics
from textrnn.preparation.artifacts.jieba_dictionary import read_dictionary
from textrnn.preparation.artifacts.learned_vectors import LearnedVectors
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.preparation.embedding.embed import embed
from textrnn.preparation.embedding.learned import add_learned_words, bigram_table, learned_statistics
from textrnn.preparation.embedding.lexicon import lexicon_statistics, make_lexicon
from textrnn.stage import output_folder, run_stage


def main(recipe: str) -> None:
    params, where = read_params(), f"recipes.{recipe}.embed"
    settings = load_entry_section(Embed, params, "recipes", recipe, "embed")
    encoding = get_param(params, "recipes", recipe, "encoding")
    vocabulary = Preparation(Preparation.default_folder(encoding)).read_vocabulary()
    folder = Path(load_section(Data, params, "data").vectors)
    vectorized = LearnedVectors.default_folder(encoding)
    learned = LearnedVectors.read(vectorized)
    matrix, statistics = embed(vocabulary, settings, folder, learned, where)
    lexicon, skipped_lines = make_lexicon(read_dictionary(), vocabulary, settings.lexicon, folder, f"{where}.lexicon")
    lexicon = add_learned_words(lexicon, settings, learned, where)
    bigrams = bigram_table(settings, lexicon, learned, where)
    statistics |= lexicon_statistics(settings.lexicon, lexicon, skipped_lines)
    statistics |= learned_statistics(settings, bigrams, read_json(vectorized / STATISTICS))
    with output_folder(RecipeEmbedding.default_folder(recipe)) as out:
        RecipeEmbedding(matrix, lexicon, bigrams).write(out)
        write_statistics(out, statistics)


if __name__ == "__main__":
    run_stage(main, "recipe")
