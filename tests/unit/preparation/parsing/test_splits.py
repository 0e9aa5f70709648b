import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import textrnn.common.storage.shards
from factories.sampling_reference import brute_force
from textrnn.common.config.parse import HoldOut
from textrnn.common.storage.hashing import hash_rows
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.shards import ShardReader, ShardWriter, write_index
from textrnn.preparation.parsing.duplicates import DuplicateCounter
from textrnn.preparation.parsing.group_sample import group_number
from textrnn.preparation.parsing.splits import plan_splits, strata_of, write_splits
from textrnn.preparation.parsing.staging import staged_schema

tag_lists = st.lists(st.lists(st.integers(0, 140), min_size=1, max_size=6), max_size=20)


def test_labels_are_strata():
    strata = strata_of(pa.array([3, 0, 2**31 - 1], pa.int32()))
    assert (strata.dtype, strata.tolist()) == (np.int64, [3, 0, 2**31 - 1])


@settings(max_examples=200, deadline=None)
@given(tag_lists, st.integers(0, 5))
def test_sets_of_entity_types_are_strata(tags, first):
    # the last bit stands for type 62 and all types after it
    expected = [sum({1 << min((tag - 1) // 2, 62) for tag in row if tag}) for row in tags[first:]]
    strata = strata_of(pa.array(tags, pa.list_(pa.int16()))[first:])
    assert (strata.dtype, strata.tolist()) == (np.int64, expected)


@pytest.fixture
def staged(tmp_path):
    """A function of labels by role: a reader of them as staged rows, whose row number is 10 times the position."""

    def write(**labels):
        folder = tmp_path / "staging"
        folder.mkdir()
        shards = []
        for role, values in labels.items():
            with ShardWriter(folder, role, ParsedRows.schema("classify")) as writer:
                columns = [np.arange(len(values)) * 10, [f"t{at % 7}" for at in range(len(values))], values]
                writer.write(
                    pa.record_batch([pa.array(column) for column in columns], ["row", "text", "label"]).cast(
                        ParsedRows.schema("classify")
                    )
                )
            shards += writer.shards
        write_index(folder, "staged", shards)
        return ShardReader(folder, "staged")

    return write


@pytest.mark.parametrize("limit", [None, 1, 37, 250])
def test_splits_against_brute_force(staged, tmp_path, monkeypatch, limit):
    monkeypatch.setattr(textrnn.common.storage.shards, "ROWS_PER_BATCH", 50)
    monkeypatch.setattr(textrnn.common.storage.shards, "ROWS_PER_SHARD", 150)
    random = np.random.default_rng(5)
    labels = {"train": random.integers(0, 3, 500), "test": random.integers(0, 3, 90)}
    reader = staged(**labels)
    assert [shard.rows for shard in reader.of("train")] == [150, 150, 150, 50]
    plans = plan_splits(reader, HoldOut("train", 0.3, 1), 7, limit)
    assert list(plans) == ["train", "test", "dev"]
    (tmp_path / "out").mkdir()
    duplicates = DuplicateCounter(tmp_path / "duplicates", 590)
    shards = write_splits(reader, plans, "classify", duplicates, tmp_path / "out")
    write_index(tmp_path / "out", "parsed", [shard for split in shards.values() for shard in split])

    numbers = np.arange(500)
    held_out = brute_force(labels["train"], 150, 7, "dev", numbers.tolist())
    expected = {"train": numbers[~held_out], "dev": numbers[held_out], "test": np.arange(90)}
    for split, rows in expected.items():
        role = "test" if split == "test" else "train"
        # sampled from the remaining rows, but by their positions in the file
        sampled = brute_force(labels[role][rows], min(limit or 500, len(rows)), 7, f"limit/{split}", rows.tolist())
        table = pa.Table.from_batches(ShardReader(tmp_path / "out", "parsed").batches(split))
        assert table["row"].to_pylist() == (rows[sampled] * 10).tolist()
        assert table["label"].to_pylist() == labels[role][rows[sampled]].tolist()
        assert duplicates.count_also_in(split, split) == sampled.sum()


def test_without_sampling_strata_are_not_read(staged, monkeypatch):
    reader = staged(train=[0, 1], dev=[1], test=[1, 1])
    monkeypatch.setattr("textrnn.preparation.parsing.splits.strata_of", None)
    plans = plan_splits(reader, None, 1, None)
    assert {name: (plan.role, plan.filters) for name, plan in plans.items()} == {
        "train": ("train", ()),
        "dev": ("dev", ()),
        "test": ("test", ()),
    }


BLOCKS = [  # rows of the file, requested block size and share; actual size and number of blocks, blocks of dev
    (500, 20, 0.1, 20, 25, 2),
    (503, 20, 0.1, 20, 25, 2),
    (90, 20, 0.1, 9, 10, 1),
    (5, 20, 0.1, 1, 5, 1),
    (500, 333, 0.34, 170, 2, 1),
    (401, 100, 0.3, 100, 4, 1),
    (20, 100, 0.8, 3, 6, 5),
    (500, 100, 0.97, 15, 33, 32),
    (1, 100, 0.5, 1, 1, 0),
]


@pytest.mark.parametrize(("rows", "block", "share", "size", "count", "dev"), BLOCKS)
def test_blocks_are_held_out_whole(staged, monkeypatch, rows, block, share, size, count, dev):
    monkeypatch.setattr(textrnn.common.storage.shards, "ROWS_PER_SHARD", 150)  # blocks span shards
    reader = staged(train=[at % 3 for at in range(rows)], test=[0])
    plans = plan_splits(reader, HoldOut("train", share, block), 7, None)
    held_out = brute_force(np.zeros(count), dev, 7, "dev", list(range(count)))
    assert sum(held_out) == dev
    members = {name: np.concatenate([rows for rows, _ in plans[name].members(reader)]) for name in ("train", "dev")}
    assert members["dev"].tolist() == [row for row in range(rows) if held_out[min(row // size, count - 1)]]
    assert members["train"].tolist() == [row for row in range(rows) if not held_out[min(row // size, count - 1)]]


def test_rows_of_blocks_are_limited_one_by_one(staged):
    reader = staged(train=[at % 3 for at in range(500)], test=[0])
    whole, limited = (plan_splits(reader, HoldOut("train", 0.1, 10), 7, limit)["dev"] for limit in (None, 12))
    (all_rows, _), (some, strata) = next(iter(whole.members(reader))), next(iter(limited.members(reader)))
    assert len(some) == 12
    assert set(some) < set(all_rows)
    assert np.bincount(strata).tolist() == [4, 4, 4]


@pytest.fixture
def grouped(tmp_path):
    """A function of group numbers: a reader of rows in these groups."""

    def write(groups):
        folder = tmp_path / "grouped"
        folder.mkdir()
        schema = staged_schema("classify", grouped=True)
        with ShardWriter(folder, "train", schema) as writer:
            arrays = [range(len(groups)), ["t"] * len(groups), [0] * len(groups), groups]
            columns = [pa.array(values, field.type) for values, field in zip(arrays, schema, strict=True)]
            writer.write(pa.record_batch(columns, schema=schema))
        write_index(folder, "staged", writer.shards, columns=schema.names)
        return ShardReader(folder, "staged")

    return write


@pytest.mark.parametrize(("groups", "share"), [(2, 0.5), (7, 0.1), (50, 0.3), (3000, 0.1)])
def test_groups_are_held_out_whole_against_brute_force(grouped, monkeypatch, groups, share):
    monkeypatch.setattr(textrnn.common.storage.shards, "ROWS_PER_SHARD", 400)
    numbers = [group_number(f"group {at}", 0) for at in range(groups)]
    rows = np.array([numbers[at % groups if at % 3 else 0] for at in range(3000)], dtype=np.uint64)
    reader = grouped(rows.tolist())
    plans = plan_splits(reader, HoldOut("train", share, 1), 5, None)
    found = {name: np.concatenate([keys.rows for keys in plan.keys(reader)]) for name, plan in plans.items()}
    # groups in the order of the first 16 bits of their hashes, up to where the rows are nearest to the share
    bins = hash_rows(rows, 5, "dev") >> np.uint64(48)
    sums = {int(last): int((bins <= last).sum()) for last in np.unique(bins)}
    last = min((key for key in sums if sums[key] < 3000), key=lambda key: (abs(sums[key] - round(3000 * share)), key))
    assert found["dev"].tolist() == np.flatnonzero(bins <= last).tolist()
    assert found["train"].tolist() == np.flatnonzero(bins > last).tolist()
    assert not set(rows[found["dev"]]) & set(rows[found["train"]])


def test_groups_of_test_are_not_in_dev(grouped):
    rows = [group_number(f"group {at % 90}", 0) for at in range(900)]
    reader = grouped(rows)
    plans = plan_splits(reader, HoldOut("train", 0.2, 1), 5, None, test=HoldOut("train", 0.2, 1))
    found = {name: np.concatenate([keys.rows for keys in plan.keys(reader)]) for name, plan in plans.items()}
    assert {name: len(positions) for name, positions in found.items()} == {"train": 540, "test": 180, "dev": 180}
    groups = [{rows[at] for at in positions} for positions in found.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 90


def test_numbers_of_groups_depend_on_nothing_but_their_names():
    assert group_number("Ann", 3) == group_number("Ann", 4) == 8729554106078576766
    assert len({group_number("Ann", 3), group_number(None, 3), group_number(None, 4), group_number("row 3", 3)}) == 4


def test_test_is_held_out_before_dev_and_stratified(staged):
    random = np.random.default_rng(5)
    labels = random.integers(0, 3, 500)
    reader = staged(train=labels)
    plans = plan_splits(reader, HoldOut("train", 0.2, 1), 7, None, test=HoldOut("train", 0.1, 1))
    assert set(plans) == {"train", "dev", "test"}
    found = {name: np.concatenate([rows for rows, _ in plan.members(reader)]) for name, plan in plans.items()}
    numbers = np.arange(500)
    of_test = brute_force(labels, 50, 7, "test", numbers.tolist())
    rest = numbers[~of_test]
    of_dev = brute_force(labels[rest], 100, 7, "dev", rest.tolist())
    assert found["test"].tolist() == numbers[of_test].tolist()
    assert found["dev"].tolist() == rest[of_dev].tolist()
    assert found["train"].tolist() == rest[~of_dev].tolist()
