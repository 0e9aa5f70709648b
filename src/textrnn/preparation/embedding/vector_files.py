"""Reads pretrained word vectors: word2vec, GloVe and fastText text files, and `.npz` matrices with their tokens."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError


def read_vectors(path: Path, wanted: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of the wanted tokens: (ids (K,) int64, matrix (K, width) float32), in file order.

    wanted: id by token. Repeated tokens and errors are handled as in `read_selected`.
    """
    tokens, matrix = read_selected(path, wanted.__contains__, "token of the vocabulary")
    return np.fromiter((wanted[token] for token in tokens), dtype=np.int64), matrix


def read_selected(path: Path, wanted: Callable[[str], bool], what: str) -> tuple[list[str], np.ndarray]:
    """The tokens for which `wanted` is true and their vectors (K, width) float32, in file order.

    A token that occurs twice keeps its first vector. what: what the tokens are, for the message if none is wanted.
    Raises UserError for a missing, damaged or empty file, mixed widths, text that is not a number, and if the file has
    no wanted token.
    """
    pairs = _read_npz(path) if path.suffix == ".npz" else _read_text(path, wanted)
    vectors: dict[str, np.ndarray] = {}
    for token, vector in pairs:
        if wanted(token):
            vectors.setdefault(token, vector)
    if not vectors:
        raise UserError(path, f"has no vector for any {what}", do="check that its tokens are of the same kind")
    return list(vectors), np.stack(list(vectors.values()))


def _read_text(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, np.ndarray]]:
    """Read `token v1 v2 …` per line; a first line of two whole numbers is word2vec's header and gives the width."""
    width = 0
    for number, raw in read_lines(path):
        # split at blanks only and count from the right, because a token may contain any other space
        line = raw.decode("utf-8", "replace")
        fields = line.rstrip(" ").split(" ")
        where = f"{path}, line {number}"
        if number == 1 and len(fields) == 2 and all(field.isdecimal() for field in fields):
            width = int(fields[1])
            continue
        width = width or len(fields) - 1
        if width < 1:
            raise UserError(where, "is not a token followed by numbers", got=repr(line[:60]))
        if len(fields) - 1 != width and not _has_spaced_token(fields, width):
            wrong = f"has {len(fields) - 1} numbers instead of {width}"
            raise UserError(where, wrong, got=repr(line[:60]), do="every line must have the same width")
        token = " ".join(fields[:-width])
        if wanted(token):
            yield token, _parse_vector(fields[-width:], where)
    if not width:
        raise UserError(path, "the file contains no vectors")


def _has_spaced_token(fields: list[str], width: int) -> bool:
    """Whether the fields before the last `width` form a token that contains blanks (fastText's crawl has such)."""
    if len(fields) - 1 < width:
        return False
    try:
        float(fields[-width - 1])
    except ValueError:
        return True
    return False


def _parse_vector(fields: list[str], where: str) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # a number that is too large becomes infinite, and is refused below
            vector = np.array(fields, dtype=np.float32)
    except ValueError as error:
        raise UserError(where, "contains a value that is not a number", got=error) from error
    if not np.isfinite(vector).all():
        raise UserError(where, "contains a number that is not finite")
    return vector


def _read_npz(path: Path) -> Iterator[tuple[str, np.ndarray]]:
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
