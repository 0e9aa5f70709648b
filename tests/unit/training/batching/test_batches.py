"""Padded shards as buckets, and the order of an epoch's rows and batches, which must never change silently."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from factories.buckets import numbered, order
from factories.settings import SETTINGS
from factories.shards import TAG, long_split, write_padded
from factories.training_runs import rows_of
from textrnn.common.storage.hashing import hash_range
from textrnn.errors import UserError
from textrnn.training.batching.batches import (
    Shuffle,
    TokenBudget,
    _permutation,
    batch_size,
    batches,
    count_batches,
    evaluation_size,
    rows_per_batch,
    selections,
)
from textrnn.training.batching.buckets import Bucket, MappedBucket
from textrnn.training.batching.loading import check_id_ranges, load_buckets


def test_the_order_of_seed_1_epoch_0():
    # computed by an independent SplitMix64 in plain Python; a change here changes every trained model
    assert order(numbered(7, 5), 3, shuffle=Shuffle(1, 0)) == [[2], [10, 7], [4, 5, 0], [11, 8, 9], [6, 1, 3]]
    assert order(numbered(7, 5), 3, shuffle=Shuffle(1, 1)) == [[4, 5, 1], [2, 6, 0], [10, 7, 9], [3], [8, 11]]
    assert order(numbered(7, 5), 3, shuffle=Shuffle(2, 0)) == [[7, 9, 11], [8, 10], [5, 2, 4], [1, 3, 6], [0]]


def test_the_order_depends_on_seed_and_epoch_alone():
    buckets = numbered(40, 23, 1)
    torch.manual_seed(1)
    first = order(buckets, 4, shuffle=Shuffle(3, 7))
    torch.manual_seed(2)
    assert order(buckets, 4, shuffle=Shuffle(3, 7)) == first
    assert order(buckets, 4, shuffle=Shuffle(3, 8)) != first
    assert order(buckets, 4, shuffle=Shuffle(4, 7)) != first


def test_without_a_shuffle_rows_and_batches_come_in_order():
    assert order(numbered(3, 4), 2) == [[0, 1], [2], [3, 4], [5, 6]]


@pytest.mark.parametrize("shuffle", [None, Shuffle(1, 0), Shuffle(1, 1), Shuffle(9, 3)], ids=str)
@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_every_row_comes_once_an_epoch_in_batches_of_one_width(size, shuffle):
    buckets = numbered(17, 8, 1)
    epoch = list(batches(buckets, size, shuffle=shuffle))
    assert len(epoch) == count_batches(buckets, size, False) == sum(-(-rows // size) for rows in (17, 8, 1))
    assert sorted(row for batch in epoch for row in batch.row_numbers.tolist()) == list(range(26))
    for batch in epoch:
        assert 1 <= len(batch) <= size
        # ids, lengths and targets still belong to their rows: widths 1, 2, 3 hold rows 0-16, 17-24, 25
        width = batch.ids.shape[1]
        assert all(
            {1: 0, 2: 17, 3: 25}[width] <= row < {1: 17, 2: 25, 3: 26}[width] for row in batch.row_numbers.tolist()
        )
        assert torch.equal(batch.ids, 10 * batch.row_numbers[:, None] + torch.arange(width))
        assert batch.lengths.tolist() == [width] * len(batch)
        assert torch.equal(batch.targets, batch.row_numbers % 3)


def test_drop_last_drops_a_short_last_batch_with_different_rows_in_each_epoch():
    buckets = numbered(10)
    assert count_batches(buckets, 4, True) == 2
    epochs = [order(buckets, 4, drop_last=True, shuffle=Shuffle(1, epoch)) for epoch in range(9)]
    used = [{row for batch in epoch for row in batch} for epoch in epochs]
    assert all(len(rows) == 8 for rows in used)
    assert set.union(*used) == set(range(10))
    assert order(numbered(8), 4, drop_last=True) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_drop_last_never_drops_a_whole_bucket():
    assert order(numbered(5), 1024, drop_last=True) == [[0, 1, 2, 3, 4]]
    assert order(numbered(5, 3, 4), 4, drop_last=True) == [[0, 1, 2, 3], [5, 6, 7], [8, 9, 10, 11]]
    assert count_batches(numbered(5, 3, 4), 4, True) == 3


def test_with_a_token_budget_the_rows_of_a_batch_depend_on_its_width():
    buckets = numbered(17, 8, 5)
    epoch = order(buckets, TokenBudget(6))
    assert [len(rows) for rows in epoch] == [6, 6, 5, 3, 3, 2, 2, 2, 1]  # widths 1, 2 and 3 take 6, 3 and 2 rows
    assert [row for rows in epoch for row in rows] == list(range(30))
    assert count_batches(buckets, TokenBudget(6), False) == 9
    assert [len(rows) for rows in order(buckets, TokenBudget(6), drop_last=True)] == [6, 6, 3, 3, 2, 2]
    assert order(numbered(2, 2), TokenBudget(1)) == [[0], [1], [2], [3]]
    assert sorted(map(len, order(buckets, TokenBudget(6), shuffle=Shuffle(1, 0)))) == [1, 2, 2, 2, 3, 3, 5, 6, 6]


def test_batch_tokens_takes_precedence_over_batch_size():
    assert batch_size(SETTINGS) == 4
    assert batch_size(dataclasses.replace(SETTINGS, batch_tokens=100)) == TokenBudget(100)
    assert [rows_per_batch(4, width) for width in (1, 200)] == [4, 4]
    assert [rows_per_batch(TokenBudget(100), width) for width in (1, 33, 100, 101)] == [100, 3, 1, 1]


@pytest.mark.parametrize("shuffle", [None, Shuffle(1, 3)], ids=str)
@pytest.mark.parametrize("start", [0, 1, 5, 9, 10])
def test_an_epoch_starts_at_any_batch_without_gathering_those_before(start, shuffle, monkeypatch):
    buckets = numbered(17, 8, 5)
    whole = order(buckets, TokenBudget(6), shuffle=shuffle)
    taken = []
    take = Bucket.take
    monkeypatch.setattr(Bucket, "take", lambda self, index: taken.append(index) or take(self, index))
    assert order(buckets, TokenBudget(6), shuffle=shuffle, start=start) == whole[start:]
    assert len(taken) == len(whole[start:])


CLASSIFY = {
    "train": [([2, 3], 1), ([4, 5, 6, 7, 8], 0), ([], 2), ([9, 1, 2], 0), ([3, 3], 1)],
    "dev": [([7, 6], 2)],
}


def as_lists(bucket):
    return [tensor.tolist() for tensor in (bucket.row_numbers, bucket.ids, bucket.lengths, bucket.targets)]


def test_buckets_of_one_width(tmp_path):
    padded = write_padded(tmp_path, "classify", CLASSIFY, 3, "left")
    (bucket,) = load_buckets(padded, "train")
    assert as_lists(bucket) == [
        [0, 1, 2, 3, 4],
        [[0, 2, 3], [4, 5, 6], [0, 0, 0], [9, 1, 2], [0, 3, 3]],
        [2, 3, 0, 3, 2],
        [1, 0, 2, 0, 1],
    ]
    assert [tensor.dtype for tensor in (bucket.ids, bucket.lengths)] == [torch.int32, torch.int32]
    (batch,) = batches([bucket], 5)
    assert as_lists(batch) == as_lists(bucket)
    # int64, as an index and a loss must be
    assert [tensor.dtype for tensor in (batch.ids, batch.lengths, batch.targets)] == [
        torch.int32,
        torch.int64,
        torch.int64,
    ]
    assert [as_lists(bucket) for bucket in load_buckets(padded, "dev")] == [[[0], [[0, 7, 6]], [2], [2]]]


def test_buckets_of_several_widths(tmp_path):
    padded = write_padded(tmp_path, "classify", CLASSIFY)
    assert padded.widths == (1, 2, 3, 5)
    assert [as_lists(bucket) for bucket in load_buckets(padded, "train")] == [
        [[2], [[0]], [0], [2]],
        [[0, 4], [[2, 3], [3, 3]], [2, 2], [1, 1]],
        [[3], [[9, 1, 2]], [3], [0]],
        [[1], [[4, 5, 6, 7, 8]], [5], [0]],
    ]


def test_several_shards_of_a_width_are_one_bucket(tmp_path, monkeypatch):
    monkeypatch.setattr("textrnn.common.storage.shards.ROWS_PER_SHARD", 2)
    monkeypatch.setattr("textrnn.common.storage.shards.ROWS_PER_BATCH", 1)
    padded = write_padded(tmp_path, "classify", CLASSIFY, 2)
    assert len(padded.of("train")) == 3
    (bucket,) = load_buckets(padded, "train")
    assert as_lists(bucket)[:2] == [[0, 1, 2, 3, 4], [[2, 3], [4, 5], [0, 0], [9, 1], [3, 3]]]


@pytest.mark.parametrize("side", ["right", "left"])
def test_tags(tmp_path, side):
    padded = write_padded(tmp_path, "tag", TAG, 4, side)
    (bucket,) = load_buckets(padded, "train")
    short = {"right": ([7, 0, 0, 0], [0, -100, -100, -100]), "left": ([0, 0, 0, 7], [-100, -100, -100, 0])}[side]
    assert as_lists(bucket) == [[0, 1], [[2, 3, 4, 5], short[0]], [4, 1], [[2, 2, 0, 1], short[1]]]


@pytest.mark.parametrize("task", ["classify", "tag"])
@pytest.mark.parametrize("size", [None, 5])
def test_rows_left_in_their_shards_give_the_same_batches(tmp_path, monkeypatch, task, size):
    monkeypatch.setattr("textrnn.common.storage.shards.ROWS_PER_SHARD", 12)
    monkeypatch.setattr("textrnn.common.storage.shards.ROWS_PER_BATCH", 4)
    padded = write_padded(tmp_path, task, long_split(task), size)
    resident = load_buckets(padded, "train")
    monkeypatch.setattr("textrnn.training.batching.loading.MAX_COPIED_BYTES", 0)
    mapped = load_buckets(padded, "train")
    assert {type(bucket) for bucket in resident} == {Bucket}
    assert {type(bucket) for bucket in mapped} == {MappedBucket}
    chunks = [chunk for bucket in mapped for chunk in bucket.ids.chunks]
    assert len(chunks) > len(mapped)  # several shards, several chunks each
    assert not any(chunk.flags.owndata or chunk.flags.writeable for chunk in chunks)  # they are the mapped file
    for options in ({}, {"shuffle": Shuffle(1, 0)}, {"shuffle": Shuffle(2, 5), "drop_last": True, "start": 3}):
        for length in (1, 7, 1000, TokenBudget(20)):
            both = list(zip(batches(resident, length, **options), batches(mapped, length, **options), strict=True))
            assert len(both) == max(
                0, count_batches(mapped, length, options.get("drop_last", False)) - options.get("start", 0)
            )
            for one, other in both:
                assert as_lists(one) == as_lists(other)
                assert [column.dtype for column in (one.row_numbers, *one.inputs)] == [
                    column.dtype for column in (other.row_numbers, *other.inputs)
                ]


def test_rows_stay_in_their_shards_if_the_gpu_has_no_room(tmp_path, monkeypatch):
    padded = write_padded(tmp_path, "classify", CLASSIFY, 3)
    needed = 5 * (8 + 3 * 4 + 4 + 4)  # row, ids, length and label of 5 rows
    copied = []
    monkeypatch.setattr(MappedBucket, "to_device", lambda self: copied.append(self.device) or "copied")
    for free, fits in ((2 * needed, True), (2 * needed - 2, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**12))
        (bucket,) = load_buckets(padded, "train", torch.device("cuda:1"))
        assert (bucket == "copied") == fits
    assert copied == [bucket.device] == [torch.device("cuda:1")]


def test_ranges_are_checked_in_the_shards_too(tmp_path, monkeypatch):
    monkeypatch.setattr("textrnn.training.batching.loading.MAX_COPIED_BYTES", 0)
    buckets = load_buckets(write_padded(tmp_path, "classify", CLASSIFY), "train")
    check_id_ranges(buckets, 10, 3, tmp_path)
    with pytest.raises(UserError, match=r"has a token id outside the model's range \(0\.\.8\); got 9"):
        check_id_ranges(buckets, 9, 3, tmp_path)
    with pytest.raises(UserError, match=r"has a label outside the model's range \(0\.\.1\); got 2"):
        check_id_ranges(buckets, 10, 2, tmp_path)


def test_an_empty_split_is_refused(tmp_path):
    padded = write_padded(tmp_path, "classify", CLASSIFY, 3)
    with pytest.raises(UserError, match=r"padded: the test split is empty$"):
        load_buckets(padded, "test")


def test_rows_of_another_vocabulary_or_other_labels_are_refused(tmp_path):
    buckets = load_buckets(write_padded(tmp_path, "classify", CLASSIFY), "train")
    check_id_ranges(buckets, 10, 3, tmp_path)
    with pytest.raises(UserError, match=r"has a token id outside the model's range \(0\.\.8\); got 9; run the stages"):
        check_id_ranges(buckets, 9, 3, tmp_path)
    with pytest.raises(UserError, match=r"has a label outside the model's range \(0\.\.1\); got 2; run the stages"):
        check_id_ranges(buckets, 10, 2, tmp_path)


@pytest.mark.parametrize("rows", [0, 1, 2, 1000])
def test_the_order_is_that_of_the_unsigned_hashes(rows):
    hashes = hash_range(rows, 3, "rows/1/0")
    assert rows < 1000 or (hashes >= 2**63).any()
    assert _permutation(rows, 3, "rows/1/0").tolist() == np.argsort(hashes, kind="stable").tolist()


def test_rows_in_memory_are_gathered_only_when_they_are_needed(monkeypatch):
    buckets = rows_of(10)
    chosen = list(selections(buckets, 4, shuffle=Shuffle(1, 0)))
    gathered = list(batches(buckets, 4, shuffle=Shuffle(1, 0)))
    assert [(len(each), each.width) for each in chosen] == [(len(each), each.width) for each in gathered]
    for one, other in zip(chosen, gathered, strict=True):
        assert all(torch.equal(*columns) for columns in zip(one.gather().inputs, other.inputs, strict=True))
    monkeypatch.setattr(Bucket, "take", None)
    assert sorted(len(each) for each in selections(buckets, 4, shuffle=Shuffle(1, 0))) == [2, 4, 4]


@pytest.mark.parametrize(("memory", "tokens"), [(2**30, 2**15), (2**32, 2**17), (2**37, 2**17)])
def test_batches_of_an_evaluation_fit_the_device(monkeypatch, memory, tokens):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=memory))
    assert evaluation_size(torch.device("cuda")) == TokenBudget(tokens)
    assert evaluation_size(torch.device("cpu")) == TokenBudget(2**14)
