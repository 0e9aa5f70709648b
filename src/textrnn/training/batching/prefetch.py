"""Load batches and copy them to the device in a background thread, ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

import torch

from textrnn.modeling.devices.streams import indexed, stream_of
from textrnn.training.batching.batch import Batch

BATCHES_AHEAD = 2  # while one batch is trained on, one is being gathered and one is being copied


def prefetch_to_device(loaders: Iterable[Callable[[], Batch]], device: torch.device) -> Iterator[Batch]:
    """The batches that `loaders` return, in order and on the device; each is loaded while earlier ones are used.

    One thread calls the loaders. For a GPU it copies from page-locked memory on a stream of its own; the caller's
    stream waits for the copy, the caller does not. An exception of a loader is raised here when its batch is due. The
    thread ends with the iterator.
    """
    copy_stream = stream_of(indexed(device), "copy") if device.type == "cuda" else None

    def load_and_copy(load: Callable[[], Batch]) -> tuple[Batch, torch.cuda.Event | None]:
        # the stream context is the thread's own, and it sets the device that page-locked memory is allocated for
        with torch.cuda.stream(copy_stream) if copy_stream is not None else nullcontext():
            batch = load().to(device, non_blocking=True)
            return batch, None if copy_stream is None else copy_stream.record_event()

    pending: deque[Future[tuple[Batch, torch.cuda.Event | None]]] = deque()
    with ThreadPoolExecutor(1, "batches") as thread:
        for load in loaders:
            pending.append(thread.submit(load_and_copy, load))
            if len(pending) > BATCHES_AHEAD:
                yield _wait_for_copy(*pending.popleft().result())
        while pending:
            yield _wait_for_copy(*pending.popleft().result())


def _wait_for_copy(batch: Batch, copied: torch.cuda.Event | None) -> Batch:
    """The batch, once the current stream waits for its copy."""
    if copied is not None:
        stream = torch.cuda.current_stream(batch.ids.device)
        stream.wait_event(copied)
        for column in (batch.row_numbers, *batch.inputs):
            column.record_stream(stream)  # otherwise the next copy could get this memory while it is still being read
    return batch
