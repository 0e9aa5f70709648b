"""Reads pretrained vectors from `.npz` files: a matrix and its tokens."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from textrnn.errors import UserError


def read_matrix(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Read the array `embeddings` (N, width); its tokens are the array `tokens`, else lines of `<stem>.tokens.txt`."""
    if not path.is_file():
        raise UserError(path, "no such file", do="correct data.vectors, or the recipe's vectors")
    if not zipfile.is_zipfile(path):
        raise UserError(path, "is not an .npz file, or is truncated")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = list(arrays)
            matrix = arrays["embeddings"] if "embeddings" in names else None
            token_array = arrays["tokens"] if "tokens" in names else None
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UserError(path, "is not an .npz of plain arrays", got=error, do="save it without pickle") from error
    if matrix is None or matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise UserError(path, "needs a two-dimensional array of numbers named embeddings", got=", ".join(names))
    if token_array is not None and (token_array.ndim != 1 or token_array.dtype.kind != "U"):
        wrong = "its array tokens must be a one-dimensional array of text"
        raise UserError(path, wrong, got=f"{token_array.dtype} {token_array.shape}")
    tokens = _read_token_file(path) if token_array is None else token_array.tolist()
    if len(tokens) != len(matrix):
        raise UserError(path, f"has {len(matrix)} vectors and {len(tokens)} tokens", do="they must match, row by row")
    with np.errstate(over="ignore"):
        matrix = matrix.astype(np.float32)
    if not np.isfinite(matrix).all():
        raise UserError(path, "contains a number that is not finite")
    return zip(tokens, matrix, strict=True)


def _read_token_file(path: Path) -> list[str]:
    """The tokens of an `.npz` file, from the text file next to it."""
    token_file = path.with_name(f"{path.stem}.tokens.txt")
    if not token_file.is_file():
        raise UserError(path, "has no array named tokens", do=f"add it, or put {token_file.name} next to it")
    try:
        return token_file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(token_file, "is not UTF-8", got=error) from error
