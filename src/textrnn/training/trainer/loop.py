"""The trainer: one step per batch, evaluations on dev, the best weights at the end.

A step depends on the weights, Adam's state, the batch of its number and the seed of its number, and on nothing else. So
a run that is resumed from a checkpoint takes the same steps as a run that was never stopped. What else a run does, such
as saving checkpoints, stopping early and printing, its callbacks do.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Train
from textrnn.interrupts import defer_interrupts
from textrnn.modeling.models.f1_counts import F1Counts
from textrnn.modeling.models.running_metrics import RunningMetrics, Score, score_from_sums
from textrnn.training.batching.batches import Epochs, Selected
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.optimization.cuda_graphs import make_train_step
from textrnn.training.optimization.lr_schedule import learning_rate
from textrnn.training.optimization.step import make_optimizer, seed_step
from textrnn.training.optimization.weight_averaging import WeightAverage
from textrnn.training.trainer.evaluation import evaluate_loss, shared_evaluation_size
from textrnn.training.trainer.run_state import (
    RUNNING_SUMS,
    Actions,
    Checkpoint,
    EvaluationPoint,
    RunState,
    StopReason,
    TrainingOutcome,
    check_explosion,
    check_finite,
)

LOSS_CHECK_STEPS = 100  # between two checks that the loss is finite: each waits for the device
GPU_SYNC_STEPS = 16  # between two votes on requests: in each, all processes wait for each other

Network = TypeVar("Network", bound=nn.Module)
Received = Callable[[], type[KeyboardInterrupt] | None]  # the interrupt that was received, or None


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The buckets of train and dev, on the network's device, and the weight of each class in the loss, (C,) or None.

    dev_f1: what counts the F1 score of dev, for taggers and where it is monitored; else None. For `distill` the buckets
    of train have soft targets. Without buckets of dev a run has no evaluations, and ends with its last weights.
    """

    train: Sequence[AnyBucket]
    dev: Sequence[AnyBucket]
    class_weights: Tensor | None = None
    dev_f1: F1Counts | None = None


class Callback:
    """What a run does besides training. A subclass overrides the methods of the events that it needs."""

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step; the state is empty, or that of the checkpoint that the run resumes from."""

    def on_step_end(self, trainer: Trainer, batch: Selected) -> None:
        """After each step. It may set an action in `trainer.requests`: if one process asks for it, all do it."""

    def on_evaluation(self, trainer: Trainer, point: EvaluationPoint) -> None:
        """After each evaluation."""

    def on_save(self, trainer: Trainer, checkpoint: Checkpoint) -> None:
        """When a checkpoint was requested, in all processes. The next step overwrites its tensors: do not keep them."""

    def on_end(self, trainer: Trainer) -> None:
        """After the last step, or after the exception that ended the run."""


class Trainer(Generic[Network]):
    """Trains a network in place, and leaves it with the weights that were best on dev.

    group: every process builds the same trainer, callbacks aside. On equal machines its network ends the same in all.
    checkpoint: where the run continues. The result is that of a run that was never stopped: bitwise on the same CPU
    with as many threads and processes, otherwise up to rounding.
    schedule: the learning rate of each step, counted from 0; None for that of the settings.
    requests: the actions that callbacks of this process ask for; they stay until the next vote of the processes.
    """

    def __init__(
        self,
        network: Network,
        data: TrainingData,
        settings: Train,
        *,
        callbacks: Sequence[Callback] = (),
        group: ProcessGroup = SINGLE_PROCESS,
        checkpoint: Checkpoint | None = None,
        schedule: Callable[[int], float] | None = None,
    ) -> None:
        self.network, self.data, self.settings = network, data, settings
        self.callbacks, self.group, self.requests = callbacks, group, Actions()
        self.device = next(network.parameters()).device
        self.epochs = Epochs(data.train, settings)
        self.learning_rate = schedule or partial(learning_rate, settings, steps_per_epoch=self.epochs.steps)
        self.running_metrics = RunningMetrics.for_network(
            network, data.class_weights, smoothing=settings.label_smoothing, distill=settings.distill
        )
        optimizer = make_optimizer(network, settings)
        self.train_step = make_train_step(network, optimizer, self.running_metrics, settings, group)
        self.average = WeightAverage(network, settings.average)
        self._evaluation_size = shared_evaluation_size(self.device, group)
        self.state = RunState()
        if checkpoint is not None:
            self._restore(checkpoint)

    def fit(self) -> None:
        """Take the steps of all epochs, or until a callback stops the run.

        Raises DivergedError if the loss is not finite or explodes, PeerLostError if another process of the group has
        ended, and KeyboardInterrupt after Ctrl-C or SIGTERM. An interrupt during the steps waits until the current one
        is done and its checkpoint was handed to the callbacks; any other ends the run at once.
        """
        self._started, first_step = time.monotonic() - self.state.seconds, self.state.step
        self.network.train()
        with ExitStack() as started:
            started.callback(self.train_step.close)
            for callback in self.callbacks:
                started.callback(callback.on_end, self)
                callback.on_start(self)
            with defer_interrupts() as received:
                for batch in self._remaining_batches():
                    self._run_step(batch, received)
                if self.group.any_process(received() is not None)[0]:  # it came in the last evaluation
                    if self.state.step > first_step:  # else the checkpoint that the run was resumed from is as good
                        self._save()
                    raise received() or KeyboardInterrupt
            if (interrupt := received()) is not None:  # it came since the vote
                raise interrupt
            self._read_clock()
            if self.state.best is not None:
                self.network.load_state_dict(self.state.best_weights)

    @property
    def total_steps(self) -> int:
        """The steps of all epochs."""
        return self.settings.epochs * self.epochs.steps

    @property
    def total_rows(self) -> int:
        """The rows of all epochs."""
        return self.settings.epochs * self.epochs.rows

    @property
    def outcome(self) -> TrainingOutcome:
        """The outcome of a finished run that had evaluations."""
        return self.state.outcome(self.epochs.steps)

    def stop(self, reason: StopReason) -> None:
        """Stop after this step; every process of a group must call it. The first reason counts."""
        self.state.stopped_by = self.state.stopped_by or reason

    def _remaining_batches(self) -> Iterator[Selected]:
        """The batches from the state's step on, until the run is over or stopped."""
        first, start = divmod(self.state.step, self.epochs.steps)
        for epoch in range(first, self.settings.epochs):
            for batch in self.epochs.selections(epoch, start):
                if self.state.stopped_by is not None:
                    return
                yield batch
            start = 0

    def _run_step(self, batch: Selected, received: Received) -> None:
        """Take a step, and do what the callbacks, the settings or an interrupt ask for after it."""
        self._take_step(batch)
        self._call(lambda callback: callback.on_step_end(self, batch))
        agreed = self._vote(received() is not None)
        if self._evaluation_is_due(agreed):
            point = self._evaluate()
            self._call(lambda callback: callback.on_evaluation(self, point))
        elif self.state.step % LOSS_CHECK_STEPS == 0:
            self._train_score()
        if agreed.out_of_time and self.state.step < self.total_steps:
            self.stop("time_limit")
        if agreed.save or agreed.interrupt:
            self._save()
        if agreed.interrupt:
            raise received() or KeyboardInterrupt

    def _call(self, event: Callable[[Callback], None]) -> None:
        for callback in self.callbacks:
            event(callback)

    def _take_step(self, batch: Selected) -> None:
        seed_step(self.device, self.settings.seed, self.state.step, self.group.rank)
        self.train_step(batch, self.learning_rate(self.state.step))
        self.state.step += 1
        self.average.update(self.state.step, self.epochs.steps)
        self.state.rows += len(batch)
        self._read_clock()

    def _read_clock(self) -> None:
        self.state.seconds = time.monotonic() - self._started

    def _vote(self, interrupted: bool) -> Actions:
        """The actions that any process asks for. On GPUs in a group the requests wait for the next GPU_SYNC_STEPS."""
        if self.group.world_size > 1 and self.device.type == "cuda" and self.state.step % GPU_SYNC_STEPS:
            return Actions()
        own, self.requests = self.requests, Actions()
        own.interrupt |= interrupted
        return own.of_any(self.group)

    def _evaluation_is_due(self, agreed: Actions) -> bool:
        step, interval = self.state.step, self.settings.evaluate_every or self.epochs.steps
        due = agreed.evaluate or agreed.out_of_time or step % interval == 0 or step % self.epochs.steps == 0
        return due and bool(self.data.dev)

    def _evaluate(self) -> EvaluationPoint:
        """Evaluate at this step, reset the running metrics, and keep the weights if they are the best so far."""
        train, state, settings = self._train_score(), self.state, self.settings
        self.running_metrics.reset()
        with self.average.applied():
            size, data, precision = self._evaluation_size, self.data, settings.precision
            dev = evaluate_loss(self.network, data.dev, size, data.class_weights, precision, self.group, f1=data.dev_f1)
            self._check_finite(dev)
            point = EvaluationPoint(step=state.step, epoch=state.step / self.epochs.steps, train=train, dev=dev)
            state.points.append(point)
            if state.best is None or dev.beats(state.best.dev, settings.monitor):
                state.best, state.best_weights = point, copy.deepcopy(self.network.state_dict())
        return point

    def _train_score(self) -> Score:
        """The score on train since the last evaluation. Raises DivergedError if the loss is not finite or explodes."""
        score = score_from_sums(self.group.all_gather(self.running_metrics.sums).sum(0))
        self._check_finite(score)
        classes = int(self.group.all_gather(torch.tensor(self.running_metrics.classes)).max())
        check_explosion(score, classes, self.state.step)
        return score

    def _check_finite(self, score: Score) -> None:
        check_finite(score, self.state.step, self.learning_rate(self.state.step - 1))

    def _save(self) -> None:
        """Hand a checkpoint to the callbacks. All processes call this, as the running metrics are gathered from all."""
        sums = {RUNNING_SUMS: self.group.all_gather(self.running_metrics.sums)}
        checkpoint = Checkpoint(self.state.copy(), self.train_step.state_dict() | self.average.state_dict() | sums)
        self._call(lambda callback: callback.on_save(self, checkpoint))

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.state = checkpoint.state.copy()
        if checkpoint.tensors:
            self.train_step.load_state_dict(checkpoint.tensors)
            self.average.load_state_dict(checkpoint.tensors)
            self.running_metrics.sums.copy_(checkpoint.running_sums(self.group))
