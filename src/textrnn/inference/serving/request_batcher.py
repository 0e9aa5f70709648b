"""Join requests that wait at the same time into batches, so that one model call answers several."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from itertools import count
from typing import Generic

from textrnn.inference.serving.request_limits import RequestLimits
from textrnn.inference.serving.request_queue import PendingRequest, RequestQueue, Result, cost


class QueueFull(Exception):  # noqa: N818  (a temporary state of the queue, not an error)
    """A request does not fit: `unit` is texts or characters, of which `held` are there and `most` may be."""

    def __init__(self, unit: str, *, held: int, more: int, most: int) -> None:
        super().__init__(f"{held} {unit} and {more} more")
        self.unit, self.held, self.more, self.most = unit, held, more, most


class RequestBatcher(Generic[Result]):
    """The queues of several models, which take turns with their calls; to be used from one event loop.

    predict: for each model by its name, returns a result for each text; `executor` runs it, so that the event loop is
    not blocked. limits: those of the queues and of a call. A larger request is split over several calls.
    """

    def __init__(
        self, predict: Mapping[str, Callable[[list[str]], list[Result]]], executor: Executor, limits: RequestLimits
    ) -> None:
        self._predict, self._executor, self._limits = dict(predict), executor, limits
        self._queues: dict[str, RequestQueue[Result]] = {name: RequestQueue() for name in predict}
        self._in_work = 0  # characters
        self._numbers, self._virtual_time = count(), 0.0
        self._arrival = asyncio.Event()

    def waiting(self, model: str) -> int:
        """The number of texts that wait to be taken."""
        return self._queues[model].texts

    @property
    def held(self) -> int:
        """The characters that wait or are being worked on, for all models."""
        return self._in_work + sum(queue.characters for queue in self._queues.values())

    @property
    def full(self) -> bool:
        """Whether a queue takes no further text."""
        limits = self._limits
        texts = any(queue.texts >= limits.queue_texts for queue in self._queues.values())
        return texts or self.held >= limits.queue_characters

    async def submit(self, model: str, texts: Sequence[str]) -> list[Result]:
        """Return a result for each text, in order; if cancelled while they wait, the texts never reach the model.

        Raises QueueFull if the texts do not fit into the queue, and any exception of the model.
        """
        if not texts:
            return []
        self._check_room(model, texts)
        loop, queue = asyncio.get_running_loop(), self._queues[model]
        request: PendingRequest[Result] = PendingRequest(
            texts, next(self._numbers), loop.time(), loop.create_future(), self._virtual_time + cost(texts[0])
        )
        queue.add(request)
        self._arrival.set()
        try:
            return await request.future
        finally:
            queue.discard(request)

    def _check_room(self, model: str, texts: Sequence[str]) -> None:
        """Raise QueueFull if the texts do not fit.

        A request of more than one call may fill only three quarters, so that long ones do not shut out short ones.
        """
        limits, characters = self._limits, sum(map(len, texts))
        is_short = len(texts) <= limits.batch_texts and characters <= limits.batch_characters
        for unit, held, more, most in (
            ("texts", self.waiting(model), len(texts), limits.queue_texts),
            ("characters", self.held, characters, limits.queue_characters),
        ):
            room = most if is_short or not held else most * 3 // 4
            if held + more > room:
                raise QueueFull(unit, held=held, more=more, most=room)

    async def run(self) -> None:
        """Answer requests, one model call at a time, until cancelled."""
        while True:
            if model := self._next_model():
                await self._run_batch(model)
            else:
                await self._wait()

    def _next_model(self) -> str | None:
        """The model with the text that is next among those whose batch is full or has waited long enough."""
        ready = [name for name in self._queues if self._ready_at(name) <= asyncio.get_running_loop().time()]
        return min(ready, key=lambda name: self._queues[name].first, default=None)

    def _ready_at(self, model: str) -> float:
        """When a model's batch stops waiting for more texts, in the time of the event loop."""
        queue, limits = self._queues[model], self._limits
        if not queue:
            return float("inf")
        is_full = queue.texts >= limits.batch_texts or queue.characters >= limits.batch_characters
        return 0.0 if is_full or not limits.batch_wait else queue.oldest + limits.batch_wait

    async def _wait(self) -> None:
        """Wait for more texts, at most until a batch has waited long enough."""
        until = min(map(self._ready_at, self._queues))
        self._arrival.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(None if until == float("inf") else until):
                await self._arrival.wait()

    async def _run_batch(self, model: str) -> None:
        queue = self._queues[model]
        requests = sum(map(len, self._queues.values()))
        batch = queue.take(self._limits.batch_texts, self._limits.batch_characters)
        self._in_work = sum(len(text) for _, text in batch)
        self._virtual_time += sum(cost(text) for _, text in batch) / requests
        try:
            await self._answer(model, batch)
        finally:
            self._in_work = 0

    async def _answer(self, model: str, batch: list[tuple[PendingRequest[Result], str]]) -> None:
        """Call the model and hand on its results; if it fails, call it for each request alone: one may be at fault."""
        texts, requests = [text for _, text in batch], dict.fromkeys(request for request, _ in batch)
        try:
            results = await asyncio.get_running_loop().run_in_executor(self._executor, self._predict[model], texts)
            if len(results) != len(texts):
                raise RuntimeError(f"{len(results)} results for {len(texts)} texts")
        except Exception as error:
            if len(requests) > 1:
                for request in requests:
                    await self._answer(model, [(each, text) for each, text in batch if each is request])
            else:
                self._fail(model, batch[0][0], error)
            return
        for (request, _), result in zip(batch, results, strict=True):
            request.results.append(result)
            if len(request.results) == len(request.texts) and not request.future.done():
                request.future.set_result(request.results)

    def _fail(self, model: str, request: PendingRequest[Result], error: Exception) -> None:
        self._queues[model].discard(request)
        if not request.future.done():
            request.future.set_exception(error)
