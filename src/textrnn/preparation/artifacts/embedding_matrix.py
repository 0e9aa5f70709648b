"""Saves and loads the initial embedding matrix of a recipe, as one Arrow column of fixed-size lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from textrnn.common.storage.stored_files import open_arrow, write_arrow
from textrnn.errors import UserError

COLUMN = "vector"


def save_matrix(path: Path, matrix: np.ndarray) -> None:
    """Write a (tokens, width) matrix to a file, for `load_matrix`."""
    rows = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1])
    write_arrow(path, pa.table({COLUMN: rows}))


def load_matrix(path: Path) -> np.ndarray:
    """The (tokens, width) float32 matrix that `save_matrix` wrote; a read-only view of the mapped file, not a copy.

    Raises UserError if the file is missing or contains something else.
    """
    table = open_arrow(path, None, "an embedding matrix")
    types = [field.type for field in table.schema if field.name == COLUMN]
    if not types or not pa.types.is_fixed_size_list(types[0]) or types[0].value_type != pa.float32():
        raise UserError(path, "does not contain an embedding matrix", got=table.schema.names)
    column = table.column(COLUMN).chunk(0)  # the only one
    matrix: np.ndarray = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
    return matrix
