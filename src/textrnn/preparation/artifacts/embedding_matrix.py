"""Saves and loads the initial embedding matrix of a recipe, as one Arrow column of fixed-size lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from textrnn.errors import UserError


def save_matrix(path: Path, matrix: np.ndarray) -> None:
    """Write a (tokens, width) matrix to a file, for `load_matrix`."""
    rows = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1])
    table = pa.table({"vector": rows})
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)


def load_matrix(path: Path) -> np.ndarray:
    """The (tokens, width) float32 matrix that `save_matrix` wrote; a read-only view of the mapped file, not a copy.

    Raises UserError if the file is missing or not an Arrow file.
    """
    if not path.is_file():
        raise UserError(path, "no such file", do="run the stage that writes it")
    try:
        column = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0).column("vector")
    except pa.ArrowInvalid as error:
        raise UserError(path, "is not an Arrow file", got=error, do="run the stage that writes it") from error
    matrix: np.ndarray = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
    return matrix
