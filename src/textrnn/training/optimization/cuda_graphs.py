"""Capture whole training steps as CUDA graphs, so that the hundreds of kernels of a small network launch at once.

A graph holds the work of one step over fixed memory: forward, loss, backward, clipping, Adam, and the sums of the
running metrics. A graph fits one shape of batch, so there is one for each width.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

import torch
from torch import nn

from textrnn.common.config.train import Train
from textrnn.errors import ResumableError
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import batch_size, rows_per_batch
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.optimization.step import TrainStep

WARM_UP = 3  # steps of a shape before its capture: libraries choose algorithms and workspaces, Adam creates its state
MAX_GRAPHS = 16  # further shapes take their steps without a graph: each graph keeps some memory for good
GRAPHS_VARIABLE = "TEXTRNN_CUDA_GRAPHS"

Work = Callable[[], None]


class GraphRecorder(Protocol):
    """Turns work on fixed tensors into a function that repeats it."""

    def warm_up(self, work: Work) -> None:
        """Do the work in the way in which it will be recorded."""

    def record(self, work: Work) -> Work:
        """A function that repeats the work. Recording itself does not do the work."""


class CudaGraphRecorder:
    """Records CUDA graphs that share one memory pool.

    Sharing is safe in any order of replays: no graph reads what another one left in the pool, gradients included.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Work) -> None:
        """Do the work on the recorder's stream."""
        current = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            work()
        current.wait_stream(self.stream)

    def record(self, work: Work) -> Work:
        """Capture the work as a graph; return its replay."""
        graph = torch.cuda.CUDAGraph()
        # thread_local: the thread that prefetches batches may allocate memory meanwhile
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"):
            work()
        return graph.replay


class GraphedTrainStep(TrainStep):
    """Takes the step of a full batch by replaying the graph of its shape, and the step of any other batch as TrainStep.

    The first WARM_UP batches of a shape are real steps on the recorder's stream. Dropout draws the same masks as
    without graphs: a replay starts from the seed and offset that torch.manual_seed left (Note [CUDA Graph-safe RNG
    states] in ATen/cuda/CUDAGeneratorImpl.h), so seeding before a step works for both. Losses and weights equal those
    of TrainStep up to rounding. The optimizer must be `capturable`, and its learning rate a tensor.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        running_metrics: RunningMetrics,
        settings: Train,
        recorder: GraphRecorder,
    ) -> None:
        super().__init__(network, optimizer, running_metrics, settings)
        self._recorder, self._size = recorder, batch_size(settings)
        self._steps: dict[int, _FixedShapeStep] = {}  # by width: full batches of one width have the same number of rows

    def __call__(self, batch: Batch, learning_rate: float) -> None:
        """Take the step of this batch at this learning rate."""
        has_graph = batch.width in self._steps or len(self._steps) < MAX_GRAPHS
        if not has_graph or len(batch) != rows_per_batch(self._size, batch.width):
            super().__call__(batch, learning_rate)
            return
        self.set_learning_rate(learning_rate)
        if batch.width not in self._steps:
            self._steps[batch.width] = _FixedShapeStep(batch)
        self._steps[batch.width].run(batch, self, self._recorder)


class _FixedShapeStep:
    """The fixed input tensors of batches of one shape, and the graph over them once it is recorded."""

    def __init__(self, batch: Batch) -> None:
        self._fixed = batch.map(torch.clone)  # the row numbers stay those of this batch: no step reads them
        self._warm_up_steps = 0
        self._replay: Work | None = None

    def run(self, batch: Batch, train_step: TrainStep, recorder: GraphRecorder) -> None:
        for fixed, column in zip(self._fixed.inputs, batch.inputs, strict=True):
            fixed.copy_(column)

        def work() -> None:
            train_step.forward_backward(self._fixed)
            train_step.update()

        if self._warm_up_steps < WARM_UP:
            self._warm_up_steps += 1
            recorder.warm_up(work)
            return
        if self._replay is None:
            self._replay = recorder.record(work)
        self._replay()


def make_train_step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    running_metrics: RunningMetrics,
    settings: Train,
    group: ProcessGroup = SINGLE_PROCESS,
) -> TrainStep:
    """A GraphedTrainStep on a GPU, or a plain TrainStep on the CPU, in a group, or if TEXTRNN_CUDA_GRAPHS is 0.

    Several processes exchange gradients in the middle of a step, and adversarial training finds the distinct tokens of
    its batch there; a graph can hold neither. Raises ResumableError if the variable is neither 0 nor 1.
    """
    value = os.environ.get(GRAPHS_VARIABLE, "1")
    if value not in ("0", "1"):
        raise ResumableError(GRAPHS_VARIABLE, "must be 0 or 1", got=repr(value))
    device = next(network.parameters()).device
    if device.type != "cuda" or group.world_size > 1 or settings.adversarial is not None or value == "0":
        return TrainStep(network, optimizer, running_metrics, settings, group)
    return GraphedTrainStep(network, optimizer, running_metrics, settings, CudaGraphRecorder(device))
