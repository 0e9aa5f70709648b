"""RequestBatcher: how it joins and splits requests, keeps their order, and drops cancelled ones."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from textrnn.inference.serving.request_batcher import QueueFull, RequestBatcher


class Model:
    """A model that doubles its texts and records its batches; it blocks while `open` is not set."""

    def __init__(self):
        self.batches, self.open, self.called, self.threads = [], threading.Event(), threading.Event(), set()
        self.open.set()

    def __call__(self, texts):
        self.batches.append(texts)
        self.threads.add(threading.current_thread())
        self.called.set()
        assert self.open.wait(60)
        if "wrong" in texts:
            raise ValueError("wrong")
        return [text * 2 for text in texts if text != "lost"]


@contextlib.asynccontextmanager
async def batching(model, batch_texts=4, batch_wait=0.0, queue_texts=1000):
    with ThreadPoolExecutor(1) as executor:
        batcher = RequestBatcher(
            model, executor, batch_texts=batch_texts, batch_wait=batch_wait, queue_texts=queue_texts
        )
        task = asyncio.create_task(batcher.run())
        try:
            yield batcher
        finally:
            model.open.set()
            task.cancel()


async def submit_behind_first(model, batcher, *requests):
    """Submit a first request, on which the model blocks, then the others; return the tasks of both."""
    model.open.clear()
    first = asyncio.create_task(batcher.submit(["first"]))
    await asyncio.to_thread(model.called.wait, 60)
    tasks = [asyncio.create_task(batcher.submit(texts)) for texts in requests]
    await asyncio.sleep(0)
    return first, tasks


def test_waiting_requests_are_joined_and_large_ones_are_split():
    async def main():
        model = Model()
        async with batching(model) as batcher:
            first, tasks = await submit_behind_first(model, batcher, ["a"], ["b", "c"], list("defghijk"), [], ["l"])
            assert batcher.waiting() == 12
            assert not batcher.full()
            model.open.set()
            assert await first == ["firstfirst"]
            assert [await task for task in tasks] == [["aa"], ["bb", "cc"], [2 * x for x in "defghijk"], [], ["ll"]]
            assert model.batches == [["first"], list("abcd"), list("efgh"), list("ijkl")]
            assert batcher.waiting() == 0
            assert model.threads.isdisjoint({threading.current_thread()})

    asyncio.run(main())


def test_many_requests_get_their_own_results():
    async def main():
        model, rng = Model(), random.Random(1)
        async with batching(model, batch_texts=16, queue_texts=10_000) as batcher:
            requests = [[f"{number} {n}" for n in range(rng.choice([0, 1, 1, 2, 40]))] for number in range(500)]
            results = await asyncio.gather(*map(batcher.submit, requests))
        assert results == [[text * 2 for text in texts] for texts in requests]
        assert [text for batch in model.batches for text in batch] == [text for texts in requests for text in texts]
        assert max(map(len, model.batches)) == 16

    asyncio.run(main())


def test_cancelled_requests_are_dropped():
    async def main():
        model = Model()
        async with batching(model) as batcher:
            first, tasks = await submit_behind_first(model, batcher, ["a", "b"], list("cdefgh"), ["i"])
            tasks[0].cancel()
            first.cancel()  # the model already has its text
            await asyncio.wait({tasks[0], first})
            assert batcher.waiting() == 7
            model.open.set()
            assert await tasks[2] == ["ii"]
            assert await tasks[1] == [2 * x for x in "cdefgh"]
            assert model.batches == [["first"], list("cdef"), list("ghi")]

    asyncio.run(main())


def test_the_rest_of_a_cancelled_large_request_is_dropped():
    async def main():
        model = Model()
        async with batching(model) as batcher:
            model.open.clear()
            long = asyncio.create_task(batcher.submit(list("abcdefghij")))
            await asyncio.to_thread(model.called.wait, 60)
            long.cancel()
            last = asyncio.create_task(batcher.submit(["x"]))
            await asyncio.sleep(0)
            assert batcher.waiting() == 1
            model.open.set()
            assert await last == ["xx"]
            assert model.batches == [list("abcd"), ["x"]]

    asyncio.run(main())


def test_a_full_queue_refuses_requests():
    async def main():
        model = Model()
        async with batching(model, queue_texts=5) as batcher:
            first, tasks = await submit_behind_first(model, batcher, ["a", "b", "c"])
            with pytest.raises(QueueFull):
                await batcher.submit(["d", "e", "f"])
            rest = asyncio.create_task(batcher.submit(["d", "e"]))
            await asyncio.sleep(0)
            assert batcher.full()
            model.open.set()
            assert await asyncio.gather(first, *tasks, rest) == [["firstfirst"], ["aa", "bb", "cc"], ["dd", "ee"]]

    asyncio.run(main())


@pytest.mark.parametrize(("text", "error"), [("wrong", ValueError), ("lost", RuntimeError)])
def test_a_failed_call_fails_only_its_own_requests(text, error):
    async def main():
        model = Model()
        async with batching(model) as batcher:
            first, tasks = await submit_behind_first(model, batcher, ["a", text], list("bcdef"), ["g"])
            model.open.set()
            for task in tasks[:2]:  # two texts of the second request were in the failed call
                with pytest.raises(error):
                    await task
            assert await first == ["firstfirst"]
            assert await tasks[2] == ["gg"]
            assert batcher.waiting() == 0

    asyncio.run(main())


def test_a_batch_waits_until_it_is_full_or_its_time_is_up():
    async def main():
        model = Model()
        async with batching(model, batch_wait=60) as batcher:
            early = asyncio.create_task(batcher.submit(["a"]))
            while not batcher.waiting():
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
            assert model.batches == []
            assert await batcher.submit(["b", "c", "d"]) == ["bb", "cc", "dd"]
            assert await early == ["aa"]
            assert model.batches == [list("abcd")]
        model = Model()
        async with batching(model, batch_wait=0.05) as batcher:
            assert await batcher.submit(["a"]) == ["aa"]  # after the time limit, or it would wait forever
            assert model.batches == [["a"]]

    asyncio.run(main())
