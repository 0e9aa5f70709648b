"""Requests that wait at the same time, answered by one call of the model."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class QueueFull(Exception):  # noqa: N818  (a state of the queue, which passes)
    """As many texts wait as may."""


@dataclass(eq=False)
class PendingRequest(Generic[Answer]):
    """A request's texts, of which `taken` have gone to the model, and the future of all their answers."""

    texts: Sequence[str]
    arrived: float
    done: asyncio.Future[list[Answer]]
    taken: int = 0
    answers: list[Answer] = field(default_factory=list)

    @property
    def left(self) -> int:
        return len(self.texts) - self.taken


class RequestBatcher(Generic[Answer]):
    """A queue of texts before one model, first come first served; to be used from one event loop.

    answer: texts to an answer for each, called by `executor`, so that the loop goes on; most: texts of a call; wait:
    seconds from a request's coming that a call with room for more waits for them; room: texts that may wait. A request
    of more texts than a call takes goes to several calls.
    """

    def __init__(
        self,
        answer: Callable[[list[str]], list[Answer]],
        executor: Executor,
        *,
        most: int,
        wait: float,
        room: int,
    ) -> None:
        self._answer, self._executor = answer, executor
        self._most, self._wait, self._room = most, wait, room
        self._jobs: deque[PendingRequest[Answer]] = deque()
        self._came = asyncio.Event()
        self._waiting = 0  # texts

    def waiting(self) -> int:
        """How many texts wait to be taken."""
        return self._waiting

    def full(self) -> bool:
        """Whether no further text may wait."""
        return self._waiting >= self._room

    async def ask(self, texts: Sequence[str]) -> list[Answer]:
        """An answer for each text, in their order; cancelled while it waits, its texts never reach the model.

        Raises Full where the texts do not fit in what may wait, and what the model raised.
        """
        if not texts:
            return []
        if self._waiting + len(texts) > self._room:
            raise QueueFull
        loop = asyncio.get_running_loop()
        job: PendingRequest[Answer] = PendingRequest(texts, loop.time(), loop.create_future())
        self._jobs.append(job)
        self._waiting += job.left
        self._came.set()
        try:
            return await job.done
        finally:
            self._drop(job)

    def _drop(self, job: PendingRequest[Answer]) -> None:
        """Take a job out of the queue, whose texts have not all been taken: nobody waits for it."""
        if job.left and job in self._jobs:
            self._jobs.remove(job)
            self._waiting -= job.left

    async def run(self) -> None:
        """Answer what comes, a call at a time, until cancelled."""
        while True:
            while not self._jobs:
                self._came.clear()
                await self._came.wait()
            await self._fill()
            if batch := self._take():
                await self._call(batch)

    async def _fill(self) -> None:
        """Wait until there is a full batch, or the first request has waited long enough."""
        if not self._wait:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._jobs[0].arrived + self._wait):
                while 0 < self._waiting < self._most:
                    self._came.clear()
                    await self._came.wait()

    def _take(self) -> list[tuple[PendingRequest[Answer], Sequence[str]]]:
        """The next texts of the queue, no more than a call takes, by the job that they are of."""
        batch, room = [], self._most
        while self._jobs and room:
            job = self._jobs[0]
            texts = job.texts[job.taken : job.taken + room]
            job.taken += len(texts)
            room -= len(texts)
            self._waiting -= len(texts)
            batch.append((job, texts))
            if not job.left:
                self._jobs.popleft()
        return batch

    async def _call(self, batch: list[tuple[PendingRequest[Answer], Sequence[str]]]) -> None:
        texts = [text for _, some in batch for text in some]
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._executor, self._answer, texts)
            if len(found) != len(texts):
                raise RuntimeError(f"{len(found)} answers for {len(texts)} texts")
        except Exception as error:
            for job, _ in batch:
                self._drop(job)
                if not job.done.done():
                    job.done.set_exception(error)
            return
        answers = iter(found)
        for job, some in batch:
            job.answers += [next(answers) for _ in some]
            if not job.left and not job.done.done():
                job.done.set_result(job.answers)
