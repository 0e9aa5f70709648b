"""The processes of data-parallel training, and what they exchange: gradients, small tensors, flags and bytes.

Every process holds the whole model and trains on its part of each batch. Shapes: P processes.
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


class PeerLostError(ResumableError):
    """Another process of the group has ended or cannot be reached."""


@dataclass(frozen=True)
class ProcessGroup:
    """One of `world_size` processes: `rank` is its number among all, `local_rank` among those of its machine.

    store: where processes that `launch_group` started meet; None under torchrun and for a single process.
    cpu_group: the gloo group that exchanges small CPU tensors, whatever exchanges the gradients.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    store: Any = None
    cpu_group: Any = None

    def local_slice(self, rows: int) -> slice:
        """This process's rows of a batch: contiguous, and as many as in any other process, give or take one."""
        return slice(rows * self.rank // self.world_size, rows * (self.rank + 1) // self.world_size)

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over all processes, in one exchange of one flat buffer.

        The sum is bitwise the same in every process. A missing gradient counts as 0.
        """
        parameters = list(parameters)
        gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in parameters]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        with _peer_lost():
            dist.all_reduce(flat)
        for weight, piece in zip(parameters, flat.split([weight.numel() for weight in parameters]), strict=True):
            weight.grad = piece.view_as(weight)

    def sum(self, values: Tensor) -> Tensor:
        """The sum of the values of all processes, bitwise the same in each of them, on the values' device."""
        if self.world_size == 1:
            return values
        total = values.detach().clone(memory_format=torch.contiguous_format)
        with _peer_lost():
            dist.all_reduce(total)
        return total

    def all_gather(self, values: Tensor) -> Tensor:
        """The values (...) of all processes, (P, ...) on the CPU.

        Each process adds its own row to zeros, which is exact.
        """
        local = values.detach().cpu()
        if self.world_size == 1:
            return local[None].clone()
        gathered = local.new_zeros(self.world_size, *local.shape)
        gathered[self.rank] = local
        with _peer_lost():
            dist.all_reduce(gathered, group=self.cpu_group)
        return gathered

    def any_process(self, *flags: bool) -> list[bool]:
        """For each flag, whether it is true in any process."""
        if self.world_size == 1:
            return list(flags)
        return [bool(count) for count in self.all_gather(torch.tensor(flags, dtype=torch.int32)).sum(0).tolist()]

    def broadcast_bytes(self, data: bytes) -> bytes:
        """The bytes that process 0 passes, in all processes."""
        if self.world_size == 1:
            return data
        size = int(self.all_gather(torch.tensor(len(data) if self.rank == 0 else 0))[0])
        if size == 0:
            return b""
        buffer = torch.frombuffer(bytearray(data if self.rank == 0 else size), dtype=torch.uint8)
        with _peer_lost():
            dist.broadcast(buffer, 0, group=self.cpu_group)
        return buffer.numpy().tobytes()


SINGLE_PROCESS = ProcessGroup()


@contextlib.contextmanager
def _peer_lost() -> Iterator[None]:
    """Turn a broken connection into PeerLostError."""
    try:
        yield
    except RuntimeError as error:  # gloo raises nothing narrower if a connection breaks
        got = str(error).splitlines()[0][:200]
        do = "the same command continues from the last checkpoint"
        raise PeerLostError("processes", "another one has ended or cannot be reached", got=got, do=do) from error


@contextlib.contextmanager
def join_group(group: ProcessGroup, device: torch.device) -> Iterator[ProcessGroup]:
    """The group, once its processes have connected: over NCCL for gradients on GPUs, over gloo for everything else.

    Raises PeerLostError if another process cannot be reached.
    """
    if group.world_size == 1:
        yield group
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    rendezvous: dict[str, Any] = {} if group.store is None else {"store": group.store}
    with _peer_lost():
        dist.init_process_group(backend, rank=group.rank, world_size=group.world_size, **rendezvous)
        cpu_group = dist.new_group(backend="gloo")
    yield ProcessGroup(group.rank, group.world_size, group.local_rank, group.store, cpu_group)
    dist.destroy_process_group()  # not after an error: it would wait for the other processes
