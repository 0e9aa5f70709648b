"""Create the initial embedding of a recipe, random or from pretrained vectors: tokens, lexicon and bigrams."""

from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Data
from textrnn.common.config.embed import Embed
from textrnn.common.integrity.checksums import checked_folder
from textrnn.common.params.params_file import read_params
from textrnn.common.params.sections import get_param, load_entry_section, load_section
from textrnn.common.storage.stored_files import write_statistics
from textrnn.preparation.artifacts.learned_vectors import VECTORIZED, LearnedVectors
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.preparation.embedding.initial_embedding import initial_embedding
from textrnn.stage import run_stage


def main(recipe: str) -> None:
    params = read_params()
    settings = load_entry_section(Embed, params, "recipes", recipe, "embed")
    encoding = get_param(params, "recipes", recipe, "encoding")
    embedding, statistics = initial_embedding(
        Preparation(Preparation.default_folder(encoding)).read_vocabulary(),
        settings,
        vectors=Path(load_section(Data, params, "data").vectors),
        vectorized=LearnedVectors.default_folder(encoding),
        where=f"recipes.{recipe}.embed",
    )
    if settings.vectors == VECTORIZED and not statistics["covered_tokens"]:
        print(f"{recipe}: no token is frequent enough for a learned vector; the embeddings are random", flush=True)
    with checked_folder(RecipeEmbedding.default_folder(recipe)) as out:
        embedding.write(out)
        write_statistics(out, statistics)


if __name__ == "__main__":
    run_stage(main, "recipe")
