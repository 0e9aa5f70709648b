"""Groups of rows by hand: by length, by rarest token, and those whose text train has."""

import numpy as np
import pyarrow as pa
import pytest

from textrnn.common.storage.schemas import SEGMENTED
from textrnn.common.storage.shards import ShardReader, ShardWriter, write_index
from textrnn.evaluation.metrics.subsets import by_duplicate, by_length, by_rarest, read_test_rows


def write_segmented(folder, task, splits, labels=(), numbers=None):
    """A folder of segmented shards of rows (tokens, label or tags), numbered from 0 on, or by `numbers`."""
    folder.mkdir()
    shards, schema = [], SEGMENTED[task]
    for split in ("train", "dev", "test"):
        rows = splits.get(split, [])
        with ShardWriter(folder, split, schema) as writer:
            if rows:
                columns = [(numbers or list(range(len(rows))))[: len(rows)], *map(list, zip(*rows, strict=True))]
                arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
                writer.write(pa.record_batch(arrays, schema=schema))
        shards += writer.shards
    write_index(folder, "segmented", shards, task=task, labels=list(labels))
    return ShardReader(folder, "segmented")


def groups(found):
    return [(name, mask.tolist()) for name, mask in found]


def test_the_rows_of_test_against_the_texts_of_train_and_dev(tmp_path):
    rows = [(["a", "b"], 0), (["ab"], 1), ([], 0), (["a", "b", "c"], 1)]
    train = [(["a", "b"], 1), (["a b"], 0), (["c"], 0), ([], 1)]
    splits = {"train": train[:2], "dev": train[2:], "test": rows}  # dev chose the model: what it has is no news either
    reader = write_segmented(tmp_path / "s", "classify", splits, numbers=[3, 9, 1, 4])
    found = read_test_rows(reader)
    assert found.row.tolist() == [1, 3, 4, 9]
    assert found.length.tolist() == [0, 2, 3, 1]
    assert found.repeated.tolist() == [True, True, False, False]  # cut otherwise, it is another text


def test_tagged_rows_have_a_text_too(tmp_path):
    rows = {"train": [(["a", " "], [0, 1])], "test": [(["a", " "], [0, 0]), ([" ", "a"], [0, 0])]}
    assert read_test_rows(write_segmented(tmp_path / "s", "tag", rows)).repeated.tolist() == [True, False]


def test_lengths_fall_into_fifths():
    lengths = np.arange(10)[::-1]
    found = groups(by_length(lengths))
    assert [name for name, _ in found] == ["0-1", "2-3", "4-5", "6-7", "8-9"]
    assert found[0][1] == [False] * 8 + [True] * 2
    for name, mask in by_length(np.random.default_rng(1).geometric(0.05, 5_000)):
        assert 800 < mask.sum() < 1200, name


@pytest.mark.parametrize(
    ("lengths", "names"), [([3] * 9, ["3-3"]), ([1, 1, 1, 1, 1, 7], ["1-1", "7-7"]), ([4], ["4-4"])]
)
def test_equal_lengths_share_a_group_and_each_row_has_one(lengths, names):
    found = list(by_length(np.array(lengths)))
    assert [name for name, _ in found] == names
    assert np.array([mask for _, mask in found]).sum(axis=0).tolist() == [1] * len(lengths)


def test_counts_fall_into_powers_of_ten():
    found = groups(by_rarest(np.array([0, -1, 1, 9, 10, 1000, 0])))
    assert found == [
        ("0", [True, False, False, False, False, False, True]),
        ("1-9", [False, False, True, True, False, False, False]),
        ("10-99", [False, False, False, False, True, False, False]),
        ("1000-9999", [False, False, False, False, False, True, False]),
    ]
    assert groups(by_rarest(np.array([-1]))) == []


def test_a_side_without_rows_is_left_out():
    assert groups(by_duplicate(np.array([True, False]))) == [("known", [True, False]), ("rest", [False, True])]
    assert groups(by_duplicate(np.array([False]))) == [("rest", [True])]
