"""Information by hand and by a loop; vectors against numpy's whole singular value decomposition."""

import math

import numpy as np
import pytest
from scipy import sparse

from textrnn.preparation.vectorization import factorization
from textrnn.preparation.vectorization.factorization import (
    context_chances,
    context_vectors,
    multiply,
    positive_information,
    scale_rows,
)


def csr(matrix):
    return sparse.csr_array(np.array(matrix, np.float32))


def random_matrix(rows=60, columns=40, rank=None, seed=0):
    generator = np.random.default_rng(seed)
    if rank is not None:
        return generator.random((rows, rank)) @ generator.random((rank, columns))
    left, right = (np.linalg.qr(generator.standard_normal((size, 30)))[0] for size in (rows, columns))
    return (9 * left * 0.7 ** np.arange(30)) @ right.T  # singular values that fall as those of real texts do


def test_information_by_hand():
    counts = csr([[16, 0], [0, 81], [16, 0]])
    chances = context_chances(counts)
    weights = np.array([32**0.75, 81**0.75])
    assert chances == pytest.approx(weights / weights.sum())
    information = positive_information(counts, chances).toarray()
    assert information[0] == pytest.approx([-math.log(chances[0]), 0], rel=1e-5)
    assert information[1] == pytest.approx([0, -math.log(chances[1])], rel=1e-5)


def test_what_is_as_frequent_as_by_chance_or_less_has_no_information():
    counts = csr([[8, 2], [1, 9], [0, 0]])
    information = positive_information(counts, np.array([0.8, 0.2]))
    assert information.nnz == 1
    assert information.toarray()[1] == pytest.approx([0, math.log(9 / (10 * 0.2))], rel=1e-5)


@pytest.mark.parametrize("width", [3, 8])
def test_vectors_have_the_inner_products_of_the_whole_decomposition(width):
    matrix = random_matrix()
    vectors = multiply(csr(matrix), context_vectors(csr(matrix), width, 1))
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    expected = left[:, :width] * np.sqrt(values[:width])
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-4)  # the signs are free


def test_shorter_vectors_are_the_first_columns():
    matrix = csr(random_matrix(rank=30))
    longer, shorter = (multiply(matrix, context_vectors(matrix, width, 1)) for width in (6, 3))
    np.testing.assert_allclose(np.abs(longer[:, :3]), np.abs(shorter), atol=1e-3)


def test_columns_beyond_the_rank_are_zero():
    matrix = csr(random_matrix(rank=4))
    axes = context_vectors(matrix, 9, 1)
    assert axes.shape == (40, 9)
    assert axes[:, :4].any(axis=0).all()
    assert not axes[:, 4:].any()
    assert not context_vectors(csr(np.zeros((3, 5))), 2, 1).any()
    assert context_vectors(sparse.csr_array((0, 0), dtype=np.float32), 2, 1).shape == (0, 2)


def test_a_row_of_any_matrix_is_placed_in_the_same_space():
    matrix = random_matrix()
    axes = context_vectors(csr(matrix), 5, 1)
    among, alone = multiply(csr(matrix), axes)[7], multiply(csr(matrix[7:8]), axes)[0]
    assert (among == alone).all()


def test_the_seed_decides_and_workers_do_not(monkeypatch):
    monkeypatch.setattr(factorization, "ROWS_PER_BLOCK", 7)
    matrix = csr(random_matrix())
    made = []
    for workers in ("1", "3"):
        monkeypatch.setenv("TEXTRNN_WORKERS", workers)
        made.append(context_vectors(matrix, 5, 1))
    assert (made[0] == made[1]).all()
    assert (context_vectors(matrix, 5, 2) != made[0]).any()


def test_rows_are_scaled_to_one_length():
    scaled = scale_rows(np.array([[3, 4], [0, 0], [0.3, 0.4]], np.float32), 2.0)
    assert scaled.tolist() == [pytest.approx([1.2, 1.6]), [0, 0], pytest.approx([1.2, 1.6])]
    assert scaled.dtype == np.float32
