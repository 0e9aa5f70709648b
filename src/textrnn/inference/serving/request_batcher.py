"""Join requests that wait at the same time into batches, so that one model call answers several."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Result = TypeVar("Result")


class QueueFull(Exception):  # noqa: N818  (a temporary state of the queue, not an error)
    """The texts of a request do not fit into the queue."""


@dataclass(eq=False)
class PendingRequest(Generic[Result]):
    """A request's texts, the first `taken` of which have gone to the model, and the future of all their results."""

    texts: Sequence[str]
    arrived: float
    future: asyncio.Future[list[Result]]
    taken: int = 0
    results: list[Result] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        return len(self.texts) - self.taken


class RequestBatcher(Generic[Result]):
    """A first-come, first-served queue of texts for one model, to be used from one event loop.

    predict: returns a result for each text; `executor` runs it, so that the event loop is not blocked.
    batch_texts: texts of one call; a larger request is split over several calls.
    batch_wait: seconds after a request's arrival that a call which is not full waits for more texts.
    queue_texts: texts that may wait.
    """

    def __init__(
        self,
        predict: Callable[[list[str]], list[Result]],
        executor: Executor,
        *,
        batch_texts: int,
        batch_wait: float,
        queue_texts: int,
    ) -> None:
        self._predict, self._executor = predict, executor
        self._batch_texts, self._batch_wait, self._queue_texts = batch_texts, batch_wait, queue_texts
        self._pending: deque[PendingRequest[Result]] = deque()
        self._arrival = asyncio.Event()
        self._waiting = 0  # texts

    def waiting(self) -> int:
        """The number of texts that wait to be taken."""
        return self._waiting

    def full(self) -> bool:
        """Whether the queue takes no further text."""
        return self._waiting >= self._queue_texts

    async def submit(self, texts: Sequence[str]) -> list[Result]:
        """Return a result for each text, in order; if cancelled while they wait, the texts never reach the model.

        Raises QueueFull if the texts do not fit into the queue, and any exception of the model.
        """
        if not texts:
            return []
        if self._waiting + len(texts) > self._queue_texts:
            raise QueueFull
        loop = asyncio.get_running_loop()
        request: PendingRequest[Result] = PendingRequest(texts, loop.time(), loop.create_future())
        self._pending.append(request)
        self._waiting += request.remaining
        self._arrival.set()
        try:
            return await request.future
        finally:
            self._discard(request)

    def _discard(self, request: PendingRequest[Result]) -> None:
        """Remove a request from the queue if some of its texts still wait there: nobody needs their results."""
        if request.remaining and request in self._pending:
            self._pending.remove(request)
            self._waiting -= request.remaining

    async def run(self) -> None:
        """Answer requests, one model call at a time, until cancelled."""
        while True:
            while not self._pending:
                self._arrival.clear()
                await self._arrival.wait()
            await self._wait_for_batch()
            if batch := self._next_batch():
                await self._run_batch(batch)

    async def _wait_for_batch(self) -> None:
        """Wait until the batch is full or the first request has waited for `batch_wait` seconds."""
        if not self._batch_wait:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._pending[0].arrived + self._batch_wait):
                while 0 < self._waiting < self._batch_texts:
                    self._arrival.clear()
                    await self._arrival.wait()

    def _next_batch(self) -> list[tuple[PendingRequest[Result], Sequence[str]]]:
        """Take the next texts from the queue, at most as many as one call takes, each with its request."""
        batch, capacity = [], self._batch_texts
        while self._pending and capacity:
            request = self._pending[0]
            texts = request.texts[request.taken : request.taken + capacity]
            request.taken += len(texts)
            capacity -= len(texts)
            self._waiting -= len(texts)
            batch.append((request, texts))
            if not request.remaining:
                self._pending.popleft()
        return batch

    async def _run_batch(self, batch: list[tuple[PendingRequest[Result], Sequence[str]]]) -> None:
        texts = [text for _, part in batch for text in part]
        try:
            results = await asyncio.get_running_loop().run_in_executor(self._executor, self._predict, texts)
            if len(results) != len(texts):
                raise RuntimeError(f"{len(results)} results for {len(texts)} texts")
        except Exception as error:
            for request, _ in batch:
                self._discard(request)
                if not request.future.done():
                    request.future.set_exception(error)
            return
        unassigned = iter(results)
        for request, part in batch:
            request.results += [next(unassigned) for _ in part]
            if not request.remaining and not request.future.done():
                request.future.set_result(request.results)
