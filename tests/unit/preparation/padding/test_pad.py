"""Padding: sides, truncation, optimal bucket widths by brute force, and a round trip of every token."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.shards import write_encoded
from textrnn.common.config.pad import Pad
from textrnn.common.storage import shards as shards_module
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.common.storage.padded_rows import PaddedFacts, PaddedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import UserError
from textrnn.preparation.padding.pad import bucket_widths, pad


def run(tmp_path, task, splits, settings):
    encoded = write_encoded(tmp_path / "in", task, splits)
    with resumable_folder(tmp_path / "out") as out:
        return pad(EncodedRows.read(encoded), settings, out)


def rows(tmp_path, split):
    return [row for batch in PaddedRows.read(tmp_path / "out").batches(split) for row in batch.to_pylist()]


def texts(*lengths):
    """Rows of these lengths, in which every token has an id of its own, with alternating labels."""
    starts = itertools.accumulate(lengths, initial=2)
    return [(list(range(start, start + n)), at % 2) for at, (start, n) in enumerate(zip(starts, lengths, strict=False))]


# one width


def test_right_by_hand(tmp_path):
    splits = {"train": [([2, 3], 1), ([4, 5, 6, 7, 8], 0), ([], 1), ([9, 1, 2], 0)]}
    run(tmp_path, "classify", splits, Pad(3, "right", None))
    assert rows(tmp_path, "train") == [
        {"row": 0, "ids": [2, 3, 0], "length": 2, "label": 1},
        {"row": 1, "ids": [4, 5, 6], "length": 3, "label": 0},
        {"row": 2, "ids": [0, 0, 0], "length": 0, "label": 1},
        {"row": 3, "ids": [9, 1, 2], "length": 3, "label": 0},
    ]


def test_left_by_hand(tmp_path):
    splits = {"train": [([2, 3], 1), ([4, 5, 6, 7, 8], 0), ([], 1)], "test": [([9], 0)]}
    run(tmp_path, "classify", splits, Pad(3, "left", None))
    assert rows(tmp_path, "train") == [
        {"row": 0, "ids": [0, 2, 3], "length": 2, "label": 1},
        {"row": 1, "ids": [4, 5, 6], "length": 3, "label": 0},  # the first tokens, not the last
        {"row": 2, "ids": [0, 0, 0], "length": 0, "label": 1},
    ]
    assert [row["ids"] for row in rows(tmp_path, "test")] == [[0, 0, 9]]


TAGGED = {
    "train": [
        ([2, 3, 4], [1, 2, 0], [{"start": 0, "end": 2, "type": 0}]),
        ([5], [0], []),
        ([2, 3, 4, 5, 6], [0, 0, 0, 3, 4], [{"start": 3, "end": 5, "type": 1}]),
    ]
}


@pytest.mark.parametrize(
    ("side", "tags"),
    [
        ("right", [[1, 2, 0, -100], [0, -100, -100, -100], [0, 0, 0, 3]]),
        ("left", [[-100, 1, 2, 0], [-100, -100, -100, 0], [0, 0, 0, 3]]),
    ],
)
def test_tags_by_hand(side, tags, tmp_path):
    run(tmp_path, "tag", TAGGED, Pad(4, side, None))
    padded = rows(tmp_path, "train")
    assert [row["tags"] for row in padded] == tags
    assert [row["length"] for row in padded] == [3, 1, 4]
    # spans are those of the whole row, even if it is truncated
    assert [row["spans"] for row in padded] == [spans for _, _, spans in TAGGED["train"]]
    assert [[at for at, tag in enumerate(row["tags"]) if tag != -100] for row in padded] == [
        [at for at, token in enumerate(row["ids"]) if token != 0] for row in padded
    ]


def test_index_and_schema(tmp_path):
    run(tmp_path, "tag", TAGGED, Pad(4, "left", None))
    reader = PaddedRows.read(tmp_path / "out")
    assert reader.facts == PaddedFacts("tag", {}, (4,), "left", True)
    [shard] = reader.shards  # dev and test have no rows and therefore no file
    assert (shard.file, shard.split, shard.rows, shard.width) == ("train-00004-00000.arrow", "train", 3, 4)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {shard.file, "index.json", "checksums.json"}
    assert reader.open(shard).schema.equals(PaddedRows.schema("tag", 4))


# bucket widths


def positions(lengths, widths):
    """How many positions rows of these lengths fill if each is padded to the smallest width that holds it."""
    return sum(min(width for width in widths if width >= length) for length in lengths)


@pytest.mark.parametrize(
    ("lengths", "buckets", "expected"),
    [
        ([5], 6, [5]),
        ([3, 1, 2, 3], 6, [1, 2, 3]),
        ([1, 2, 10], 2, [2, 10]),
        ([1] * 100 + [2, 10], 2, [1, 10]),
        ([1, 2, 10], 1, [10]),
        ([0, 0, 4], 6, [1, 4]),  # a row without tokens still fills one position
        ([0, 0], 6, [1]),
        ([1, 1, 4, 5, 5, 9, 10, 30], 3, [5, 10, 30]),
    ],
)
def test_widths_by_hand(lengths, buckets, expected):
    assert bucket_widths(*np.unique(lengths, return_counts=True), buckets) == expected


@given(st.lists(st.integers(0, 14), min_size=1, max_size=12), st.integers(1, 5))
def test_widths_are_optimal(lengths, buckets):
    widths = bucket_widths(*np.unique(lengths, return_counts=True), buckets)
    assert widths == sorted(set(widths))
    assert len(widths) <= buckets
    longest = max(*lengths, 1)
    assert widths[-1] == longest
    others = range(1, longest)
    choices = itertools.chain.from_iterable(itertools.combinations(others, n) for n in range(min(buckets, longest)))
    assert positions(lengths, widths) == min(positions(lengths, [*choice, longest]) for choice in choices)


def test_widths_of_many_lengths_need_little_memory():
    lengths = np.arange(1, 3001)
    tracemalloc.start()
    widths = bucket_widths(lengths, np.ones(3000, np.int64), 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert widths == [1000, 2000, 3000]
    assert peak < 3000 * 3000  # a table of all pairs would take eight times that


# buckets


def test_buckets_without_a_maximum_truncate_nothing(tmp_path):
    report, lengths = run(
        tmp_path,
        "classify",
        {"train": texts(2, 5, 1, 2, 0, 5), "dev": texts(3, 2), "test": texts(9, 1)},
        Pad(None, "right", 2),
    )
    # widths 2 and 5 fill 4 * 2 + 2 * 5 positions; 1 and 5 would fill more
    assert report["widths"] == [2, 5, 9]  # 9: the row of test that is longer than all of train
    assert (lengths.lengths.tolist(), lengths.rows.tolist()) == ([0, 1, 2, 5], [1, 1, 2, 2])
    assert rows(tmp_path, "train") == [
        {"row": 0, "ids": [2, 3], "length": 2, "label": 0},
        {"row": 2, "ids": [9, 0], "length": 1, "label": 0},
        {"row": 3, "ids": [10, 11], "length": 2, "label": 1},
        {"row": 4, "ids": [0, 0], "length": 0, "label": 0},
        {"row": 1, "ids": [4, 5, 6, 7, 8], "length": 5, "label": 1},
        {"row": 5, "ids": [12, 13, 14, 15, 16], "length": 5, "label": 1},
    ]
    assert [row["ids"] for row in rows(tmp_path, "test")] == [[11, 0], list(range(2, 11))]
    reader = PaddedRows.read(tmp_path / "out")
    assert [(shard.split, shard.width, shard.rows) for shard in reader.shards] == [
        ("train", 2, 4),
        ("train", 5, 2),
        ("dev", 2, 1),
        ("dev", 5, 1),
        ("test", 2, 1),
        ("test", 9, 1),
    ]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {shard.file for shard in reader.shards} | {
        "index.json",
        "checksums.json",
    }
    assert reader.facts == PaddedFacts("classify", {}, (2, 5, 9), "right", False)


def test_at_most_six_buckets_and_one_more(tmp_path):
    splits = {"train": texts(*range(1, 13)), "dev": texts(12), "test": texts(40, 13)}
    report, _ = run(tmp_path, "classify", splits, Pad(None, "right", 6))
    assert report["widths"] == [2, 4, 6, 8, 10, 12, 40]


@pytest.mark.parametrize(
    ("train", "test", "settings", "widths"),
    [
        ((1, 2, 2, 9, 9), (1,), Pad(4, "right", 2), [2, 4]),
        ((1, 2, 2, 9, 9), (50,), Pad(4, "right", 2), [2, 4]),
        (
            (1, 1, 2),
            (3, 50),
            Pad(4, "right", 2),
            [1, 2, 4],
        ),  # one more bucket, as wide as the longest row
        ((1, 1, 2), (3,), Pad(4, "right", 2), [1, 2, 3]),
        ((1, 2, 3), (3,), Pad(4, "right", 9), [1, 2, 3]),
        ((1, 5, 5), (3,), Pad(4, "right", 1), [4]),
        ((1, 2), (5,), Pad(4, "right", None), [4]),
        ((0, 0), (0,), Pad(4, "right", 2), [1]),
    ],
)
def test_no_width_exceeds_the_maximum(tmp_path, train, test, settings, widths):
    report, _ = run(tmp_path, "classify", {"train": texts(*train), "test": texts(*test)}, settings)
    assert report["widths"] == widths


def test_rows_are_truncated_and_then_bucketed(tmp_path):
    splits = {"train": texts(1, 2, 7, 4, 2), "test": texts(9, 2)}
    report, lengths = run(tmp_path, "classify", splits, Pad(4, "right", 2))
    assert rows(tmp_path, "train") == [
        {"row": 0, "ids": [2, 0], "length": 1, "label": 0},
        {"row": 1, "ids": [3, 4], "length": 2, "label": 1},
        {"row": 4, "ids": [16, 17], "length": 2, "label": 0},
        {"row": 2, "ids": [5, 6, 7, 8], "length": 4, "label": 0},
        {"row": 3, "ids": [12, 13, 14, 15], "length": 4, "label": 1},
    ]
    assert [row["ids"] for row in rows(tmp_path, "test")] == [[11, 12], [2, 3, 4, 5]]
    assert lengths.lengths.tolist() == [1, 2, 4, 7]  # before truncation, for the plot
    assert (report["train"]["truncated_rows"], report["train"]["truncated_tokens"]) == (1, 3)
    assert report["train"]["padding_share"] == pytest.approx(1 / 14)
    assert report["test"]["truncated_tokens"] == 5
    facts = PaddedRows.read(tmp_path / "out").facts
    assert facts == PaddedFacts("classify", {}, (2, 4), "right", True)


@pytest.mark.parametrize("task", ["classify", "tag"])
@pytest.mark.parametrize(
    "settings", [Pad(None, "right", 6), Pad(30, "right", 3), Pad(30, "right", None), Pad(30, "left", None)]
)
def test_every_row_is_padded_once_with_all_its_tokens(task, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(shards_module, "ROWS_PER_BATCH", 7)
    monkeypatch.setattr(shards_module, "ROWS_PER_SHARD", 14)
    rng = np.random.default_rng(5)
    splits = {}
    for split, longest in (("train", 20), ("dev", 24), ("test", 30)):
        ids = [rng.integers(1, 99, size=rng.integers(0, longest + 1)).tolist() for _ in range(61)]
        tags = [[token % 5 for token in row] for row in ids]
        spans = [[{"start": 0, "end": len(row), "type": at}][: len(row)] for at, row in enumerate(ids)]
        splits[split] = list(
            zip(ids, range(61), strict=True) if task == "classify" else zip(ids, tags, spans, strict=True)
        )
    run(tmp_path, task, splits, settings)
    for split, expected in splits.items():
        unpadded = {}
        for row in rows(tmp_path, split):
            n, width = row["length"], len(row["ids"])
            kept = slice(width - n, width) if settings.side == "left" else slice(0, n)
            values = [row["ids"][kept], row["label"]] if task == "classify" else [row["ids"][kept], row["tags"][kept]]
            assert sum(token != 0 for token in row["ids"]) == n
            assert row["row"] not in unpadded
            unpadded[row["row"]] = (*values, *([row["spans"]] if task == "tag" else []))
        assert [unpadded[at] for at in range(61)] == expected


# the report


def test_the_report_by_hand(tmp_path):
    splits = {"train": texts(2, 5, 4), "dev": texts(1), "test": []}
    report, lengths = run(tmp_path, "classify", splits, Pad(3, "right", None))
    assert (lengths.lengths.tolist(), lengths.rows.tolist()) == ([2, 4, 5], [1, 1, 1])
    assert report == {
        "widths": [3],
        "train": {
            "rows": 3,
            "longest": 5,
            "truncated_rows": 2,
            "truncated_tokens": 3,
            "truncated_share": pytest.approx(3 / 11),
            "padding_share": pytest.approx(1 / 9),
        },
        "dev": {
            "rows": 1,
            "longest": 1,
            "truncated_rows": 0,
            "truncated_tokens": 0,
            "truncated_share": 0.0,
            "padding_share": pytest.approx(2 / 3),
        },
        "test": {
            "rows": 0,
            "longest": 0,
            "truncated_rows": 0,
            "truncated_tokens": 0,
            "truncated_share": 0.0,
            "padding_share": 0.0,
        },
    }


def test_the_report_of_buckets_by_hand(tmp_path):
    splits = {"train": texts(1, 2, 6), "dev": texts(4, 3), "test": texts(8)}
    report, _ = run(tmp_path, "classify", splits, Pad(None, "right", 2))
    assert report["widths"] == [2, 6, 8]
    shares = {split: report[split]["padding_share"] for split in ("train", "dev", "test")}
    assert shares == {"train": pytest.approx(1 / 10), "dev": pytest.approx(5 / 12), "test": 0.0}
    assert {report[split]["truncated_tokens"] for split in shares} == {0}


# settings


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (Pad(0, "right", None), r"recipes\.r\.max_length: must be at least 1; got 0"),
        (Pad(-1, "left", None), r"recipes\.r\.max_length: must be at least 1; got -1"),
        (Pad(None, "right", 0), r"recipes\.r\.buckets: must be at least 1; got 0"),
        (Pad(None, "right", None), r"recipes\.r\.buckets: must be a number if max_length is null; got null"),
        (Pad(None, "left", 6), r"recipes\.r\.side: must be right if there are buckets .*; got 'left'"),
        (Pad(9, "left", 6), r"recipes\.r\.side: must be right if there are buckets .*; got 'left'"),
    ],
)
def test_invalid_settings(settings, match):
    with pytest.raises(UserError, match=match):
        settings.check("recipes.r")


def test_valid_settings():
    for settings in (Pad(1, "right", None), Pad(1, "left", None), Pad(None, "right", 1), Pad(9, "right", 2)):
        settings.check("recipes.r")
