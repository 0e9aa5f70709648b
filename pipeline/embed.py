"""Create the initial embedding matrix of a recipe, random or from pretrained vectors, and its lexicon."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Data
from textrnn.common.config.embed import Embed, Embedding
from textrnn.common.config.params import get_param, load_section, load_stage_params, read_params
from textrnn.common.config.types import RECIPE_KEYS
from textrnn.common.storage.stored_files import write_statistics
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.preparation.embedding.embed import embed
from textrnn.preparation.embedding.jieba_dictionary import read_dictionary
from textrnn.preparation.embedding.lexicon import lexicon_statistics, make_lexicon
from textrnn.stage import output_folder, run_stage


def main(recipe: str) -> None:
    params, where = read_params(), f"recipes.{recipe}"
    embedding = load_stage_params(Embedding, params, "recipes", recipe, among=RECIPE_KEYS)
    embedding.check(where)
    settings = load_section(Embed, params, "embed")
    settings.check()
    encoding = get_param(params, "recipes", recipe, "encoding")
    vocabulary = Preparation(Preparation.default_folder(encoding)).read_vocabulary()
    folder = Path(load_section(Data, params, "data").vectors)
    matrix, statistics = embed(vocabulary, embedding, folder, settings, where)
    lexicon = make_lexicon(read_dictionary(), vocabulary, embedding.lexicon, folder, f"{where}.lexicon")
    with output_folder(RecipeEmbedding.default_folder(recipe)) as out:
        RecipeEmbedding(matrix, lexicon).write(out)
        write_statistics(out, statistics | lexicon_statistics(embedding.lexicon, lexicon))


if __name__ == "__main__":
    run_stage(main, "recipe")
