"""The embedding that a recipe's model starts from: a matrix for the tokens, a lexicon of words, and bigrams."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textrnn.common.integrity.arrow_files import open_arrow
from textrnn.common.integrity.checksums import named
from textrnn.common.storage.schemas import UNKNOWN_ID
from textrnn.common.storage.stored_files import write_arrow
from textrnn.common.storage.stored_rows import check_range
from textrnn.errors import UserError
from textrnn.names import path_of
from textrnn.preparation.artifacts.lexicon_table import load_lexicon, save_lexicon

MATRIX_FILE = "embedding.arrow"
LEXICON_FILE = "lexicon.arrow"
BIGRAMS_FILE = "bigrams.arrow"
COLUMN = "vector"  # of the matrix, a column of fixed-size lists


@dataclass(frozen=True, eq=False)
class RecipeEmbedding:
    """What the stage `embed` writes to `data/embedded/<recipe>`.

    matrix: (tokens, width) float32, one row for each id. lexicon: a table of the schema LEXICON, empty without one.
    bigrams: the pairs of tokens that have vectors, in a table of the same schema, empty without any.
    """

    matrix: np.ndarray
    lexicon: pa.Table
    bigrams: pa.Table

    @staticmethod
    def default_folder(recipe: str) -> Path:
        """Where the stage writes the embedding of a recipe."""
        return path_of(Path("data/embedded"), recipe)

    @staticmethod
    def files(folder: Path) -> tuple[Path, Path, Path]:
        """The paths of the matrix, of the lexicon and of the bigrams in a folder."""
        return folder / MATRIX_FILE, folder / LEXICON_FILE, folder / BIGRAMS_FILE

    @classmethod
    def read(cls, folder: Path) -> RecipeEmbedding:
        """The embedding in a folder; its parts are memory-mapped.

        Raises UserError, with the file's name, if one is missing or contains something else.
        """
        matrix, lexicon, bigrams = cls.files(folder)
        embedding = cls(load_matrix(matrix), load_lexicon(lexicon), load_lexicon(bigrams))
        for path, table in ((lexicon, embedding.lexicon), (bigrams, embedding.bigrams)):
            with named(path):
                check_range(pc.list_flatten(table["ids"]), "ids", UNKNOWN_ID + 1, len(embedding.matrix) - 1)
        return embedding

    def write(self, folder: Path) -> None:
        """Write the parts into an existing folder, for `read`."""
        matrix, lexicon, bigrams = self.files(folder)
        save_matrix(matrix, self.matrix)
        save_lexicon(lexicon, self.lexicon)
        save_lexicon(bigrams, self.bigrams)


def save_matrix(path: Path, matrix: np.ndarray) -> None:
    """Write a (tokens, width) matrix to a file, for `load_matrix`."""
    rows = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1])
    write_arrow(path, pa.table({COLUMN: rows}))


def load_matrix(path: Path) -> np.ndarray:
    """The (tokens, width) float32 matrix that `save_matrix` wrote; a read-only view of the mapped file, not a copy.

    Raises UserError if the file is missing or contains something else.
    """
    table = open_arrow(path, None, "")
    types = [field.type for field in table.schema if field.name == COLUMN]
    if not types or not pa.types.is_fixed_size_list(types[0]) or types[0].value_type != pa.float32():
        raise UserError(path, "does not contain an embedding matrix", got=table.schema.names)
    with named(path):
        if table.column(COLUMN).num_chunks != 1:
            raise ValueError("several record batches, or none")
        column = table.column(COLUMN).chunk(0)
        matrix: np.ndarray = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
        if not matrix.size or not np.isfinite([matrix.min(), matrix.max()]).all():
            raise ValueError("no numbers, or numbers that are not finite")
    return matrix
