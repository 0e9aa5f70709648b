"""Several processes that train one model: who they are, and what they add up.

Every process has the whole model and takes a part of each batch. Shapes: P processes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from textrnn.errors import ResumableError


class PeerLost(ResumableError):
    """Another process of the group has ended or cannot be reached."""


@dataclass(frozen=True)
class ProcessGroup:
    """One of `count` processes: its `rank` among all, and its number `local` among those of its machine.

    store: where processes that this module started meet; None where torchrun says where, and for one process.
    """

    rank: int = 0
    count: int = 1
    local: int = 0
    store: Any = None
    control: Any = None  # what carries small tensors of the CPU, whatever carries gradients

    def part(self, rows: int) -> slice:
        """This process's rows of a batch: contiguous, of about the same number everywhere; may be none."""
        return slice(rows * self.rank // self.count, rows * (self.rank + 1) // self.count)

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over all processes; one exchange of one flat buffer.

        The sum is the same in every process to the bit. A gradient that is not there counts as 0.
        """
        parameters = list(parameters)
        gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        with _told():
            dist.all_reduce(flat)
        for each, piece in zip(parameters, flat.split([each.numel() for each in parameters]), strict=True):
            each.grad = piece.view_as(each)

    def gather(self, values: Tensor) -> Tensor:
        """The values (...) of every process, (P, ...) on the CPU: each adds its own row to zeros, which is exact."""
        own = values.detach().cpu()
        if self.count == 1:
            return own[None].clone()
        found = own.new_zeros(self.count, *own.shape)
        found[self.rank] = own
        with _told():
            dist.all_reduce(found, group=self.control)
        return found

    def any(self, *wishes: bool) -> list[bool]:
        """Each of the wishes, as far as any process has it."""
        if self.count == 1:
            return list(wishes)
        return [bool(wished) for wished in self.gather(torch.tensor(wishes, dtype=torch.int32)).sum(0).tolist()]

    def broadcast_bytes(self, data: bytes) -> bytes:
        """The bytes that process 0 gives, for all."""
        if self.count == 1:
            return data
        size = int(self.gather(torch.tensor(len(data) if self.rank == 0 else 0))[0])
        if size == 0:
            return b""
        sent = torch.frombuffer(bytearray(data if self.rank == 0 else size), dtype=torch.uint8)
        with _told():
            dist.broadcast(sent, 0, group=self.control)
        return sent.numpy().tobytes()


SINGLE_PROCESS = ProcessGroup()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo raises nothing narrower when a connection breaks
        got = str(error).splitlines()[0][:200]
        do = "the same command continues from the last checkpoint"
        raise PeerLost("processes", "another one has ended or cannot be reached", got=got, do=do) from error


@contextlib.contextmanager
def join_group(group: ProcessGroup, device: torch.device) -> Iterator[ProcessGroup]:
    """The group once its processes have met: over NCCL for gradients on GPUs, over gloo for all else."""
    if group.count == 1:
        yield group
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    where: dict[str, Any] = {} if group.store is None else {"store": group.store}
    with _told():
        dist.init_process_group(backend, rank=group.rank, world_size=group.count, **where)
        control = dist.new_group(backend="gloo")
    yield ProcessGroup(group.rank, group.count, group.local, group.store, control)
    dist.destroy_process_group()  # not after a fault: that would wait for the others
