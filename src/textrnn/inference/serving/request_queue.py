"""The requests that wait for one model, in fair order.

Fair queueing: a text's tag is the time at which it would be done if all waiting requests were worked on side by side,
at equal shares; time is counted in characters. The text with the smallest tag is next. So a short request passes a long
one that came before it, and a long one still gets its share while short ones keep coming.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Result = TypeVar("Result")


def cost(text: str) -> int:
    """A text's share of the work; that of an empty text is not 0, as it is a row too."""
    return len(text) + 1


@dataclass(eq=False)
class PendingRequest(Generic[Result]):
    """A request's texts, the first `taken` of which have gone to the model, and the future of all their results.

    number: counts the requests in the order of their arrival; arrived: in the time of the event loop; tag: of the next
    text.
    """

    texts: Sequence[str]
    number: int
    arrived: float
    future: asyncio.Future[list[Result]]
    tag: float
    taken: int = 0
    results: list[Result] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        return len(self.texts) - self.taken

    @property
    def characters(self) -> int:
        """Of the texts that wait."""
        return sum(map(len, self.texts[self.taken :]))

    def __lt__(self, other: PendingRequest[Result]) -> bool:
        return (self.tag, self.number) < (other.tag, other.number)


class RequestQueue(Generic[Result]):
    """The waiting requests of one model; `texts` and `characters` are what waits."""

    def __init__(self) -> None:
        self._heap: list[PendingRequest[Result]] = []
        self.texts = self.characters = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def first(self) -> PendingRequest[Result]:
        """The request whose text is next."""
        return self._heap[0]

    @property
    def oldest(self) -> float:
        """When the first of the waiting requests arrived."""
        return min(request.arrived for request in self._heap)

    def add(self, request: PendingRequest[Result]) -> None:
        """Add a request, which has texts."""
        heapq.heappush(self._heap, request)
        self.texts += request.remaining
        self.characters += request.characters

    def discard(self, request: PendingRequest[Result]) -> None:
        """Remove a request if some of its texts still wait: nobody needs their results."""
        if request.remaining and request in self._heap:
            self._heap.remove(request)
            heapq.heapify(self._heap)
            self.texts -= request.remaining
            self.characters -= request.characters

    def take(self, most_texts: int, most_characters: int) -> list[tuple[PendingRequest[Result], str]]:
        """Take the next texts, each with its request: one of any length, then those that fit beside it."""
        batch: list[tuple[PendingRequest[Result], str]] = []
        too_long, characters = [], 0
        while self._heap and len(batch) < most_texts and characters < most_characters:
            request = heapq.heappop(self._heap)
            text = request.texts[request.taken]
            if batch and characters + len(text) > most_characters:
                too_long.append(request)
                continue
            batch.append((request, text))
            characters += len(text)
            request.taken += 1
            if request.remaining:
                request.tag += cost(request.texts[request.taken])
                heapq.heappush(self._heap, request)
        for request in too_long:
            heapq.heappush(self._heap, request)
        self.texts -= len(batch)
        self.characters -= characters
        return batch
