"""The shipped recipes, for code without a params.yaml of its own, and which of them fits new texts."""

from __future__ import annotations

import functools
from typing import Any

from textrnn.common.params.params_file import read_params
from textrnn.project.shipped.project_files import PARAMS

TAGGER = "ner_bilstm_crf"
MOST_ROWS = 0.95  # the fraction of rows whose lengths decide
SHORT_CHARACTERS = 64  # of headlines and short messages in a script without blanks
NAME_WORDS, NAME_CHARACTERS = 2, 24
FEW_ROWS = 20_000  # up to so many rows the recipe of reviews has smaller batches and less dropout


@functools.cache
def shipped_params() -> dict[str, Any]:
    """The values of the repository's params.yaml without its limits; not to be changed."""
    params = read_params(PARAMS)
    return {**params, "limits": dict.fromkeys(params["limits"])}


def shipped_encoding(recipe: str) -> dict[str, Any]:
    """The entry of the encoding of a shipped recipe; not to be changed."""
    params = shipped_params()
    entry: dict[str, Any] = params["encodings"][params["recipes"][recipe]["encoding"]]
    return entry


def fitting_recipe(*, has_blanks: bool, characters: int, words: int, rows: int) -> str:
    """The recipe that fits texts to be classified.

    has_blanks: whether words are parted by blanks. characters, words: the lengths that MOST_ROWS of the texts do not
    exceed. rows: how many texts there are.
    """
    if not has_blanks and characters <= SHORT_CHARACTERS:
        return "news_bilstm"
    if has_blanks and words <= NAME_WORDS and characters <= NAME_CHARACTERS:
        return "names_bigru"
    return "reviews_bilstm" if rows <= FEW_ROWS else "films_bilstm"
