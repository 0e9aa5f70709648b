"""Batches made ahead by a thread: their order, how far ahead, what becomes of a fault, and when the thread ends."""

import threading

import numpy as np
import pytest
import torch

from textrnn.training.batching.buckets import Bucket, MappedColumn
from textrnn.training.batching.prefetch import BATCHES_AHEAD, prefetch_to_device

CPU = torch.device("cpu")


def batch(number):
    return Bucket(*(torch.tensor([number]) for _ in range(4)))


def test_a_column_gathers_from_its_pieces_in_the_order_asked_for():
    column = MappedColumn([np.arange(10, 13), np.arange(0), np.arange(13, 14), np.arange(14, 20)])
    index = np.array([9, 0, 3, 3, 2, 4])
    assert len(column) == 10
    assert column.gather(index, torch.int64, False).tolist() == [19, 10, 13, 13, 12, 14]
    assert column.gather(index[:0], torch.int64, False).tolist() == []
    assert column.whole().tolist() == list(range(10, 20))


def test_batches_come_in_order_and_no_more_than_a_few_are_made_ahead():
    made = []

    def maker(number):
        made.append((number, threading.current_thread()))
        return batch(number)

    # what is submitted is made at some time, so the makers asked for are what is bounded
    asked = []
    makers = ((lambda number=number: maker(number)) for number in range(20) if asked.append(number) is None)
    for number, found in enumerate(prefetch_to_device(makers, CPU)):
        assert found.row.tolist() == [number]
        assert len(asked) <= number + BATCHES_AHEAD + 1
    assert number == 19
    assert [each for each, _ in made] == list(range(20))
    assert {thread for _, thread in made}.isdisjoint({threading.current_thread()})


def test_few_batches_and_none():
    assert [found.row.tolist() for found in prefetch_to_device([lambda: batch(7)], CPU)] == [[7]]
    assert list(prefetch_to_device([], CPU)) == []


def test_a_fault_is_raised_in_its_turn():
    def fault():
        raise OSError("the disk is gone")

    found = prefetch_to_device([lambda: batch(0), fault, lambda: batch(2)], CPU)
    assert next(found).row.tolist() == [0]
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)


def test_the_thread_ends_with_the_iterator():
    before = set(threading.enumerate())
    made = []
    found = prefetch_to_device(
        [(lambda number=number: made.append(number) or batch(number)) for number in range(50)], CPU
    )
    next(found)
    assert len(set(threading.enumerate()) - before) == 1
    found.close()
    assert set(threading.enumerate()) == before
    assert len(made) <= BATCHES_AHEAD + 1
