"""The training loop: Adam, a schedule, evaluation on dev, the best weights by dev, early stopping, checkpoints.

A step hangs on the weights, Adam's state, the batch of its number and a seed of its number, and on nothing else: a run
that goes on from a kept state takes the very steps that it would have taken.
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
from textrnn.modeling.models.loss import RunningLoss, Score, score_of
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

LOSS_CHECK_STEPS = 100  # between two looks at whether the loss is still one: each waits for the device
GPU_SYNC_STEPS = 16  # between two questions whether any process wants to stop or to save: all wait for each other
EXPLODED = 100.0  # times ln(classes), which is the loss of a guess

ResumePoint = tuple[RunState, dict[str, Tensor]]


@dataclass(frozen=True)
class TrainingOutcome:
    """What a run came to; the model holds the weights of `best_step` when it ends.

    stopped_by: None where it took the steps of all epochs.
    """

    steps: int
    epochs: float
    best_step: int
    dev_loss: float
    dev_accuracy: float
    stopped_by: StopReason | None


@torch.no_grad()
def evaluate_loss(
    model: nn.Module,
    rows: Sequence[AnyBucket],
    size: BatchSize,
    weights: Tensor | None,
    precision: Precision = "float32",
    group: ProcessGroup = SINGLE_PROCESS,
) -> Score:
    """Loss and accuracy over all rows, without dropout; of P processes each takes every P-th batch."""
    model.eval()
    tally = RunningLoss.of(model, weights)
    for batch in islice(batches(rows, size), group.rank, None, group.count):
        logits = forward_in_precision(model, batch.ids, batch.lengths, precision)
        tally.loss(logits, batch.targets, guess=predict_classes(model, logits, batch.targets != IGNORED_TAG))
    model.train()
    return score_of(group.gather(tally.sums).sum(0))


def train_model(
    model: nn.Module,
    rows: Sequence[AnyBucket],
    dev: Sequence[AnyBucket],
    settings: Train,
    weights: Tensor | None,
    report: Callable[[EvaluationPoint], None],
    on_step: Callable[[int, int], None] = lambda *_: None,
    *,
    group: ProcessGroup = SINGLE_PROCESS,
    keeper: Checkpointer | None = None,
    kept: ResumePoint | None = None,
) -> TrainingOutcome:
    """Train the model in place and leave it with the weights that dev liked best.

    rows and dev lie on the model's device; for `distill` rows have soft targets. `report` is called at every
    evaluation, `on_step` after every batch with its number and its rows. In a group each process calls this with the
    same arguments; the model ends the same in all. keeper: keeps the state from time to time, and when Ctrl-C or
    SIGTERM comes, after the step that it comes in. kept: the state to go on from; it is in it that the run counts. The
    result is then that of a run without a stop, to the bit on the same CPU with as many threads and processes, else to
    rounding.
    Raises DivergedError when the loss is no number or explodes, PeerLost when another process of the group has ended,
    and KeyboardInterrupt.
    """
    run = _Run(model, rows, dev, settings, weights, group, *(kept or (RunState(), {})))
    model.train()
    with defer_interrupts() as asked:
        for batch in run.batches():
            run.take(batch)
            on_step(run.state.step, len(batch))
            stop, save, late = run.ask(asked() is not None, keeper is not None and keeper.due())
            run.look(late, report)
            if stop or save:
                run.keep(keeper)
            if stop:
                raise asked() or KeyboardInterrupt
        if group.any(asked() is not None)[0]:  # it came in the last evaluation
            run.keep(keeper)
            raise asked() or KeyboardInterrupt
    return run.outcome()


@dataclass(eq=False)
class _Run:
    """A run between two steps: what it consists of, and how far it is."""

    model: nn.Module
    rows: Sequence[AnyBucket]
    dev: Sequence[AnyBucket]
    settings: Train
    weights: Tensor | None
    group: ProcessGroup
    state: RunState
    tensors: InitVar[dict[str, Tensor]]  # to go on from, or none

    def __post_init__(self, tensors: dict[str, Tensor]) -> None:
        self.size = batch_size(self.settings)
        self.sampling = make_sampling(self.rows, self.settings)
        self.per_epoch = count_batches(self.rows, self.size, self.settings.drop_last, self.sampling)
        self.device = next(self.model.parameters()).device
        self.tally = RunningLoss.of(self.model, self.weights, self.settings.label_smoothing, self.settings.distill)
        optimizer = make_optimizer(self.model, self.settings)
        self.average = WeightAverage(self.model, self.settings.average)
        self.take_step = make_train_step(self.model, optimizer, self.tally, self.settings, self.group)
        self.began = time.monotonic() - self.state.seconds
        if tensors:
            self._restore(tensors)

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        self.take_step.restore(tensors)
        self.average.restore(tensors)
        sums = tensors["tally"]  # (P, 4), of the processes there were
        if len(sums) != self.group.count:
            sums = torch.cat((sums.sum(0)[None], sums.new_zeros(self.group.count - 1, 4)))
        self.tally.sums.copy_(sums[self.group.rank])

    def batches(self) -> Iterator[Bucket]:
        """Those that are left, until the run has stopped."""
        options: dict[str, Any] = {"drop_last": self.settings.drop_last, "sampling": self.sampling}
        first, start = divmod(self.state.step, self.per_epoch)
        for epoch in range(first, self.settings.epochs):
            order = (self.settings.seed, epoch) if self.settings.shuffle else None
            for batch in batches(self.rows, self.size, shuffle=order, start=start, **options):
                if self.state.stopped_by is not None:
                    return
                yield batch
            start = 0

    def take(self, batch: Bucket) -> None:
        seed_step(self.device, self.settings.seed, self.state.step, self.group.rank)
        self.take_step(batch, learning_rate(self.settings, self.state.step, self.per_epoch))
        self.state.step += 1
        self.average.update(self.state.step, self.per_epoch)
        self.state.rows += len(batch)
        self.state.seconds = time.monotonic() - self.began

    def ask(self, stop: bool, save: bool) -> list[bool]:
        """Whether any process wants to stop or to save, and whether the time of process 0 is up."""
        if self.group.count > 1 and self.device.type == "cuda" and self.state.step % GPU_SYNC_STEPS:
            return [False, False, False]
        limit = self.settings.time_limit_seconds
        late = limit is not None and self.group.rank == 0 and self.state.seconds >= limit
        return self.group.any(stop, save, late)

    def look(self, late: bool, report: Callable[[EvaluationPoint], None]) -> None:
        """Evaluate where it is time to, and else see now and then whether the loss is still one."""
        step, every = self.state.step, self.settings.evaluate_every or self.per_epoch
        if late or step % every == 0 or step % self.per_epoch == 0:
            report(self._evaluate())
            self._judge(late)
        elif step % LOSS_CHECK_STEPS == 0:
            self._score()

    def _evaluate(self) -> EvaluationPoint:
        """The point of this step, the tally begun anew, the best weights kept."""
        train_model = self._score()
        self.tally.reset()
        with self.average.applied():
            dev = evaluate_loss(self.model, self.dev, self.size, self.weights, self.settings.precision, self.group)
            point = EvaluationPoint(self.state.step, self.state.step / self.per_epoch, train_model, self._sound(dev))
            self.state.points.append(point)
            if self.state.best is None or point.dev.beats(self.state.best.dev, self.settings.monitor):
                self.state.best, self.state.best_weights = point, copy.deepcopy(self.model.state_dict())
        return point

    def _judge(self, late: bool) -> None:
        """After an evaluation: whether to stop before all epochs are over."""
        assert self.state.best is not None
        patience = self.settings.patience
        if patience is not None and self.state.step - self.state.best.step >= patience:
            self.state.stopped_by = "patience"
        elif late and self.state.step < self.settings.epochs * self.per_epoch:
            self.state.stopped_by = "time_limit"

    def _score(self) -> Score:
        """That of training since the last evaluation; DivergedError when its loss is none, or far above a guess's."""
        score = self._sound(score_of(self.group.gather(self.tally.sums).sum(0)))
        classes = int(self.group.gather(torch.tensor(self.tally.classes)).max())
        if score.loss > EXPLODED * math.log(max(classes, 2)):
            do = "try a smaller train.learning_rate, train.clip_norm, or model.readout last_valid where it is last_step"
            raise DivergedError(
                f"training, batch {self.state.step}", "the loss explodes", got=f"a mean of {score.loss:.4g}", do=do
            )
        return score

    def _sound(self, score: Score) -> Score:
        if not math.isfinite(score.loss):
            rate = learning_rate(self.settings, self.state.step - 1, self.per_epoch)
            do = "try a smaller train.learning_rate, or train.clip_norm"
            where = f"training, batch {self.state.step}"
            raise DivergedError(where, "the loss is no number any more", got=f"{score.loss} at rate {rate}", do=do)
        return score

    def keep(self, keeper: Checkpointer | None) -> None:
        """All processes call it; the one that has a keeper writes."""
        tally = {"tally": self.group.gather(self.tally.sums)}
        if keeper is not None:
            tensors = self.take_step.tensors() | self.average.tensors() | tally
            keeper.keep(self.state.step, encode_run_state(self.state, tensors))

    def outcome(self) -> TrainingOutcome:
        state = self.state
        state.seconds = time.monotonic() - self.began
        assert state.best is not None
        self.model.load_state_dict(state.best_weights)
        best = state.best
        epochs = state.step / self.per_epoch
        return TrainingOutcome(state.step, epochs, best.step, best.dev.loss, best.dev.accuracy, state.stopped_by)
