"""Rows taken and chunked, read from shards, and settings refused by name."""

import dataclasses

import numpy as np
import pytest

from factories.baseline_texts import ROWS, SETTINGS, make_texts
from factories.shards import write_encoded
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.errors import UserError
from textrnn.evaluation.baselines.encoded_texts import read_encoded_texts


def rows_of(texts):
    return [texts.ids[a:b].tolist() for a, b in zip(texts.offsets[:-1], texts.offsets[1:], strict=True)]


def test_rows_are_taken_in_the_order_of_the_index():
    texts = make_texts(ROWS, [5, 6, 7, 8, 9])
    taken = texts.take(np.array([3, 1, 0, 3]))
    assert rows_of(taken) == [ROWS[3], [], ROWS[0], ROWS[3]]
    assert taken.labels.tolist() == [8, 6, 5, 8]
    assert rows_of(texts.take(np.array([], dtype=np.int64))) == []


def test_chunks_are_all_rows_in_order():
    chunks = list(make_texts(ROWS, range(5)).chunks(2))
    assert [rows_of(chunk) for chunk in chunks] == [ROWS[:2], ROWS[2:4], ROWS[4:]]
    assert np.concatenate([chunk.labels for chunk in chunks]).tolist() == [0, 1, 2, 3, 4]


def test_the_rows_of_a_split_come_from_its_shards(tmp_path):
    many = [([2 + row % 7] * (row % 4), row % 3) for row in range(9_000)]  # more than two batches of a shard
    reader = EncodedRows.read(write_encoded(tmp_path / "in", "classify", {"train": many, "dev": many[:3]}))
    texts = read_encoded_texts(reader, "train")
    assert rows_of(texts) == [ids for ids, _ in many]
    assert texts.labels.tolist() == [label for _, label in many]
    assert len(read_encoded_texts(reader, "dev")) == 3
    with pytest.raises(UserError, match=r"in: the test split is empty$"):
        read_encoded_texts(reader, "test")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", -1, r"^baseline\.seed: must lie in \[0, 2\^63\); got -1"),
        *[
            (name, 0, rf"^baseline\.{name}: must be at least 1; got 0")
            for name in ("ngrams", "features", "width", "epochs", "batch_size", "crf_iterations", "crf_min_count")
        ],
        *[
            (name, value, rf"^baseline\.{name}: must be a list of numbers above 0, at most 1,000,000,000; got {got}")
            for name in ("logistic_c", "svm_c", "nb_svm_c", "nb_svm_tfidf_c")
            for value, got in (((), r"\[\]"), ((1.0, 2e9), r"\[1\.0, 2"), ((1.0, 0.0), r"\[1\.0, 0"))
        ],
        ("nb_svm_beta", (), r"^baseline\.nb_svm_beta: must be a list of numbers in \[0, 1\]; got \[\]"),
        ("nb_svm_beta", (0.0, 1.1), r"^baseline\.nb_svm_beta: must be a list of numbers in \[0, 1\]; got \[0\.0, 1"),
        ("learning_rate", 0.0, r"^baseline\.learning_rate: must be above 0"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name, value, message):
    SETTINGS.check("baseline")
    with pytest.raises(UserError, match=message):
        dataclasses.replace(SETTINGS, **{name: value}).check("baseline")
