"""The embedding that a recipe's model starts from: a matrix for the tokens, and a lexicon of words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from textrnn.preparation.artifacts.embedding_matrix import load_matrix, save_matrix
from textrnn.preparation.artifacts.lexicon_table import load_lexicon, save_lexicon

MATRIX_FILE = "embedding.arrow"
LEXICON_FILE = "lexicon.arrow"


@dataclass(frozen=True, eq=False)
class RecipeEmbedding:
    """What the stage `embed` writes to `data/embedded/<recipe>`.

    matrix: (tokens, width) float32, one row for each id. lexicon: a table of the schema LEXICON, empty without one.
    """

    matrix: np.ndarray
    lexicon: pa.Table

    @staticmethod
    def default_folder(recipe: str) -> Path:
        """Where the stage writes the embedding of a recipe."""
        return Path("data/embedded") / recipe

    @staticmethod
    def files(folder: Path) -> tuple[Path, Path]:
        """The paths of the matrix and of the lexicon in a folder."""
        return folder / MATRIX_FILE, folder / LEXICON_FILE

    @classmethod
    def read(cls, folder: Path) -> RecipeEmbedding:
        """The embedding in a folder; both parts are memory-mapped.

        Raises UserError, with the file's name, if one is missing or contains something else.
        """
        matrix, lexicon = cls.files(folder)
        return cls(load_matrix(matrix), load_lexicon(lexicon))

    def write(self, folder: Path) -> None:
        """Write both parts into an existing folder, for `read`."""
        matrix, lexicon = self.files(folder)
        save_matrix(matrix, self.matrix)
        save_lexicon(lexicon, self.lexicon)
