"""RequestBatcher: how it joins and splits requests, keeps their order, and drops cancelled ones."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from factories.servers import LIMITS
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
async def batching(model, **limits):
    """A batcher of two models, which are one function: `m` and `n`; limits: what differs from these."""
    limits = replace(LIMITS, **{"batch_texts": 4, "queue_texts": 1000, **limits})
    with ThreadPoolExecutor(1) as executor:
        batcher = RequestBatcher({"m": model, "n": model}, executor, limits)
        task = asyncio.create_task(batcher.run())
        try:
            yield batcher
        finally:
            model.open.set()
            task.cancel()


async def submit_behind_first(model, batcher, *requests):
    """Submit a first request, on which the model blocks, then the others; return the tasks of both.

    A request is a list of texts for the model `m`, or a pair of a model and such a list.
    """
    model.open.clear()
    first = asyncio.create_task(batcher.submit("m", ["first"]))
    await asyncio.to_thread(model.called.wait, 60)
    pairs = [request if isinstance(request, tuple) else ("m", request) for request in requests]
    tasks = [asyncio.create_task(batcher.submit(*pair)) for pair in pairs]
    await asyncio.sleep(0)
    return first, tasks


def test_waiting_requests_are_joined_and_large_ones_are_split():
    async def main():
        model = Model()
        async with batching(model) as batcher:
            first, tasks = await submit_behind_first(model, batcher, ["a"], ["b", "c"], list("defghijk"), [], ["l"])
            assert batcher.waiting("m") == 12
            assert not batcher.full
            model.open.set()
            assert await first == ["firstfirst"]
            assert [await task for task in tasks] == [["aa"], ["bb", "cc"], [2 * x for x in "defghijk"], [], ["ll"]]
            assert model.batches == [["first"], list("abdl"), list("cefg"), list("hijk")]
            assert batcher.waiting("m") == 0
            assert model.threads.isdisjoint({threading.current_thread()})

    asyncio.run(main())


def test_many_requests_get_their_own_results():
    async def main():
        model, rng = Model(), random.Random(1)
        async with batching(model, batch_texts=16, queue_texts=10_000) as batcher:
            requests = [[f"{number} {n}" for n in range(rng.choice([0, 1, 1, 2, 40]))] for number in range(500)]
            results = await asyncio.gather(*(batcher.submit("m", texts) for texts in requests))
        assert results == [[text * 2 for text in texts] for texts in requests]
        worked_on = [text for batch in model.batches for text in batch]
        assert sorted(worked_on) == sorted(text for texts in requests for text in texts)
        for number, texts in enumerate(requests):
            assert [text for text in worked_on if text.split()[0] == str(number)] == texts
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
            assert batcher.waiting("m") == 7
            model.open.set()
            assert await tasks[2] == ["ii"]
            assert await tasks[1] == [2 * x for x in "cdefgh"]
            assert model.batches == [["first"], list("cide"), list("fgh")]

    asyncio.run(main())


def test_the_rest_of_a_cancelled_large_request_is_dropped():
    async def main():
        model = Model()
        async with batching(model) as batcher:
            model.open.clear()
            long = asyncio.create_task(batcher.submit("m", list("abcdefghij")))
            await asyncio.to_thread(model.called.wait, 60)
            long.cancel()
            last = asyncio.create_task(batcher.submit("m", ["x"]))
            await asyncio.sleep(0)
            assert batcher.waiting("m") == 1
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
                await batcher.submit("m", ["d", "e", "f"])
            rest = asyncio.create_task(batcher.submit("m", ["d", "e"]))
            await asyncio.sleep(0)
            assert batcher.full
            model.open.set()
            assert await asyncio.gather(first, *tasks, rest) == [["firstfirst"], ["aa", "bb", "cc"], ["dd", "ee"]]

    asyncio.run(main())


@pytest.mark.parametrize(("text", "error"), [("wrong", ValueError), ("lost", RuntimeError)])
def test_a_failed_call_fails_only_its_own_requests(text, error):
    async def main():
        model = Model()
        async with batching(model) as batcher:
            requests = [["a", text], list("bcdef"), [text, *"hijkl"], ["g"]]
            first, tasks = await submit_behind_first(model, batcher, *requests)
            model.open.set()
            for task in (tasks[0], tasks[2]):
                with pytest.raises(error):
                    await task
            assert await first == ["firstfirst"]
            assert await tasks[1] == ["bb", "cc", "dd", "ee", "ff"]  # whose texts were in a failed call too
            assert await tasks[3] == ["gg"]
            assert batcher.waiting("m") == batcher.held == 0

    asyncio.run(main())


def test_a_batch_waits_until_it_is_full_or_its_time_is_up():
    async def main():
        model = Model()
        async with batching(model, batch_wait=60) as batcher:
            early = asyncio.create_task(batcher.submit("m", ["a"]))
            while not batcher.waiting("m"):
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
            assert model.batches == []
            assert await batcher.submit("m", ["b", "c", "d"]) == ["bb", "cc", "dd"]
            assert await early == ["aa"]
            assert model.batches == [list("abcd")]
        model = Model()
        async with batching(model, batch_wait=0.05) as batcher:
            assert await batcher.submit("m", ["a"]) == ["aa"]  # after the time limit, or it would wait forever
            assert model.batches == [["a"]]

    asyncio.run(main())


def test_characters_bound_a_batch_too_but_for_one_text():
    async def main():
        model = Model()
        async with batching(model, batch_characters=10) as batcher:
            first, tasks = await submit_behind_first(model, batcher, ["a" * 30], ["b" * 6, "c" * 6], ["d" * 4], ["e"])
            assert batcher.held == 5 + 30 + 12 + 4 + 1
            model.open.set()
            await asyncio.gather(first, *tasks)
            assert model.batches == [["first"], ["e", "d" * 4], ["b" * 6], ["c" * 6], ["a" * 30]]
            assert batcher.held == 0

    asyncio.run(main())


def test_one_text_is_in_the_next_batch_whatever_waits():
    """The order of the calls shows the fairness: the short request came last, to a server full of long ones."""

    async def main():
        model = Model()
        async with batching(model, batch_characters=100) as batcher:
            long = [(name, [f"{name}{number}".ljust(100)] * 20) for number in range(10) for name in "mn"]
            first, tasks = await submit_behind_first(model, batcher, *long, ("n", ["short"]))
            model.open.set()
            assert await tasks[-1] == ["shortshort"]
            assert ["short"] in model.batches[:3]  # one call may have begun since
            await asyncio.gather(first, *tasks)
            assert model.batches[:2] == [["first"], ["short"]]

    asyncio.run(main())


def test_long_requests_take_turns_also_between_models():
    async def main():
        model = Model()
        async with batching(model, batch_texts=2, batch_characters=1000) as batcher:
            requests = [("m", ["m" * 50] * 6), ("n", ["n" * 50] * 6)]
            first, tasks = await submit_behind_first(model, batcher, *requests)
            model.open.set()
            await asyncio.gather(first, *tasks)
            names = [batch[0][0] for batch in model.batches[1:]]
            assert sorted(names) == ["m"] * 3 + ["n"] * 3
            assert all(abs(names[:end].count("m") - names[:end].count("n")) <= 1 for end in range(len(names)))

    asyncio.run(main())


def test_a_long_request_gets_its_share_while_short_ones_keep_coming():
    async def main():
        model = Model()
        async with batching(model, batch_texts=1, batch_characters=1000) as batcher:
            first, (long,) = await submit_behind_first(model, batcher, ["long" * 25] * 3)
            answered = 0

            async def keep_asking():
                nonlocal answered
                while not long.done():  # each short request comes when the one before it is answered
                    await batcher.submit("m", ["short"])
                    answered += 1

            clients = [asyncio.create_task(keep_asking()) for _ in range(5)]
            await asyncio.sleep(0)
            model.open.set()
            await asyncio.gather(first, *clients)
            assert await long == ["long" * 50] * 3
            # the six share the model, so 5 characters of short texts for one of the long ones, and a text more or less
            assert 5 <= answered * len("short") <= 5 * 3 * 100 + 100

    asyncio.run(main())


def test_characters_in_all_are_bounded_and_those_in_work_count():
    async def main():
        model = Model()
        async with batching(model, queue_characters=20) as batcher:
            first, tasks = await submit_behind_first(model, batcher, ("n", ["a" * 10]))
            assert batcher.held == 15
            with pytest.raises(QueueFull) as caught:
                await batcher.submit("m", ["b" * 6])
            full = caught.value
            assert (full.unit, full.held, full.more, full.most) == ("characters", 15, 6, 20)
            assert not batcher.full
            rest = asyncio.create_task(batcher.submit("m", ["b" * 5]))
            await asyncio.sleep(0)
            assert (batcher.held, batcher.full) == (20, True)
            model.open.set()
            assert await asyncio.gather(first, *tasks, rest) == [["firstfirst"], ["a" * 20], ["b" * 10]]
            assert batcher.held == 0

    asyncio.run(main())


def test_a_request_of_several_batches_leaves_room_for_short_ones():
    async def main():
        model = Model()
        async with batching(model, queue_texts=20, queue_characters=100, batch_characters=10) as batcher:
            assert await batcher.submit("n", ["a" * 10] * 10) == ["a" * 20] * 10  # it may fill an idle server
            first, tasks = await submit_behind_first(model, batcher, ["a" * 10] * 5)
            with pytest.raises(QueueFull) as caught:
                await batcher.submit("n", ["b" * 7] * 3)
            assert caught.value.most == 75
            tasks.append(asyncio.create_task(batcher.submit("n", ["b" * 10])))
            tasks.append(asyncio.create_task(batcher.submit("m", [""] * 10)))  # 15 texts wait for m then
            await asyncio.sleep(0)
            with pytest.raises(QueueFull) as caught:
                await batcher.submit("m", [""] * 5)
            assert (caught.value.unit, caught.value.most) == ("texts", 15)
            model.open.set()
            await asyncio.gather(first, *tasks)

    asyncio.run(main())
