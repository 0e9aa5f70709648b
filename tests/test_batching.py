"""The queue before a model: what is joined, what order it keeps, what is given up."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from textrnn.inference.serving.request_batcher import QueueFull, RequestBatcher


class Model:
    """Doubles its texts; keeps the batches; answers while `open` is set."""

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
async def batching(model, most=4, wait=0.0, room=1000):
    with ThreadPoolExecutor(1) as executor:
        batcher = RequestBatcher(model, executor, most=most, wait=wait, room=room)
        task = asyncio.create_task(batcher.run())
        try:
            yield batcher
        finally:
            model.open.set()
            task.cancel()


async def blocked(model, batcher, *asked):
    """Tasks of requests, all of which wait behind a first that the model holds."""
    model.open.clear()
    first = asyncio.create_task(batcher.ask(["first"]))
    await asyncio.to_thread(model.called.wait, 60)
    tasks = [asyncio.create_task(batcher.ask(texts)) for texts in asked]
    await asyncio.sleep(0)
    return first, tasks


def test_what_waits_is_joined_and_what_is_too_long_is_split():
    async def main():
        model = Model()
        async with batching(model) as batcher:
            first, tasks = await blocked(model, batcher, ["a"], ["b", "c"], list("defghijk"), [], ["l"])
            assert batcher.waiting() == 12
            assert not batcher.full()
            model.open.set()
            assert await first == ["firstfirst"]
            assert [await task for task in tasks] == [["aa"], ["bb", "cc"], [2 * x for x in "defghijk"], [], ["ll"]]
            assert model.batches == [["first"], list("abcd"), list("efgh"), list("ijkl")]
            assert batcher.waiting() == 0
            assert model.threads.isdisjoint({threading.current_thread()})

    asyncio.run(main())


def test_many_requests_get_their_own_answers():
    async def main():
        model, rng = Model(), random.Random(1)
        async with batching(model, most=16, room=10_000) as batcher:
            asked = [[f"{at} {n}" for n in range(rng.choice([0, 1, 1, 2, 40]))] for at in range(500)]
            found = await asyncio.gather(*map(batcher.ask, asked))
        assert found == [[text * 2 for text in texts] for texts in asked]
        assert [text for batch in model.batches for text in batch] == [text for texts in asked for text in texts]
        assert max(map(len, model.batches)) == 16

    asyncio.run(main())


def test_who_has_gone_costs_nothing():
    async def main():
        model = Model()
        async with batching(model) as batcher:
            first, tasks = await blocked(model, batcher, ["a", "b"], list("cdefgh"), ["i"])
            tasks[0].cancel()
            first.cancel()  # the model has its text already
            await asyncio.wait({tasks[0], first})
            assert batcher.waiting() == 7
            model.open.set()
            assert await tasks[2] == ["ii"]
            assert await tasks[1] == [2 * x for x in "cdefgh"]
            assert model.batches == [["first"], list("cdef"), list("ghi")]

    asyncio.run(main())


def test_a_long_request_that_is_given_up_goes_no_further():
    async def main():
        model = Model()
        async with batching(model) as batcher:
            model.open.clear()
            long = asyncio.create_task(batcher.ask(list("abcdefghij")))
            await asyncio.to_thread(model.called.wait, 60)
            long.cancel()
            last = asyncio.create_task(batcher.ask(["x"]))
            await asyncio.sleep(0)
            assert batcher.waiting() == 1
            model.open.set()
            assert await last == ["xx"]
            assert model.batches == [list("abcd"), ["x"]]

    asyncio.run(main())


def test_no_more_may_wait_than_there_is_room_for():
    async def main():
        model = Model()
        async with batching(model, room=5) as batcher:
            first, tasks = await blocked(model, batcher, ["a", "b", "c"])
            with pytest.raises(QueueFull):
                await batcher.ask(["d", "e", "f"])
            rest = asyncio.create_task(batcher.ask(["d", "e"]))
            await asyncio.sleep(0)
            assert batcher.full()
            model.open.set()
            assert await asyncio.gather(first, *tasks, rest) == [["firstfirst"], ["aa", "bb", "cc"], ["dd", "ee"]]

    asyncio.run(main())


@pytest.mark.parametrize(("text", "error"), [("wrong", ValueError), ("lost", RuntimeError)])
def test_a_call_that_fails_fails_its_own_requests_alone(text, error):
    async def main():
        model = Model()
        async with batching(model) as batcher:
            first, tasks = await blocked(model, batcher, ["a", text], list("bcdef"), ["g"])
            model.open.set()
            for task in tasks[:2]:  # the second had two texts in the same call
                with pytest.raises(error):
                    await task
            assert await first == ["firstfirst"]
            assert await tasks[2] == ["gg"]
            assert batcher.waiting() == 0

    asyncio.run(main())


def test_a_batch_waits_for_more_until_it_is_full_or_its_time_is_up():
    async def main():
        model = Model()
        async with batching(model, wait=60) as batcher:
            early = asyncio.create_task(batcher.ask(["a"]))
            while not batcher.waiting():
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
            assert model.batches == []
            assert await batcher.ask(["b", "c", "d"]) == ["bb", "cc", "dd"]
            assert await early == ["aa"]
            assert model.batches == [list("abcd")]
        model = Model()
        async with batching(model, wait=0.05) as batcher:
            assert await batcher.ask(["a"]) == ["aa"]  # the time is up, or it would wait for ever
            assert model.batches == [["a"]]

    asyncio.run(main())
