"""Subsets of the test split by hand: by length, by rarest token, and by overlap with train and dev."""

import numpy as np
import pyarrow as pa
import pytest

from factories.shards import write_segmented
from textrnn.evaluation.metrics.subsets import by_length, by_rarest, by_seen, rarest_counts, read_test_rows
from textrnn.preparation.artifacts.vocabulary import Vocabulary

# the counts of ids 2 to 9
VOCABULARY = Vocabulary(pa.array(list("abcdefgh")), pa.array([90, 50, 40, 30, 20, 10, 5, 1], pa.int64()))


def test_the_rarest_token_that_the_model_read_is_counted(tmp_path):
    texts = ["a", "ahh", "b", "ba", "", "aZ", "abch", "<unk>h", "Zabc"]
    rows = [(list(text), 0) for text in texts]
    rows[-2] = (["<pad>", "h"], 0)  # no text reaches a reserved id: this one is unknown
    reader = write_segmented(tmp_path / "s", "classify", {"test": rows}, numbers=[8, 7, 6, 5, 4, 3, 2, 1, 0])
    # in the order of row numbers, the reverse of the rows above
    assert rarest_counts(reader, VOCABULARY, 9).tolist() == [0, 0, 1, 0, -1, 50, 50, 1, 90]
    assert rarest_counts(reader, VOCABULARY, 3).tolist() == [0, 0, 40, 0, -1, 50, 50, 1, 90]
    assert rarest_counts(reader, VOCABULARY, 1).tolist() == [0, 0, 90, 90, -1, 50, 50, 90, 90]


def as_lists(groups):
    return [(name, mask.tolist()) for name, mask in groups]


def test_seen_texts_are_those_that_train_or_dev_has(tmp_path):
    rows = [(["a", "b"], 0), (["ab"], 1), ([], 0), (["a", "b", "c"], 1)]
    train = [(["a", "b"], 1), (["a b"], 0), (["c"], 0), ([], 1)]
    splits = {"train": train[:2], "dev": train[2:], "test": rows}  # dev selected the model, so its texts are seen too
    reader = write_segmented(tmp_path / "s", "classify", splits, numbers=[3, 9, 1, 4])
    rows = read_test_rows(reader)
    assert rows.row_numbers.tolist() == [1, 3, 4, 9]
    assert rows.lengths.tolist() == [0, 2, 3, 1]
    assert rows.seen.tolist() == [True, True, False, False]  # other tokens make another text


def test_tagged_rows_have_seen_texts_too(tmp_path):
    rows = {"train": [(["a", " "], [0, 1])], "test": [(["a", " "], [0, 0]), ([" ", "a"], [0, 0])]}
    assert read_test_rows(write_segmented(tmp_path / "s", "tag", rows)).seen.tolist() == [True, False]


def test_lengths_are_split_into_fifths():
    lengths = np.arange(10)[::-1]
    groups = as_lists(by_length(lengths))
    assert [name for name, _ in groups] == ["0-1", "2-3", "4-5", "6-7", "8-9"]
    assert groups[0][1] == [False] * 8 + [True] * 2
    for name, mask in by_length(np.random.default_rng(1).geometric(0.05, 5_000)):
        assert 800 < mask.sum() < 1200, name


@pytest.mark.parametrize(
    ("lengths", "names"), [([3] * 9, ["3-3"]), ([1, 1, 1, 1, 1, 7], ["1-1", "7-7"]), ([4], ["4-4"])]
)
def test_equal_lengths_share_a_group_and_each_row_is_in_one_group(lengths, names):
    groups = list(by_length(np.array(lengths)))
    assert [name for name, _ in groups] == names
    assert np.array([mask for _, mask in groups]).sum(axis=0).tolist() == [1] * len(lengths)


def test_counts_are_grouped_by_powers_of_ten():
    groups = as_lists(by_rarest(np.array([0, -1, 1, 9, 10, 1000, 0])))
    assert groups == [
        ("0", [True, False, False, False, False, False, True]),
        ("1-9", [False, False, True, True, False, False, False]),
        ("10-99", [False, False, False, False, True, False, False]),
        ("1000-9999", [False, False, False, False, False, True, False]),
    ]
    assert as_lists(by_rarest(np.array([-1]))) == []


def test_an_empty_group_is_left_out():
    assert as_lists(by_seen(np.array([True, False]))) == [("known", [True, False]), ("rest", [False, True])]
    assert as_lists(by_seen(np.array([False]))) == [("rest", [True])]
