"""Pretrained word vectors: word2vec, GloVe and fastText text files, and `.npz` matrices with their tokens."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from textrnn.common.files.lines import read_lines
from textrnn.errors import UserError


def read_vectors(path: Path, wanted: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of the wanted tokens: (positions (K,) int64, matrix (K, width) float32), in file order.

    wanted: position by token. Of tokens that stand twice, and of errors, as `read_named` has it.
    """
    names, matrix = read_selected(path, wanted.__contains__, "token of the vocabulary")
    return np.fromiter((wanted[name] for name in names), dtype=np.int64), matrix


def read_selected(path: Path, wanted: Callable[[str], bool], what: str) -> tuple[list[str], np.ndarray]:
    """The tokens that are wanted and their vectors (K, width) float32, in file order; `what` says what they are.

    A token that stands twice keeps its first vector.
    Raises UserError for a missing, damaged or empty file, mixed widths, what is no number, and where none is wanted.
    """
    pairs = _read_npz(path) if path.suffix == ".npz" else _read_text(path, wanted)
    found: dict[str, np.ndarray] = {}
    for token, vector in pairs:
        if wanted(token):
            found.setdefault(token, vector)
    if not found:
        raise UserError(path, f"holds a vector for no {what}", do="is it of the same kind of tokens?")
    return list(found), np.stack(list(found.values()))


def _read_text(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, np.ndarray]]:
    """`token v1 v2 …` a line; a first line of two whole numbers is word2vec's header and gives the width."""
    width = 0
    for number, raw in read_lines(path):
        # from the right and at blanks alone: a token may hold any other space
        line = raw.decode("utf-8", "replace")
        fields = line.rstrip(" ").split(" ")
        where = f"{path}, line {number}"
        if number == 1 and len(fields) == 2 and all(field.isdecimal() for field in fields):
            width = int(fields[1])
            continue
        width = width or len(fields) - 1
        if width < 1:
            raise UserError(where, "is not a token and numbers", got=repr(line[:60]))
        if len(fields) - 1 != width and not _is_spaced(fields, width):
            wrong = f"has {len(fields) - 1} numbers instead of {width}"
            raise UserError(where, wrong, got=repr(line[:60]), do="every line must have the same width")
        token = " ".join(fields[:-width])
        if wanted(token):
            yield token, _floats(fields[-width:], where)
    if not width:
        raise UserError(path, "the file holds no vectors")


def _is_spaced(fields: list[str], width: int) -> bool:
    """Whether the fields before the last `width` belong to a token with blanks in it (fastText's crawl has such)."""
    if len(fields) - 1 < width:
        return False
    try:
        float(fields[-width - 1])
    except ValueError:
        return True
    return False


def _floats(fields: list[str], where: str) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # too large a number becomes infinite, and is refused below
            vector = np.array(fields, dtype=np.float32)
    except ValueError as error:
        raise UserError(where, "holds something that is no number", got=error) from error
    if not np.isfinite(vector).all():
        raise UserError(where, "holds a number that is not finite")
    return vector


def _read_npz(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Array `embeddings` (N, width); tokens from its array `tokens`, else from `<stem>.tokens.txt`, one a line."""
    if not path.is_file():
        raise UserError(path, "no such file", do="correct data.vectors, or the recipe's vectors")
    if not zipfile.is_zipfile(path):
        raise UserError(path, "is no .npz file, or a truncated one")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = list(arrays)
            matrix = arrays["embeddings"] if "embeddings" in names else None
            tokens = arrays["tokens"] if "tokens" in names else None
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UserError(path, "is not an .npz of plain arrays", got=error, do="save it without pickle") from error
    if matrix is None or matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise UserError(path, "needs a two-dimensional array of numbers named embeddings", got=", ".join(names))
    if tokens is not None and (tokens.ndim != 1 or tokens.dtype.kind != "U"):
        raise UserError(path, "its array tokens must be a row of text", got=f"{tokens.dtype} {tokens.shape}")
    words = _tokens_beside(path) if tokens is None else tokens.tolist()
    if len(words) != len(matrix):
        raise UserError(path, f"has {len(matrix)} vectors and {len(words)} tokens", do="they must match, row by row")
    with np.errstate(over="ignore"):
        matrix = matrix.astype(np.float32)
    if not np.isfinite(matrix).all():
        raise UserError(path, "holds a number that is not finite")
    return zip(words, matrix, strict=True)


def _tokens_beside(path: Path) -> list[str]:
    beside = path.with_name(f"{path.stem}.tokens.txt")
    if not beside.is_file():
        raise UserError(path, "has no array named tokens", do=f"add it, or put {beside.name} beside it")
    try:
        return beside.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(beside, "is not UTF-8", got=error) from error
