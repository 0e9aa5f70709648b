"""The training loop: Adam, a learning-rate schedule, evaluation on dev, best weights, early stopping, checkpoints.

A step depends on the weights, Adam's state, the batch of its number and the seed of its number, and on nothing else. So
a run that is resumed from a checkpoint takes the same steps as a run that was never stopped.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import InitVar, dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Precision, Train
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.modeling.models.running_metrics import RunningMetrics, Score, score_from_sums
from textrnn.modeling.nn.crf import predict_classes
from textrnn.modeling.nn.precision import forward_in_precision
from textrnn.stage import defer_interrupts
from textrnn.training.batching.batches import BatchSize, batch_size, batches, count_batches
from textrnn.training.batching.buckets import AnyBucket, Bucket
from textrnn.training.batching.sampling import make_sampling
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.optimization.cuda_graphs import make_train_step
from textrnn.training.optimization.lr_schedule import learning_rate
from textrnn.training.optimization.step import make_optimizer, seed_step
from textrnn.training.optimization.weight_averaging import WeightAverage
from textrnn.training.trainer.checkpointer import Checkpointer
from textrnn.training.trainer.run_state import DivergedError, EvaluationPoint, RunState, StopReason, encode_run_state

LOSS_CHECK_STEPS = 100  # between two checks that the loss is sound: each waits for the device
GPU_SYNC_STEPS = 16  # between two votes on stopping and saving: in each, all processes wait for each other
MAX_LOSS_FACTOR = 100.0  # times ln(classes), the loss of a uniform prediction; above this the loss explodes

ResumePoint = tuple[RunState, dict[str, Tensor]]


@dataclass(frozen=True)
class TrainingOutcome:
    """The result of a run, whose network holds the weights of `best_step`.

    stopped_by: why the run stopped early; None if it took the steps of all epochs.
    """

    steps: int
    epochs: float
    best_step: int
    dev_loss: float
    dev_accuracy: float
    stopped_by: StopReason | None


@torch.no_grad()
def evaluate_loss(
    network: nn.Module,
    buckets: Sequence[AnyBucket],
    size: BatchSize,
    class_weights: Tensor | None,
    precision: Precision = "float32",
    group: ProcessGroup = SINGLE_PROCESS,
) -> Score:
    """Loss and accuracy over all rows, without dropout; in a group of P processes each takes every P-th batch."""
    network.eval()
    running_metrics = RunningMetrics.for_network(network, class_weights)
    for batch in islice(batches(buckets, size), group.rank, None, group.world_size):
        logits = forward_in_precision(network, batch.ids, batch.lengths, precision)
        predictions = predict_classes(network, logits, batch.targets != IGNORED_TAG)
        running_metrics.update(logits, batch.targets, predictions=predictions)
    network.train()
    return score_from_sums(group.all_gather(running_metrics.sums).sum(0))


def train_model(
    network: nn.Module,
    train_buckets: Sequence[AnyBucket],
    dev_buckets: Sequence[AnyBucket],
    settings: Train,
    class_weights: Tensor | None,
    on_evaluation: Callable[[EvaluationPoint], None],
    on_step: Callable[[int, int], None] = lambda *_: None,
    *,
    group: ProcessGroup = SINGLE_PROCESS,
    checkpointer: Checkpointer | None = None,
    resume_from: ResumePoint | None = None,
) -> TrainingOutcome:
    """Train the network in place, and leave it with the weights that were best on dev.

    train_buckets, dev_buckets: on the network's device; for `distill` train has soft targets.
    on_evaluation: called after each evaluation with its result. on_step: called after each batch with the step's number
    and the batch's rows.
    group: every process calls this function with the same arguments, and the network ends up the same in all.
    checkpointer: saves the run from time to time, and on Ctrl-C or SIGTERM once the current step is done.
    resume_from: the state to continue from; the run updates it in place. The result is that of a run that was never
    stopped: bitwise on the same CPU with as many threads and processes, otherwise up to rounding.
    Raises DivergedError if the loss is not finite or explodes, PeerLostError if another process of the group has ended,
    and KeyboardInterrupt.
    """
    state, tensors = resume_from or (RunState(), {})
    run = _TrainingRun(network, train_buckets, dev_buckets, settings, class_weights, group, state, tensors)
    network.train()
    with defer_interrupts() as interrupted:
        for batch in run.batches():
            run.train_batch(batch)
            on_step(run.state.step, len(batch))
            checkpoint_due = checkpointer is not None and checkpointer.is_due()
            stop, save, out_of_time = run.agree_on(interrupted() is not None, checkpoint_due)
            run.evaluate_if_due(out_of_time, on_evaluation)
            if stop or save:
                run.save_checkpoint(checkpointer)
            if stop:
                raise interrupted() or KeyboardInterrupt
        if group.any_process(interrupted() is not None)[0]:  # it came in the last evaluation
            run.save_checkpoint(checkpointer)
            raise interrupted() or KeyboardInterrupt
    return run.finish()


@dataclass(eq=False)
class _TrainingRun:
    """A run between two steps: its parts and its progress."""

    network: nn.Module
    train_buckets: Sequence[AnyBucket]
    dev_buckets: Sequence[AnyBucket]
    settings: Train
    class_weights: Tensor | None
    group: ProcessGroup
    state: RunState
    tensors: InitVar[dict[str, Tensor]]  # of the checkpoint to resume from, or empty

    def __post_init__(self, tensors: dict[str, Tensor]) -> None:
        settings = self.settings
        self.size = batch_size(settings)
        self.sampling = make_sampling(self.train_buckets, settings)
        self.steps_per_epoch = count_batches(self.train_buckets, self.size, settings.drop_last, self.sampling)
        self.device = next(self.network.parameters()).device
        self.running_metrics = RunningMetrics.for_network(
            self.network, self.class_weights, settings.label_smoothing, settings.distill
        )
        optimizer = make_optimizer(self.network, settings)
        self.average = WeightAverage(self.network, settings.average)
        self.train_step = make_train_step(self.network, optimizer, self.running_metrics, settings, self.group)
        self.started = time.monotonic() - self.state.seconds
        if tensors:
            self._restore(tensors)

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        self.train_step.load_state_dict(tensors)
        self.average.load_state_dict(tensors)
        sums = tensors["running_metrics"]  # (P, 4), of the processes that saved it
        if len(sums) != self.group.world_size:
            sums = torch.cat((sums.sum(0)[None], sums.new_zeros(self.group.world_size - 1, 4)))
        self.running_metrics.sums.copy_(sums[self.group.rank])

    def batches(self) -> Iterator[Bucket]:
        """The remaining batches, until the run is over or stops early."""
        options: dict[str, Any] = {"drop_last": self.settings.drop_last, "sampling": self.sampling}
        first, start = divmod(self.state.step, self.steps_per_epoch)
        for epoch in range(first, self.settings.epochs):
            shuffle = (self.settings.seed, epoch) if self.settings.shuffle else None
            for batch in batches(self.train_buckets, self.size, shuffle=shuffle, start=start, **options):
                if self.state.stopped_by is not None:
                    return
                yield batch
            start = 0

    def train_batch(self, batch: Bucket) -> None:
        """Take one step."""
        seed_step(self.device, self.settings.seed, self.state.step, self.group.rank)
        self.train_step(batch, learning_rate(self.settings, self.state.step, self.steps_per_epoch))
        self.state.step += 1
        self.average.update(self.state.step, self.steps_per_epoch)
        self.state.rows += len(batch)
        self.state.seconds = time.monotonic() - self.started

    def agree_on(self, stop: bool, save: bool) -> list[bool]:
        """Whether any process has to stop, whether any wants to save, and whether process 0 has reached its time limit.

        On GPUs the processes vote only every GPU_SYNC_STEPS steps.
        """
        if self.group.world_size > 1 and self.device.type == "cuda" and self.state.step % GPU_SYNC_STEPS:
            return [False, False, False]
        limit = self.settings.time_limit_seconds
        out_of_time = limit is not None and self.group.rank == 0 and self.state.seconds >= limit
        return self.group.any_process(stop, save, out_of_time)

    def evaluate_if_due(self, out_of_time: bool, on_evaluation: Callable[[EvaluationPoint], None]) -> None:
        """Evaluate if it is time to, and decide whether to stop; otherwise check the loss now and then."""
        step, interval = self.state.step, self.settings.evaluate_every or self.steps_per_epoch
        if out_of_time or step % interval == 0 or step % self.steps_per_epoch == 0:
            on_evaluation(self._evaluate())
            self._decide_stop(out_of_time)
        elif step % LOSS_CHECK_STEPS == 0:
            self._train_score()

    def _evaluate(self) -> EvaluationPoint:
        """Evaluate at this step, reset the running metrics, and keep the weights if they are the best so far."""
        train, size, precision = self._train_score(), self.size, self.settings.precision
        self.running_metrics.reset()
        with self.average.applied():
            dev = evaluate_loss(self.network, self.dev_buckets, size, self.class_weights, precision, self.group)
            epoch = self.state.step / self.steps_per_epoch
            point = EvaluationPoint(self.state.step, epoch, train, self._check_finite(dev))
            self.state.points.append(point)
            if self.state.best is None or point.dev.beats(self.state.best.dev, self.settings.monitor):
                self.state.best, self.state.best_weights = point, copy.deepcopy(self.network.state_dict())
        return point

    def _decide_stop(self, out_of_time: bool) -> None:
        """After an evaluation: stop if patience or time has run out before the last step."""
        assert self.state.best is not None
        patience = self.settings.patience
        if patience is not None and self.state.step - self.state.best.step >= patience:
            self.state.stopped_by = "patience"
        elif out_of_time and self.state.step < self.settings.epochs * self.steps_per_epoch:
            self.state.stopped_by = "time_limit"

    def _train_score(self) -> Score:
        """The score on train since the last evaluation. Raises DivergedError if the loss is not finite or explodes."""
        score = self._check_finite(score_from_sums(self.group.all_gather(self.running_metrics.sums).sum(0)))
        classes = int(self.group.all_gather(torch.tensor(self.running_metrics.classes)).max())
        if score.loss > MAX_LOSS_FACTOR * math.log(max(classes, 2)):
            where = f"training, batch {self.state.step}"
            do = "try a smaller train.learning_rate, train.clip_norm, or model.readout last_valid instead of last_step"
            raise DivergedError(where, "the loss explodes", got=f"a mean of {score.loss:.4g}", do=do)
        return score

    def _check_finite(self, score: Score) -> Score:
        if not math.isfinite(score.loss):
            rate = learning_rate(self.settings, self.state.step - 1, self.steps_per_epoch)
            where = f"training, batch {self.state.step}"
            got = f"{score.loss} at learning rate {rate}"
            do = "try a smaller train.learning_rate, or train.clip_norm"
            raise DivergedError(where, "the loss is no longer finite", got=got, do=do)
        return score

    def save_checkpoint(self, checkpointer: Checkpointer | None) -> None:
        """Save the run. All processes call this; the one that has a checkpointer writes."""
        sums = {"running_metrics": self.group.all_gather(self.running_metrics.sums)}
        if checkpointer is not None:
            tensors = self.train_step.state_dict() | self.average.state_dict() | sums
            checkpointer.save(self.state.step, encode_run_state(self.state, tensors))

    def finish(self) -> TrainingOutcome:
        """Give the network its best weights; return the outcome."""
        state = self.state
        state.seconds = time.monotonic() - self.started
        assert state.best is not None
        self.network.load_state_dict(state.best_weights)
        best = state.best
        epochs = state.step / self.steps_per_epoch
        return TrainingOutcome(state.step, epochs, best.step, best.dev.loss, best.dev.accuracy, state.stopped_by)
