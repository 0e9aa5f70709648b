"""CUDA streams: one for each purpose on a device, and the two directions of a layer at the same time.

torch has a pool of 32 streams per device and hands them out in turn. If every epoch or run took new ones, one of them
would sooner or later be the stream on which a graph is captured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Literal, Protocol, TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")
Purpose = Literal["copy", "capture", "side"]


@cache
def stream_of(device: torch.device, purpose: Purpose) -> torch.cuda.Stream:
    """The stream of this process that serves one purpose on a device; the device has an index."""
    return torch.cuda.Stream(device)


def indexed(device: torch.device) -> torch.device:
    """The device with its index; `cuda` means the current device."""
    return device if device.index is not None else torch.device("cuda", torch.cuda.current_device())


class SideStream(Protocol):
    """A second queue of work on a device."""

    def fork(self, work: Callable[[], Result], reads: Sequence[Tensor]) -> Result:
        """Queue the work, which reads these tensors, after all that was queued on the current stream so far."""

    def join(self, results: Sequence[Tensor]) -> None:
        """Let the current stream wait for the work of `fork`; it goes on to read these results."""


class CudaSideStream:
    """A side stream on a GPU.

    torch's allocator reuses memory in the order of the stream that it was allocated on. `record_stream` registers the
    other stream, which reads the memory.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = stream_of(device, "side")

    def fork(self, work: Callable[[], Result], reads: Sequence[Tensor]) -> Result:
        """Queue the work on the side stream."""
        self._stream.wait_stream(torch.cuda.current_stream(self._stream.device))
        with torch.cuda.stream(self._stream):
            result = work()
        for tensor in reads:
            tensor.record_stream(self._stream)
        return result

    def join(self, results: Sequence[Tensor]) -> None:
        """Wait for the side stream on the current one."""
        current = torch.cuda.current_stream(self._stream.device)
        current.wait_stream(self._stream)
        for tensor in results:
            tensor.record_stream(current)


_side: ContextVar[SideStream | None] = ContextVar("side stream", default=None)


@contextmanager
def directions_beside(side: SideStream | None) -> Iterator[None]:
    """Within the block, the backward direction of each layer runs on the side stream; None: after the forward one."""
    token = _side.set(side)
    try:
        yield
    finally:
        _side.reset(token)


def run_both(
    first: Callable[[], tuple[Tensor, Tensor]], second: Callable[[], tuple[Tensor, Tensor]], reads: Sequence[Tensor]
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """What two functions return; within `directions_beside` the second one runs on the side stream.

    reads: the tensors that the second one reads.
    """
    side = _side.get()
    if side is None:
        return first(), second()
    on_side = side.fork(second, reads)
    result = first()
    side.join(on_side)
    return result, on_side
