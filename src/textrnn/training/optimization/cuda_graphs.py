"""Capture whole training steps as CUDA graphs, so that the hundreds of kernels of a small network launch at once.

A graph holds the work of one step over fixed memory: gathering the rows, forward, loss, backward, clipping, Adam, and
the sums of the running metrics. A graph fits one shape of batch, so there is one for each width. In a captured step the
two directions of a layer run at the same time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import nn

from textrnn.common.config.train import Train
from textrnn.errors import ResumableError
from textrnn.modeling.devices.streams import CudaSideStream, directions_beside, indexed, stream_of
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.training.batching.batches import Selected, batch_size, rows_per_batch
from textrnn.training.batching.buckets import RowSelection
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
        """A function that repeats the work. Recording itself does not do the work. Raises RuntimeError if it fails."""


class CudaGraphRecorder:
    """Records CUDA graphs that share one memory pool.

    Sharing is safe in any order of replays: no graph reads what another one left in the pool, gradients included. A
    recorder keeps no graph: each lives as long as its replay.
    """

    def __init__(self, device: torch.device) -> None:
        device = indexed(device)
        self.stream, self.side = stream_of(device, "capture"), CudaSideStream(device)
        self.pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Work) -> None:
        """Do the work on the recorder's streams."""
        current = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream), directions_beside(self.side):
            work()
        current.wait_stream(self.stream)

    def record(self, work: Work) -> Work:
        """Capture the work as a graph; return its replay."""
        graph = torch.cuda.CUDAGraph()
        # thread_local: the thread that prefetches batches may allocate memory meanwhile
        capture = torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local")
        # the outer block restores the current stream, which a failed capture leaves as it is
        with torch.cuda.stream(self.stream):
            try:
                with capture, directions_beside(self.side):
                    work()
            except RuntimeError:
                self._end_failed_capture()
                raise
        return graph.replay

    def _end_failed_capture(self) -> None:
        """Undo what some versions of torch leave behind when a capture could not be ended.

        Its allocator goes on to serve the capture's memory pool, and the generator refuses numbers outside of a
        capture (pytorch/pytorch, pull requests 180395, 173421). The memory of the pool stays reserved.
        """
        index = self.stream.device.index
        with contextlib.suppress(RuntimeError, AttributeError):  # raises if torch has done it
            torch._C._cuda_endAllocateToPool(index, self.pool)
        generator = torch.cuda.default_generators[index]
        generator.graphsafe_set_state(generator.clone_state())  # the same seed and offset, not in a capture


class GraphedTrainStep(TrainStep):
    """Takes the step of a full batch by replaying the graph of its shape, and the step of any other batch as TrainStep.

    The first WARM_UP batches of a shape are real steps on the recorder's stream. Dropout draws the same masks as
    without graphs: a replay starts from the seed and offset that torch.manual_seed left (Note [CUDA Graph-safe RNG
    states] in ATen/cuda/CUDAGeneratorImpl.h), so seeding before a step works for both. Losses and weights equal those
    of TrainStep up to rounding. The optimizer must be `capturable`, and its learning rate a tensor. If a recording
    fails, this and all later steps are those of TrainStep, and one line is logged.
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
        self._recorder: GraphRecorder | None = recorder
        self._size = batch_size(settings)
        self._steps: dict[object, _FixedShapeStep] = {}  # full batches of one width have the same number of rows

    def __call__(self, batch: Selected, learning_rate: float) -> None:
        """Take the step of this batch at this learning rate."""
        # what is gathered in a graph is gathered from the memory of one bucket
        key = batch.bucket if isinstance(batch, RowSelection) else batch.width
        has_graph = key in self._steps or len(self._steps) < MAX_GRAPHS
        if self._recorder is None or not has_graph or len(batch) != rows_per_batch(self._size, batch.width):
            super().__call__(batch, learning_rate)
            return
        self.set_learning_rate(learning_rate)
        if key not in self._steps:
            self._steps[key] = _FixedShapeStep(batch)
        try:
            step: Work | None = self._steps[key].next_step(batch, self, self._recorder)
        except RuntimeError as error:
            self._give_up(error)
            step = None
        # outside of the block, so that the error does not hold the memory of the step that failed
        if step is None:
            super().__call__(batch, learning_rate)
        else:
            step()

    @property
    def graph_count(self) -> int:
        """How many graphs have been recorded and are replayed; 0 once a recording has failed."""
        return sum(step.is_recorded for step in self._steps.values())

    def close(self) -> None:
        """Release the graphs and their memory; later steps are those of TrainStep."""
        self._steps.clear()
        self._recorder = None

    def _give_up(self, error: RuntimeError) -> None:
        self.close()
        self.forget_unfinished_step()
        if isinstance(error, torch.OutOfMemoryError):
            torch.cuda.empty_cache()
        cause = error.__context__ or error  # that the capture could not be ended is only a consequence
        reason = str(cause).partition("\n")[0]
        print(f"CUDA graphs could not be recorded, and steps are taken one kernel at a time: {reason}", flush=True)


class _FixedShapeStep:
    """The fixed input tensors of batches of one shape, and the graph over them once it is recorded."""

    def __init__(self, batch: Selected) -> None:
        # a batch's row numbers stay those of the first one: no step reads them
        self._fixed: Selected = batch.map(torch.clone)
        self._warm_up_steps = 0
        self._replay: Work | None = None

    @property
    def is_recorded(self) -> bool:
        """Whether further steps are replays."""
        return self._replay is not None

    def next_step(self, batch: Selected, train_step: TrainStep, recorder: GraphRecorder) -> Work:
        """The step of this batch: a step of the warm-up, or a replay; raises RuntimeError if a recording fails."""
        for fixed, column in zip(self._fixed.inputs, batch.inputs, strict=True):
            fixed.copy_(column)

        def work() -> None:
            train_step.forward_backward(self._fixed.gather())
            train_step.update()

        if self._warm_up_steps < WARM_UP:
            self._warm_up_steps += 1
            return partial(recorder.warm_up, work)
        if self._replay is None:
            self._replay = recorder.record(work)
        return self._replay


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
