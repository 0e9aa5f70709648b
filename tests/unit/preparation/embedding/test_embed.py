"""The embedding matrix: golden random rows, alignment with vectors, coverage by hand, and its file."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from textrnn.common.config.embed import Embed
from textrnn.common.storage.stored_files import write_arrow
from textrnn.errors import UserError
from textrnn.preparation.artifacts.learned_vectors import NO_VECTORS
from textrnn.preparation.artifacts.recipe_embedding import load_matrix, save_matrix
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.embed import embed

COUNTS = {"a": 10, "b": 6, "c": 3, "d": 1}  # ids 2 to 5


@pytest.fixture
def vocabulary():
    return Vocabulary(pa.array(list(COUNTS)), pa.array(list(COUNTS.values())))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "some.vec").write_text("c 1 -2\nx 7 7\na 3 4\nd 5 10\n", encoding="utf-8")
    return tmp_path


def standard_normal(seed, rows, width):
    return np.random.Generator(np.random.PCG64(seed)).standard_normal((rows, width), dtype=np.float32)


# random: rows 1 and 5 with seed 1, written down so that a change of the generator is noticed

GOLDEN = {1: [1.8820691, 0.07513565, 0.41721523], 5: [0.48411083, 0.5916133, 0.15727974]}


def test_random_rows_are_golden(vocabulary, tmp_path):
    matrix, report = embed(vocabulary, Embed(3, 1.0, None, None, None, 1), tmp_path, NO_VECTORS, "recipes.r")
    assert matrix.dtype == np.float32
    assert matrix.shape == (6, 3)
    assert matrix[0].tolist() == [0, 0, 0]
    assert matrix[1] == pytest.approx(GOLDEN[1], abs=1e-6)
    assert matrix[5] == pytest.approx(GOLDEN[5], abs=1e-6)
    assert report == {"vectors": None, "width": 3, "covered_tokens": 0.0, "covered_text": 0.0}


def test_the_seed_determines_the_rows(vocabulary, tmp_path):
    one, again, other = (
        embed(vocabulary, Embed(3, 1.0, None, None, None, seed), tmp_path, NO_VECTORS, "r")[0] for seed in (1, 1, 2)
    )
    assert (one == again).all()
    assert (one[1:] != other[1:]).all()


def test_random_rows_are_standard_normal(tmp_path):
    words = Vocabulary(pa.array([str(at) for at in range(2000)]), pa.array([1] * 2000))
    matrix, _ = embed(words, Embed(50, 1.0, None, None, None, 3), tmp_path, NO_VECTORS, "recipes.r")
    assert matrix[1:].mean() == pytest.approx(0, abs=0.02)
    assert matrix[1:].std() == pytest.approx(1, abs=0.02)


# aligned


@pytest.mark.parametrize("size", [None, 2])
def test_vectors_fill_their_rows(size, vocabulary, folder):
    matrix, report = embed(vocabulary, Embed(size, 1.0, "some.vec", None, None, 1), folder, NO_VECTORS, "recipes.r")
    assert matrix.dtype == np.float32
    assert matrix[2].tolist() == [3, 4]
    assert matrix[4].tolist() == [1, -2]
    assert matrix[5].tolist() == [5, 10]
    assert matrix[0].tolist() == [0, 0]
    # the others are sampled with the columns' mean (3, 4) and standard deviation (sqrt(8/3), sqrt(24))
    others = standard_normal(1, 6, 2)[[1, 3]] * np.sqrt([8 / 3, 24]) + [3, 4]
    assert matrix[[1, 3]] == pytest.approx(others, rel=1e-5)
    # a, c and d of four tokens; 10 + 3 + 1 of 20 in the text
    assert report == {
        "vectors": "some.vec",
        "width": 2,
        "covered_tokens": 0.75,
        "covered_text": pytest.approx(0.7),
        "skipped_lines": 0,
    }
    assert isinstance(report["covered_tokens"], float)
    assert isinstance(report["covered_text"], float)


def test_a_token_spelled_like_a_reserved_one_does_not_fill_its_row(tmp_path):
    (tmp_path / "some.vec").write_text("<pad> 1 1\n<unk> 2 3\n", encoding="utf-8")
    words = Vocabulary(pa.array(["<unk>", "a", "<pad>"]), pa.array([5, 3, 2]))
    matrix, report = embed(words, Embed(None, 1.0, "some.vec", None, None, 1), tmp_path, NO_VECTORS, "recipes.r")
    assert matrix[[0, 2, 4]].tolist() == [[0, 0], [2, 3], [1, 1]]
    assert matrix[1].tolist() != [2, 3]
    assert report["covered_text"] == pytest.approx(0.7)


def test_with_one_covered_token_all_others_get_its_vector(vocabulary, tmp_path):
    (tmp_path / "some.vec").write_text("b 1 2\n", encoding="utf-8")
    matrix, report = embed(vocabulary, Embed(2, 1.0, "some.vec", None, None, 1), tmp_path, NO_VECTORS, "recipes.r")
    assert matrix.tolist() == [[0, 0]] + [[1, 2]] * 5
    assert report == {
        "vectors": "some.vec",
        "width": 2,
        "covered_tokens": 0.25,
        "covered_text": pytest.approx(0.3),
        "skipped_lines": 0,
    }


# errors


def test_vectors_of_another_width(vocabulary, folder):
    with pytest.raises(
        UserError, match=r"some\.vec: the width of its vectors is not 300; got 2; set recipes\.r\.width"
    ):
        embed(vocabulary, Embed(300, 1.0, "some.vec", None, None, 1), folder, NO_VECTORS, "recipes.r")


def test_missing_vectors(vocabulary, folder):
    with pytest.raises(UserError, match=r"none\.vec: no such file"):
        embed(vocabulary, Embed(2, 1.0, "none.vec", None, None, 1), folder, NO_VECTORS, "recipes.r")


def test_random_rows_are_scaled(vocabulary, tmp_path):
    one, small = (
        embed(vocabulary, Embed(5, std, None, None, None, 3), tmp_path, NO_VECTORS, "r")[0] for std in (1.0, 0.25)
    )
    assert small.tolist() == (one * 0.25).tolist()
    assert small.any()


@pytest.mark.parametrize(
    ("embedding", "match"),
    [
        (Embed(None, 1.0, None, None, None, 1), r"\.r\.width: must be a number if vectors is null; got null"),
        (Embed(0, 1.0, None, None, None, 1), r"recipes\.r\.width: must be at least 1; got 0"),
        (Embed(0, 1.0, "some.vec", None, None, 1), r"recipes\.r\.width: must be at least 1; got 0"),
        (Embed(4, 0.0, None, None, None, 1), r"recipes\.r\.std: must be above 0 and finite; got 0\.0"),
        (Embed(4, math.inf, None, None, None, 1), r"recipes\.r\.std: must be above 0 and finite; got inf"),
    ],
)
def test_an_embedding_without_a_width(embedding, match):
    with pytest.raises(UserError, match=match):
        embedding.check("recipes.r")


def test_an_embedding_with_a_width():
    for embedding in (
        Embed(1, 1.0, None, None, None, 1),
        Embed(None, 1.0, "some.vec", None, None, 1),
        Embed(2, 1.0, "some.vec", None, None, 1),
    ):
        embedding.check("recipes.r")


# the file


def test_save_and_load(tmp_path):
    matrix = standard_normal(1, 5, 3)
    save_matrix(tmp_path / "one.arrow", matrix)
    save_matrix(tmp_path / "two.arrow", matrix.copy())
    loaded = load_matrix(tmp_path / "one.arrow")
    assert loaded.dtype == np.float32
    assert loaded.tolist() == matrix.tolist()
    assert (tmp_path / "one.arrow").read_bytes() == (tmp_path / "two.arrow").read_bytes()


def test_loading_copies_nothing(tmp_path):
    save_matrix(tmp_path / "big.arrow", np.ones((10_000, 100), dtype=np.float32))
    before = pa.total_allocated_bytes()
    matrix = load_matrix(tmp_path / "big.arrow")
    assert matrix.shape == (10_000, 100)
    assert pa.total_allocated_bytes() - before < 100_000
    assert not matrix.flags.writeable  # it is mapped from the file


def test_files_that_are_not_a_matrix(tmp_path):
    with pytest.raises(UserError, match=r"m\.arrow: no such file; run the stage that writes it"):
        load_matrix(tmp_path / "m.arrow")
    (tmp_path / "m.arrow").write_bytes(b"no arrow")
    with pytest.raises(UserError, match=r"m\.arrow: is not an Arrow file"):
        load_matrix(tmp_path / "m.arrow")
    for columns in ({"row": [1]}, {"vector": [1.0]}, {"vector": pa.array([[1.0]], pa.list_(pa.float64(), 1))}):
        write_arrow(tmp_path / "m.arrow", pa.table(columns))
        with pytest.raises(UserError, match=r"m\.arrow: does not contain an embedding matrix; got \['(row|vector)'\]"):
            load_matrix(tmp_path / "m.arrow")
