"""Whole training steps as CUDA graphs: a step of a small network is hundreds of kernels, launched one by one no more.

A graph holds the work of one step over fixed memory: forward, loss, backward, clipping, Adam, and the tally's sums.
It is of one shape of batch, so there is one for each width.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

import torch
from torch import nn

from textrnn.common.config.train import Train
from textrnn.errors import ResumableError
from textrnn.modeling.models.loss import RunningLoss
from textrnn.training.batching.batches import batch_size, rows_per_batch
from textrnn.training.batching.buckets import Bucket
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.optimization.step import TrainStep

WARM_UP = 3  # steps of a shape before its graph: libraries choose algorithms and take workspaces, Adam makes its state
MAX_GRAPHS = 16  # more shapes than that take their steps without one: each graph keeps some memory for good
SWITCH = "TEXTRNN_CUDA_GRAPHS"

Work = Callable[[], None]


class GraphRecorder(Protocol):
    """What turns work on fixed tensors into something that does it again at once."""

    def warm_up(self, work: Work) -> None:
        """Do the work as it will be recorded."""

    def record(self, work: Work) -> Work:
        """What does the work again; recording does not do it."""


class CudaGraphRecorder:
    """Records CUDA graphs that share one pool of memory.

    Sharing is safe in any order of replays: what a graph leaves in the pool, gradients among it, none reads after it.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Work) -> None:
        outside = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(outside)
        with torch.cuda.stream(self.stream):
            work()
        outside.wait_stream(self.stream)

    def record(self, work: Work) -> Work:
        graph = torch.cuda.CUDAGraph()
        # thread_local: the thread that sends batches ahead may take memory meanwhile
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"):
            work()
        return graph.replay


class GraphedTrainStep(TrainStep):
    """Takes the step of a full batch by replaying its shape's graph; of any other batch as Stepper does.

    The first WARM_UP batches of a shape are real steps on the recorder's stream. Dropout draws what it draws without
    graphs: a replay starts from the seed and offset that torch.manual_seed left (Note [CUDA Graph-safe RNG states] in
    ATen/cuda/CUDAGeneratorImpl.h), so seeding before a step holds for both. Losses and weights are those of Stepper
    to rounding. The optimizer is `capturable`, and its rate a tensor.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        tally: RunningLoss,
        settings: Train,
        recorder: GraphRecorder,
    ) -> None:
        super().__init__(network, optimizer, tally, settings)
        self._recorder, self._size = recorder, batch_size(settings)
        self._shapes: dict[int, _Shape] = {}  # by width: full batches of a width have one number of rows

    def __call__(self, batch: Bucket, rate: float) -> None:
        known = batch.width in self._shapes or len(self._shapes) < MAX_GRAPHS
        if not known or len(batch) != rows_per_batch(self._size, batch.width):
            super().__call__(batch, rate)
            return
        self.set_rate(rate)
        shape = self._shapes.setdefault(batch.width, _Shape(self, batch))
        shape.step(batch, self._recorder)


class _Shape:
    """The fixed tensors of batches of one shape, and the graph over them once there is one."""

    def __init__(self, stepper: TrainStep, batch: Bucket) -> None:
        self._stepper = stepper
        self._inputs = tuple(torch.empty_like(column) for column in batch.inputs)
        self._taken = 0
        self._replay: Work | None = None

    def step(self, batch: Bucket, recorder: GraphRecorder) -> None:
        for fixed, column in zip(self._inputs, batch.inputs, strict=True):
            fixed.copy_(column)
        if self._taken < WARM_UP:
            self._taken += 1
            recorder.warm_up(self._work)
            return
        if self._replay is None:
            self._replay = recorder.record(self._work)
        self._replay()

    def _work(self) -> None:
        self._stepper.forward_backward(*self._inputs)
        self._stepper.update()


def make_train_step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    tally: RunningLoss,
    settings: Train,
    group: ProcessGroup = SINGLE_PROCESS,
) -> TrainStep:
    """A Stepper with CUDA graphs on a GPU, unless TEXTRNN_CUDA_GRAPHS is 0 or several processes train together.

    Several processes exchange gradients in the middle of a step, which no graph holds. Raises Unfinished for another
    value of the variable than 0 or 1.
    """
    switch = os.environ.get(SWITCH, "1")
    if switch not in ("0", "1"):
        raise ResumableError(SWITCH, "must be 0 or 1", got=repr(switch))
    device = next(network.parameters()).device
    if device.type != "cuda" or group.count > 1 or switch == "0":
        return TrainStep(network, optimizer, tally, settings, group)
    return GraphedTrainStep(network, optimizer, tally, settings, CudaGraphRecorder(device))
