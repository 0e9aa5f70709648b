"""Reads pretrained vectors from `.npz` files: a matrix and its tokens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from textrnn.errors import UserError
from textrnn.preparation.embedding.npy_entries import NpyEntry, open_entries


def read_matrix(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, np.ndarray]]:
    """The wanted tokens and their vectors, in file order: the rows of the array `embeddings` (N, width).

    The tokens are the array `tokens`, else the lines of `<stem>.tokens.txt`. Memory stays at a few vectors.
    Raises UserError for a file that is damaged or has something else, and for numbers that are not finite.
    """
    for token, vector in _read_pairs(path):
        if wanted(token):
            yield token, vector.copy()  # not a part of the block, which would stay in memory


def _read_pairs(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    with open_entries(path) as entries:
        matrix, token_array = entries.get("embeddings"), entries.get("tokens")
        if matrix is None or len(matrix.shape) != 2 or matrix.dtype.kind not in "fiu":
            raise UserError(path, "needs a two-dimensional array of numbers named embeddings", got=", ".join(entries))
        if token_array is None:
            lines = _read_token_file(path)
            tokens, number = iter(lines), len(lines)
        else:
            tokens, number = _read_tokens(token_array), token_array.shape[0] if token_array.shape else 1
        if number != matrix.shape[0]:
            wrong = f"has {matrix.shape[0]} vectors and {number} tokens"
            raise UserError(path, wrong, do="they must match, row by row")
        yield from zip(tokens, _read_vectors(matrix), strict=True)


def _read_tokens(array: NpyEntry) -> Iterator[str]:
    if len(array.shape) != 1 or array.dtype.kind != "U":
        wrong = "its array tokens must be a one-dimensional array of text"
        raise UserError(array.path, wrong, got=f"{array.dtype} {array.shape}")
    return chain.from_iterable(_as_texts(block) for block in array.blocks())


def _as_texts(block: np.ndarray) -> list[str]:
    codes = block.view(np.dtype(np.uint32).newbyteorder(block.dtype.byteorder))
    if codes.max() > sys.maxunicode:  # numpy would raise SystemError
        raise ValueError("a token has a character that is none")
    texts: list[str] = block.tolist()
    return texts


def _read_vectors(matrix: NpyEntry) -> Iterator[np.ndarray]:
    for block in matrix.blocks():
        with np.errstate(over="ignore"):
            vectors = block.astype(np.float32)
        if not np.isfinite(vectors).all():
            raise UserError(matrix.path, "contains a number that is not finite")
        yield from vectors


def _read_token_file(path: Path) -> list[str]:
    """The tokens of an `.npz` file, from the text file next to it."""
    token_file = path.with_name(f"{path.stem}.tokens.txt")
    if not token_file.is_file():
        raise UserError(path, "has no array named tokens", do=f"add it, or put {token_file.name} next to it")
    try:
        return token_file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(token_file, "is not UTF-8", got=error) from error
