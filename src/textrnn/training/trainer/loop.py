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

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Train
from textrnn.modeling.models.running_metrics import RunningMetrics, Score, score_from_sums
from textrnn.stage import defer_interrupts
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import Epochs, batch_size
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.optimization.cuda_graphs import make_train_step
from textrnn.training.optimization.lr_schedule import learning_rate
from textrnn.training.optimization.step import make_optimizer, seed_step
from textrnn.training.optimization.weight_averaging import WeightAverage
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.run_state import (
    Checkpoint,
    EvaluationPoint,
    RunState,
    StopReason,
    TrainingOutcome,
    check_explosion,
    check_finite,
)

LOSS_CHECK_STEPS = 100  # between two checks that the loss is sound: each waits for the device
GPU_SYNC_STEPS = 16  # between two votes on requests: in each, all processes wait for each other


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The buckets of train and dev, on the network's device, and the weight of each class in the loss, (C,) or None.

    For `distill` the buckets of train have soft targets. Without buckets of dev a run has no evaluations, and
    ends with its last weights.
    """

    train: Sequence[AnyBucket]
    dev: Sequence[AnyBucket]
    class_weights: Tensor | None = None


@dataclass
class Requests:
    """What callbacks ask for after a step. If one process of a group asks for it, all processes do it.

    save: a checkpoint. finish: an evaluation now, after which the run may stop. interrupt: a checkpoint, and then the
    end of the run without a result.
    """

    save: bool = False
    finish: bool = False
    interrupt: bool = False


class Callback:
    """What a run does besides training. A subclass overrides the methods of the events that it needs."""

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step; the state is empty, or that of the checkpoint that the run resumes from."""

    def on_step_end(self, trainer: Trainer, batch: Batch) -> None:
        """After each step. It may set `trainer.requests`."""

    def on_evaluation(self, trainer: Trainer, point: EvaluationPoint) -> None:
        """After each evaluation."""

    def on_save(self, trainer: Trainer, checkpoint: Checkpoint) -> None:
        """When a checkpoint was requested, in all processes."""

    def on_end(self, trainer: Trainer) -> None:
        """After the last step, or after the exception that ended the run."""


class Trainer:
    """Trains a network in place, and leaves it with the weights that were best on dev.

    group: every process builds the same trainer, callbacks aside, and the network ends up the same in all.
    checkpoint: where the run continues. The result is that of a run that was never stopped: bitwise on the same CPU
    with as many threads and processes, otherwise up to rounding.
    schedule: the learning rate of each step, counted from 0; None for that of the settings.
    """

    def __init__(
        self,
        network: nn.Module,
        data: TrainingData,
        settings: Train,
        *,
        callbacks: Sequence[Callback] = (),
        group: ProcessGroup = SINGLE_PROCESS,
        checkpoint: Checkpoint | None = None,
        schedule: Callable[[int], float] | None = None,
    ) -> None:
        self.network, self.data, self.settings = network, data, settings
        self.callbacks, self.group, self.requests = callbacks, group, Requests()
        self.device = next(network.parameters()).device
        self.epochs = Epochs(data.train, settings)
        self.learning_rate = schedule or partial(learning_rate, settings, steps_per_epoch=self.epochs.steps)
        self.running_metrics = RunningMetrics.for_network(
            network, data.class_weights, settings.label_smoothing, settings.distill
        )
        optimizer = make_optimizer(network, settings)
        self.average = WeightAverage(network, settings.average)
        self.train_step = make_train_step(network, optimizer, self.running_metrics, settings, group)
        self.state = RunState()
        if checkpoint is not None:
            self._restore(checkpoint)

    def fit(self) -> None:
        """Take the steps of all epochs, or until a callback stops the run.

        Raises DivergedError if the loss is not finite or explodes, PeerLostError if another process of the group has
        ended, and KeyboardInterrupt, once the current step is done and saved, after Ctrl-C or SIGTERM.
        """
        self._started = time.monotonic() - self.state.seconds
        self.network.train()
        with defer_interrupts() as interrupted, ExitStack() as ended:
            for callback in self.callbacks:
                ended.callback(callback.on_end, self)
                callback.on_start(self)
            for batch in self._remaining_batches():
                self._take_step(batch)
                self._agree_on_requests(interrupted() is not None)
                if self._evaluation_is_due():
                    self._evaluate()
                elif self.state.step % LOSS_CHECK_STEPS == 0:
                    self._train_score()
                if self.requests.save or self.requests.interrupt:
                    self._save()
                if self.requests.interrupt:
                    raise interrupted() or KeyboardInterrupt
            if self.group.any_process(interrupted() is not None)[0]:  # it came in the last evaluation
                self._save()
                raise interrupted() or KeyboardInterrupt
            self._load_best_weights()

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

    def _remaining_batches(self) -> Iterator[Batch]:
        """The batches from the state's step on, until the run is over or stopped."""
        first, start = divmod(self.state.step, self.epochs.steps)
        for epoch in range(first, self.settings.epochs):
            for batch in self.epochs.batches(epoch, start):
                if self.state.stopped_by is not None:
                    return
                yield batch
            start = 0

    def _take_step(self, batch: Batch) -> None:
        state = self.state
        seed_step(self.device, self.settings.seed, state.step, self.group.rank)
        self.train_step(batch, self.learning_rate(state.step))
        state.step += 1
        self.average.update(state.step, self.epochs.steps)
        state.rows += len(batch)
        state.seconds = time.monotonic() - self._started
        self.requests = Requests()
        for callback in self.callbacks:
            callback.on_step_end(self, batch)

    def _agree_on_requests(self, interrupted: bool) -> None:
        """Replace this process's requests by those of any process; on GPUs only every GPU_SYNC_STEPS steps."""
        own, self.requests = self.requests, Requests()
        if self.group.world_size == 1 or self.device.type != "cuda" or self.state.step % GPU_SYNC_STEPS == 0:
            save, finish, interrupt = self.group.any_process(own.save, own.finish, own.interrupt or interrupted)
            self.requests = Requests(save=save, finish=finish, interrupt=interrupt)

    def _evaluation_is_due(self) -> bool:
        step, interval = self.state.step, self.settings.evaluate_every or self.epochs.steps
        due = self.requests.finish or step % interval == 0 or step % self.epochs.steps == 0
        return due and bool(self.data.dev)

    def _evaluate(self) -> None:
        """Evaluate at this step, reset the running metrics, and keep the weights if they are the best so far."""
        train, state, settings = self._train_score(), self.state, self.settings
        self.running_metrics.reset()
        with self.average.applied():
            size, weights = batch_size(settings), self.data.class_weights
            dev = evaluate_loss(self.network, self.data.dev, size, weights, settings.precision, self.group)
            self._check_finite(dev)
            point = EvaluationPoint(state.step, state.step / self.epochs.steps, train, dev)
            state.points.append(point)
            if state.best is None or dev.beats(state.best.dev, settings.monitor):
                state.best, state.best_weights = point, copy.deepcopy(self.network.state_dict())
        for callback in self.callbacks:
            callback.on_evaluation(self, point)

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
        sums = {"running_metrics": self.group.all_gather(self.running_metrics.sums)}
        checkpoint = Checkpoint(self.state, self.train_step.state_dict() | self.average.state_dict() | sums)
        for callback in self.callbacks:
            callback.on_save(self, checkpoint)

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.state = checkpoint.state
        if not checkpoint.tensors:  # that of a finished run, which takes no more steps
            return
        self.train_step.load_state_dict(checkpoint.tensors)
        self.average.load_state_dict(checkpoint.tensors)
        sums = checkpoint.tensors["running_metrics"]  # (P, 4), of the processes that saved it
        if len(sums) != self.group.world_size:
            sums = torch.cat((sums.sum(0)[None], sums.new_zeros(self.group.world_size - 1, 4)))
        self.running_metrics.sums.copy_(sums[self.group.rank])

    def _load_best_weights(self) -> None:
        self.state.seconds = time.monotonic() - self._started
        if self.state.best is not None:
            self.network.load_state_dict(self.state.best_weights)
