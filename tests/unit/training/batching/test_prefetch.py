"""Batches prefetched by a thread: their order, how far ahead it is, its exceptions, and when the thread ends."""

import threading

import numpy as np
import pytest
import torch

from textrnn.training.batching.batch import Batch
from textrnn.training.batching.buckets import MappedColumn
from textrnn.training.batching.prefetch import BATCHES_AHEAD, prefetch_to_device

CPU = torch.device("cpu")


def batch(number):
    return Batch(*(torch.tensor([number]) for _ in range(4)))


def test_a_column_gathers_from_its_chunks_in_the_order_of_the_index():
    column = MappedColumn([np.arange(10, 13), np.arange(0), np.arange(13, 14), np.arange(14, 20)])
    index = np.array([9, 0, 3, 3, 2, 4])
    assert len(column) == 10
    assert column.gather(index, torch.int64, False).tolist() == [19, 10, 13, 13, 12, 14]
    assert column.gather(index[:0], torch.int64, False).tolist() == []
    assert column.to_tensor().tolist() == list(range(10, 20))


def test_batches_come_in_order_and_only_a_few_are_loaded_ahead():
    loaded = []

    def load(number):
        loaded.append((number, threading.current_thread()))
        return batch(number)

    # a submitted loader may run at any time, so the number of submitted ones is what can be bounded
    submitted = []
    loaders = ((lambda number=number: load(number)) for number in range(20) if submitted.append(number) is None)
    for number, next_batch in enumerate(prefetch_to_device(loaders, CPU)):
        assert next_batch.row_numbers.tolist() == [number]
        assert len(submitted) <= number + BATCHES_AHEAD + 1
    assert number == 19
    assert [number for number, _ in loaded] == list(range(20))
    assert {thread for _, thread in loaded}.isdisjoint({threading.current_thread()})


def test_one_batch_and_no_batch():
    assert [only.row_numbers.tolist() for only in prefetch_to_device([lambda: batch(7)], CPU)] == [[7]]
    assert list(prefetch_to_device([], CPU)) == []


def test_an_exception_is_raised_in_its_turn():
    def fail():
        raise OSError("the disk is gone")

    prefetched = prefetch_to_device([lambda: batch(0), fail, lambda: batch(2)], CPU)
    assert next(prefetched).row_numbers.tolist() == [0]
    with pytest.raises(OSError, match="the disk is gone"):
        next(prefetched)


def test_the_thread_ends_with_the_iterator():
    before = set(threading.enumerate())
    loaded = []
    prefetched = prefetch_to_device(
        [(lambda number=number: loaded.append(number) or batch(number)) for number in range(50)], CPU
    )
    next(prefetched)
    assert len(set(threading.enumerate()) - before) == 1
    prefetched.close()
    assert set(threading.enumerate()) == before
    assert len(loaded) <= BATCHES_AHEAD + 1
