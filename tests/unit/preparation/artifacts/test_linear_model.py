"""The linear model of an encoding: its scores by hand and by brute force, its files, and what `read` refuses."""

import dataclasses
import json
import math

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from textrnn.errors import UserError
from textrnn.preparation.artifacts import linear_model
from textrnn.preparation.artifacts.linear_model import LinearModel, find_ngrams, ngram_keys

# V is 5: token 2, token 4; the bigrams (mark, 2), (2, 4), (4, mark)
MODEL = LinearModel(
    "linear_svm",
    5,
    (np.array([2, 4]), np.array([2, 14, 20])),
    np.array([[1, -1], [2, 0], [4, 0], [8, 0], [16, 1]], np.float32),
    np.array([1, 4, 4, 0, 7], np.float32),
    np.array([0.5, -0.5], np.float32),
)


def arrays(rows):
    ids = np.array([token for row in rows for token in row], np.int32)
    return ids, np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)


def test_scores_by_hand():
    # token 2 twice counts once; 3 is unknown; (2, 4) and (4, mark) are known, (mark, 2) too
    scores = MODEL.scores(*arrays([[2, 2, 4], [], [3], [4]]))
    both = math.sqrt(1 + 4 + 4 + 0 + 7)
    assert scores[0].tolist() == pytest.approx([0.5 + 31 / both, -0.5 + 0 / both])
    assert scores[1].tolist() == scores[2].tolist() == [0.5, -0.5]
    assert scores[3].tolist() == pytest.approx([0.5 + 18 / math.sqrt(11), -0.5 + 1 / math.sqrt(11)])
    assert scores.dtype == np.float32


def test_without_squares_scores_are_plain_sums():
    model = dataclasses.replace(MODEL, squares=np.zeros(5, np.float32))
    assert model.scores(*arrays([[2, 2, 4], [4]])).tolist() == [[31.5, -0.5], [18.5, 0.5]]


def tuples(row, order):
    marked = row if order == 1 else [0, *row, 0]
    return [tuple(marked[first : first + order]) for first in range(len(marked) - order + 1)]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_scores_equal_sums_over_sets_of_tuples(monkeypatch, order):
    monkeypatch.setattr(linear_model, "ROWS_AT_ONCE", 7)
    generator = np.random.default_rng(order)
    rows = [generator.integers(1, 6, generator.integers(0, 9)).tolist() for _ in range(40)]
    ngrams = [sorted({gram for row in rows[:20] for gram in tuples(row, n)}) for n in range(1, order + 1)]
    known = [gram for grams in ngrams for gram in grams]
    keys = tuple(np.array([sum(6**i * d for i, d in enumerate(gram[::-1])) for gram in grams]) for grams in ngrams)
    weights, squares, bias = (generator.random(shape, np.float32) for shape in ((len(known), 3), len(known), 3))
    scores = LinearModel("x", 6, keys, weights, squares, bias).scores(*arrays(rows))
    for row, values in zip(rows, scores, strict=True):
        present = {gram for n in range(1, order + 1) for gram in tuples(row, n)}
        columns = [index for index, gram in enumerate(known) if gram in present]
        norm = math.sqrt(squares[columns].sum()) or 1
        assert values.tolist() == pytest.approx((bias + weights[columns].sum(0) / norm).tolist(), rel=1e-5)


def test_keys_are_the_digits_in_base_v_with_marks_from_order_2_on():
    ids, offsets = arrays([[2, 4], [], [3]])
    keys, rows = ngram_keys(ids, offsets, 1, 5)
    assert (keys.tolist(), rows.tolist()) == ([2, 4, 3], [0, 0, 2])
    keys, rows = ngram_keys(ids, offsets, 2, 5)
    assert (keys.tolist(), rows.tolist()) == ([2, 14, 20, 0, 3, 15], [0, 0, 0, 1, 2, 2])
    keys, rows = ngram_keys(ids, offsets, 3, 5)
    assert (keys.tolist(), rows.tolist()) == ([14, 70, 15], [0, 0, 2])


def test_the_largest_key_fits():
    size = 3_037_000_499  # its square is just below 2^63
    ids, offsets = np.array([size - 1, size - 1]), np.array([0, 2])
    assert ngram_keys(ids, offsets, 2, size)[0].tolist() == [size - 1, size**2 - 1, (size - 1) * size]


def test_known_ngrams_are_distinct_and_sorted():
    rows, columns = find_ngrams(MODEL.keys, 5, *arrays([[4, 4, 2, 4], [3], [2]]))
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (0, 1), (0, 3), (0, 4), (2, 0), (2, 2)]


def test_without_ngrams_all_scores_are_zero(tmp_path):
    LinearModel.empty(5, 3).write(tmp_path)
    model = LinearModel.read(tmp_path)
    assert (model.name, model.keys, model.weights.shape) == ("none", (), (0, 3))
    assert model.scores(*arrays([[2], []])).tolist() == [[0.0] * 3] * 2


def test_files_give_back_the_model_byte_by_byte(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        MODEL.write(tmp_path / name)
    model = LinearModel.read(tmp_path / "a")
    assert (model.name, model.vocabulary_size) == ("linear_svm", 5)
    assert [keys.tolist() for keys in model.keys] == [[2, 4], [2, 14, 20]]
    for name in ("weights", "squares", "bias"):
        assert np.array_equal(getattr(model, name), getattr(MODEL, name))
        assert getattr(model, name).dtype == np.float32
    for name in ("linear.safetensors", "linear.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["linear.json", "linear.safetensors"]


def test_the_folder_of_an_encoding():
    assert LinearModel.default_folder("letters").as_posix() == "data/linear/letters"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights": np.zeros((4, 2), np.float32)}, "has shapes that do not fit 5 n-grams; got "),
        ({"squares": np.zeros(4, np.float32)}, "has shapes that do not fit 5 n-grams; got "),
        ({"bias": np.zeros(3, np.float32)}, "has shapes that do not fit 5 n-grams; got "),
        ({"bias": np.zeros((), np.float32)}, "has shapes that do not fit 5 n-grams; got "),
        ({"keys.1": np.array([[2, 4]])}, "has shapes that do not fit "),
        ({"keys.1": np.array(2)}, "has shapes that do not fit "),
        ({"weights": np.full((5, 2), np.nan, np.float32)}, "is damaged; got weights has numbers that are not finite"),
        ({"weights": np.zeros((5, 2))}, "has weights that are not finite float32 numbers; got float64"),
        ({"bias": np.full(2, np.inf, np.float32)}, "is damaged; got bias has numbers that are not finite"),
        ({"squares": -np.ones(5, np.float32)}, "has squares below 0; got -1"),
        ({"keys.1": np.array([4, 2])}, "has keys of order 1 that are not sorted, or not within V^1"),
        ({"keys.1": np.array([2, 2])}, "has keys of order 1 that are not sorted"),
        ({"keys.1": np.array([-1, 2])}, "has keys of order 1 that are not sorted"),
        ({"keys.1": np.array([2, 5])}, "has keys of order 1 that are not sorted"),
        ({"keys.2": np.array([2, 14, 25])}, "has keys of order 2 that are not sorted, or not within V^2"),
        ({"keys.2": np.array([2, 14, 20], np.int32)}, "has keys of order 2 that are not sorted"),
        ({"keys.4": np.array([2])}, "does not contain a linear model; got ['bias', 'keys.1', 'keys.2', 'keys.4', "),
        ({"bias": None}, "does not contain a linear model; got ['keys.1', "),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, changed, message):
    MODEL.write(tmp_path)
    path = tmp_path / "linear.safetensors"
    tensors = {**load_file(path), **changed}
    save_file({name: value for name, value in tensors.items() if value is not None}, path)
    with pytest.raises(UserError) as error:
        LinearModel.read(tmp_path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"linear\.json: no such file; run the stage that writes it$"):
        LinearModel.read(tmp_path)
    MODEL.write(tmp_path)
    facts, weights = tmp_path / "linear.json", tmp_path / "linear.safetensors"
    weights.write_bytes(weights.read_bytes()[:20])
    with pytest.raises(UserError, match=r"linear\.safetensors: is damaged; got "):
        LinearModel.read(tmp_path)
    weights.unlink()
    with pytest.raises(UserError, match=r"linear\.safetensors: no such file; run the stage that writes it$"):
        LinearModel.read(tmp_path)
    facts.write_text("{")
    with pytest.raises(UserError, match=r"linear\.json: is damaged; got "):
        LinearModel.read(tmp_path)
    for wrong in ([], {"name": "a"}, {"name": 1, "vocabulary_size": 5}, {"name": "a", "vocabulary_size": 0}):
        facts.write_text(json.dumps(wrong))
        with pytest.raises(UserError, match=r"linear\.json: is damaged; got "):
            LinearModel.read(tmp_path)
