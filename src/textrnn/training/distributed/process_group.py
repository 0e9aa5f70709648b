"""The processes of data-parallel training, and what they exchange: gradients, small tensors, flags and bytes.

Every process holds the whole model and trains on its part of each batch. Shapes: P processes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from textrnn.training.distributed.exchange_errors import report_exchange_errors

# The longest that a process waits for another one. Process 0 alone reads the checksums of the inputs before they
# connect, and saves checkpoints later. It is torch's own limit for NCCL; that for gloo is half an hour.
TIMEOUT = timedelta(minutes=10)


@dataclass(frozen=True)
class ProcessGroup:
    """One of `world_size` processes: `rank` is its number among all, `local_rank` among those of its machine.

    store: where processes that `launch_group` started meet; None under torchrun and for a single process.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    store: Any = None

    def local_slice(self, rows: int) -> slice:
        """This process's rows of a batch: contiguous, and as many as in any other process, or one more or less."""
        return slice(rows * self.rank // self.world_size, rows * (self.rank + 1) // self.world_size)

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over all processes, in one exchange of one flat buffer.

        The sum is bitwise the same in every process. A missing gradient counts as 0. The gradients are copied once,
        into the buffer; afterwards they are views of it. On GPUs nothing waits for the device.
        """
        parameters = list(parameters)
        gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in parameters]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        with report_exchange_errors():
            dist.all_reduce(flat)
        for weight, piece in zip(parameters, flat.split([weight.numel() for weight in parameters]), strict=True):
            weight.grad = piece.view_as(weight)

    def share_weights(self, network: nn.Module) -> None:
        """Replace the weights by those of process 0.

        All processes initialize theirs from one seed, but processors of different kinds may round differently.
        """
        if self.world_size == 1:
            return
        with report_exchange_errors():
            for weight in network.parameters():
                dist.broadcast(weight.data, 0)

    def sum(self, values: Tensor) -> Tensor:
        """The sum of the values of all processes, bitwise the same in each of them, on the values' device."""
        if self.world_size == 1:
            return values
        total = values.detach().clone(memory_format=torch.contiguous_format)
        with report_exchange_errors():
            dist.all_reduce(total)
        return total

    def all_gather(self, values: Tensor) -> Tensor:
        """The values (...) of all processes, (P, ...) on the CPU."""
        local = values.detach().cpu()
        return local[None].clone() if self.world_size == 1 else self._stack(local)

    def gather_rows(self, *tensors: Tensor) -> list[Tensor]:
        """Each tensor's rows of all processes, in order of rank, on its device; all tensors have as many rows.

        Only the numbers of rows go over the CPU, so that on GPUs nothing waits for the device.
        """
        counts: list[int] = self.all_gather(torch.tensor(len(tensors[0]))).tolist()
        if not any(counts):
            return list(tensors)
        longest, gathered = max(counts), []
        for tensor in tensors:
            padded = tensor.new_zeros(longest, *tensor.shape[1:])
            padded[: len(tensor)] = tensor
            stacked = self._stack(padded)
            gathered.append(torch.cat([rows[:count] for rows, count in zip(stacked, counts, strict=True)]))
        return gathered

    def _stack(self, values: Tensor) -> Tensor:
        """The values (...) of all processes, (P, ...), on the values' device."""
        stacked = values.new_empty(self.world_size, *values.shape)
        with report_exchange_errors():
            dist.all_gather(list(stacked), values.contiguous())
        return stacked

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
        with report_exchange_errors():
            dist.broadcast(buffer, 0)
        return buffer.numpy().tobytes()


SINGLE_PROCESS = ProcessGroup()


@contextlib.contextmanager
def join_group(group: ProcessGroup, device: torch.device) -> Iterator[ProcessGroup]:
    """The group, once its processes have connected: tensors on GPUs go over NCCL, all others over gloo.

    Raises the errors of `report_exchange_errors`, PeerLostError if another process cannot be reached.
    """
    if group.world_size == 1:
        yield group
        return
    options: dict[str, Any] = {} if group.store is None else {"store": group.store}
    if device.type == "cuda":
        options["device_id"] = device  # so NCCL connects now: its errors come before the data is loaded
    with report_exchange_errors():
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
            rank=group.rank,
            world_size=group.world_size,
            timeout=TIMEOUT,
            **options,
        )
    yield group
    dist.destroy_process_group()  # not after an error: it would wait for the other processes
