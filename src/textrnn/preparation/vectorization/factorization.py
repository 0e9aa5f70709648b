"""Vectors from counts of contexts: positive pointwise mutual information, and its leading singular vectors.

Sources: Levy, Goldberg and Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word
Embeddings", for the smoothed context counts and the square roots of the singular values; Halko, Martinsson and Tropp
2011, arXiv:0909.4061, for the randomized SVD.
Shapes: N rows, C contexts, E width of a vector.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse

from textrnn.stage import worker_count

CONTEXT_POWER = 0.75  # exponent that smooths the context counts
OVERSAMPLING = 10  # random directions beside those of the vectors
POWER_ITERATIONS = 4
MIN_VALUE = 1e-5  # smallest singular value that is used, as a fraction of the largest one: below is rounding
ROWS_PER_BLOCK = 1_000  # of a product that one thread computes


def context_chances(counts: sparse.csr_array) -> np.ndarray:
    """The smoothed probability of each context (C,) float64 in counts (N, C)."""
    weights: np.ndarray = counts.sum(axis=0, dtype=np.float64) ** CONTEXT_POWER
    total = weights.sum()
    return weights / total if total else weights


def positive_information(counts: sparse.csr_array, chances: np.ndarray) -> sparse.csr_array:
    """The positive pointwise mutual information (N, C) float32 of rows and contexts, given the contexts' chances."""
    with np.errstate(divide="ignore"):  # of rows and contexts that never occur, which have no cells
        row_logs = np.log(counts.sum(axis=1, dtype=np.float64)).astype(np.float32)
        chance_logs = np.log(chances).astype(np.float32)
    values = np.log(counts.data)
    values -= np.repeat(row_logs, np.diff(counts.indptr))
    values -= chance_logs[counts.indices]
    information = sparse.csr_array((np.maximum(values, 0), counts.indices, counts.indptr), counts.shape)
    information.eliminate_zeros()
    return information


def context_vectors(information: sparse.csr_array, width: int, seed: int) -> np.ndarray:
    """A matrix (C, E) that turns rows of information into vectors: right singular vectors over roots of their values.

    So `information @ context_vectors(...)` has the left singular vectors times the square roots of the singular
    values, and rows of other n-grams get vectors in the same space. If the rank is below E, the last columns are zero.
    """
    vectors = np.zeros((information.shape[1], width), np.float32)
    if not information.nnz:
        return vectors
    generator = np.random.Generator(np.random.PCG64(seed))
    transposed = information.T.tocsr()
    sampled = generator.standard_normal((information.shape[1], width + OVERSAMPLING), dtype=np.float32)
    for _ in range(POWER_ITERATIONS):
        sampled = _orthonormal(multiply(transposed, _orthonormal(multiply(information, sampled))))
    basis = _orthonormal(multiply(information, sampled))
    # the information is about basis @ projected.T, whose singular vectors are those of the small second factor
    projected = multiply(transposed, basis)
    right, values, _ = np.linalg.svd(projected, full_matrices=False)
    used = min(width, int((values > MIN_VALUE * values[0]).sum()))
    vectors[:, :used] = right[:, :used] / np.sqrt(values[:used])
    return vectors


def scale_rows(vectors: np.ndarray, norm: float) -> np.ndarray:
    """The vectors (N, E) with the Euclidean length `norm`; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: np.ndarray = np.divide(vectors * np.float32(norm), lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return scaled


def multiply(matrix: sparse.csr_array, dense: np.ndarray) -> np.ndarray:
    """The product, by TEXTRNN_WORKERS threads: each computes whole rows, so their number changes no bit."""
    product = np.empty((matrix.shape[0], dense.shape[1]), np.float32)

    def compute(start: int) -> None:
        rows = slice(start, start + ROWS_PER_BLOCK)
        product[rows] = matrix[rows] @ dense

    with ThreadPoolExecutor(worker_count()) as pool:
        list(pool.map(compute, range(0, matrix.shape[0], ROWS_PER_BLOCK)))  # raises what a thread raised
    return product


def _orthonormal(matrix: np.ndarray) -> np.ndarray:
    basis: np.ndarray = np.linalg.qr(matrix)[0]
    return basis
