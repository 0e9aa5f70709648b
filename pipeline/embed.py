"""Create the initial embedding matrix of a recipe, random or from pretrained vectors, and its lexicon."""

from functools import partial
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from textrnn.common.config.data import Data
from textrnn.common.config.embed import Embed, Embedding
from textrnn.common.config.params import get_param, load_section, load_stage_params, read_params
from textrnn.common.config.types import RECIPE_KEYS
from textrnn.preparation.artifacts.embedding_matrix import save_matrix
from textrnn.preparation.artifacts.lexicon_table import save_lexicon
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.embed import embed
from textrnn.preparation.embedding.jieba_dictionary import read_dictionary
from textrnn.preparation.embedding.lexicon import add_vectors, build_lexicon
from textrnn.preparation.embedding.vector_files import read_selected
from textrnn.stage import output_folder, run_stage, write_json


def main(recipe: str) -> None:
    params, where = read_params(), f"recipes.{recipe}"
    embedding = load_stage_params(Embedding, params, "recipes", recipe, among=RECIPE_KEYS)
    embedding.check(where)
    settings = load_section(Embed, params, "embed")
    settings.check()
    vocabulary = Vocabulary.load(
        Path("data/encoded") / get_param(params, "recipes", recipe, "encoding") / "vocabulary.arrow"
    )
    folder = Path(load_section(Data, params, "data").vectors)
    with output_folder(Path("data/embedded") / recipe) as out:
        matrix, metrics = embed(vocabulary, embedding, folder, settings, where)
        save_matrix(out / "embedding.arrow", matrix)
        lexicon = build_lexicon(read_dictionary(), vocabulary, embedding.lexicon, f"{where}.lexicon")
        if embedding.lexicon is not None and embedding.lexicon.vectors is not None:
            read = partial(read_selected, folder / embedding.lexicon.vectors, what="word or pair of the lexicon")
            lexicon = add_vectors(lexicon, vocabulary, read)
        save_lexicon(out / "lexicon.arrow", lexicon)  # empty without one: a stage always has the same outputs
        if embedding.lexicon is not None:
            metrics["lexicon_words"] = lexicon["tag"].length() - lexicon["tag"].null_count
            metrics["lexicon_vectors"] = lexicon["vector"].length() - lexicon["vector"].null_count
    write_json(Path("metrics") / recipe / "embed.json", metrics)


if __name__ == "__main__":
    run_stage(main, "recipe")
