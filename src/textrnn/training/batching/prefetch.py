"""Batches prepared and copied to the device ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

import torch

from textrnn.training.batching.buckets import Bucket

BATCHES_AHEAD = 2  # batches under way while one is trained on: one is gathered, one is being copied


def prefetch_to_device(makers: Iterable[Callable[[], Bucket]], device: torch.device) -> Iterator[Bucket]:
    """The batches that `makers` make, in their order and on the device, each made while earlier ones are used.

    A thread makes them. To a GPU it copies on a stream of its own, from pinned memory, and the caller's stream waits
    for the copy, not the caller. What a maker raises is raised here; the thread ends with the iterator.
    """
    side = torch.cuda.Stream(device) if device.type == "cuda" else None

    def make(maker: Callable[[], Bucket]) -> tuple[Bucket, torch.cuda.Event | None]:
        # the stream belongs to this thread, and with it the device that pinned memory is made for
        with torch.cuda.stream(side) if side is not None else nullcontext():
            sent = maker().to(device, non_blocking=True)
            return sent, None if side is None else side.record_event()

    waiting: deque[Future[tuple[Bucket, torch.cuda.Event | None]]] = deque()
    with ThreadPoolExecutor(1, "batches") as thread:
        for maker in makers:
            waiting.append(thread.submit(make, maker))
            if len(waiting) > BATCHES_AHEAD:
                yield _arrive(*waiting.popleft().result())
        while waiting:
            yield _arrive(*waiting.popleft().result())


def _arrive(batch: Bucket, copied: torch.cuda.Event | None) -> Bucket:
    if copied is not None:
        stream = torch.cuda.current_stream(batch.ids.device)
        stream.wait_event(copied)
        for column in (batch.row, *batch.inputs):
            column.record_stream(stream)  # else its memory could be given to the next copy while still being read
    return batch
