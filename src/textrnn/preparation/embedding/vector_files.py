"""Reads pretrained word vectors: word2vec, GloVe and fastText files, and `.npz` matrices with their tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textrnn.common.files.archives import is_tar
from textrnn.common.files.lines import read_start
from textrnn.errors import UserError
from textrnn.preparation.embedding.vector_lines import VectorLines
from textrnn.preparation.embedding.vector_matrices import read_matrix
from textrnn.preparation.embedding.word2vec_binary import is_binary, read_binary

START_BYTES = 4096  # enough to know a kind of file
NOT_VECTORS = {  # the first bytes of files that are no vectors, or that are packed
    b"PK\x03\x04": ("is a zip archive", "unpack it, and name the file of vectors in it"),
    b"\x1f\x8b": ("is compressed with gzip, but its name does not end in .gz", "rename or unpack it"),
    b"BZh": ("is compressed with bzip2, but its name does not end in .bz2", "rename or unpack it"),
    b"\xfd7zXZ\x00": ("is compressed with xz", "unpack it"),
    b"7z\xbc\xaf\x27\x1c": ("is a 7z archive", "unpack it, and name the file of vectors in it"),
    b"Rar!": ("is a rar archive", "unpack it, and name the file of vectors in it"),
    b"\x28\xb5\x2f\xfd": ("is compressed with zstd", "unpack it"),
    b"\xba\x16\x4f\x2f": ("is a fastText model", "name the file of vectors next to it, which ends in .vec"),
    b"\x80": ("is a pickle, as gensim saves models", "save it with gensim's save_word2vec_format"),
    b"\x89HDF": ("is an HDF5 file", "save the vectors as text, or as .npz"),
    b"\x93NUMPY": ("is a matrix without tokens", "save it as .npz with arrays embeddings and tokens"),
    b"SQLite format 3": ("is an SQLite database", "save the vectors as text, or as .npz"),
}


class FoundVectors(NamedTuple):
    """The vectors of the wanted tokens: ids (K,) int64 and matrix (K, width) float32, in file order.

    skipped_lines: how many lines of tokens that nobody wants are damaged, or not UTF-8.
    """

    ids: np.ndarray
    matrix: np.ndarray
    skipped_lines: int


class SelectedVectors(NamedTuple):
    """The wanted tokens and their vectors (K, width) float32, in file order; skipped_lines: as in FoundVectors."""

    tokens: list[str]
    matrix: np.ndarray
    skipped_lines: int


def read_vectors(path: Path, wanted: Mapping[str, int]) -> FoundVectors:
    """The vectors of the wanted tokens.

    wanted: id by token. Repeated tokens and errors are handled as in `read_selected`.
    """
    tokens, matrix, skipped = read_selected(path, wanted.__contains__, "token of the vocabulary")
    return FoundVectors(np.fromiter((wanted[token] for token in tokens), dtype=np.int64), matrix, skipped)


def read_selected(path: Path, wanted: Callable[[str], bool], what: str) -> SelectedVectors:
    """The vectors of the tokens for which `wanted` is true.

    A token that occurs twice keeps its first vector. what: what the tokens are, for the message if none is wanted.
    Raises UserError for a missing, damaged or empty file, for archives and files of other kinds or encodings, and if
    the file has no wanted token; for a line of a wanted token, or for most lines, that are not a token and numbers.
    """
    lines = None
    if path.suffix.lower() == ".npz":
        pairs = read_matrix(path, wanted)
    else:
        start = read_start(path, START_BYTES)
        _refuse_other_kinds(path, start)
        lines = None if is_binary(start) else VectorLines(path, wanted)
        pairs = read_binary(path, wanted) if lines is None else iter(lines)
    vectors: dict[str, np.ndarray] = {}
    for token, vector in pairs:
        if wanted(token):
            vectors.setdefault(token, vector)
    if not vectors:
        raise UserError(path, f"has no vector for any {what}", do="check that its tokens are of the same kind")
    return SelectedVectors(list(vectors), np.stack(list(vectors.values())), lines.skipped if lines else 0)


def _refuse_other_kinds(path: Path, start: bytes) -> None:
    if is_tar(path, start):
        raise UserError(path, "is a tar archive", do="unpack it, and name the file of vectors in it")
    for magic, (wrong, do) in NOT_VECTORS.items():
        if start.startswith(magic):
            raise UserError(path, wrong, do=do)
