"""The training loop: Adam, a schedule, evaluation on dev, the best checkpoint by dev loss, early stopping."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textrnn.batches import Bucket, batches, count_batches
from textrnn.errors import UserError
from textrnn.steps import Stepper, make_optimizer
from textrnn.tally import Score, Tally
from textrnn.train import Cosine, Step, Train


@dataclass(frozen=True)
class Evaluation:
    """One point of the curves: after `step` batches, train over the batches since the last point, and dev."""

    step: int
    epoch: float
    train: Score
    dev: Score


@dataclass(frozen=True)
class Outcome:
    """What a run came to; the model holds the weights of `best_step` when it ends."""

    steps: int
    epochs: float
    best_step: int
    dev_loss: float
    dev_accuracy: float
    stopped_early: bool


@torch.no_grad()
def evaluate_loss(model: nn.Module, rows: list[Bucket], batch_size: int, weights: Tensor | None) -> Score:
    """Loss and accuracy over all rows, without dropout."""
    model.eval()
    tally = Tally(weights, rows[0].ids.device)
    for batch in batches(rows, batch_size):
        tally.loss(model(batch.ids, batch.lengths), batch.targets)
    model.train()
    return tally.score()


def learning_rate(settings: Train, step: int, steps_per_epoch: int) -> float:
    """The rate of batch `step` (from 0) of a run of `settings.epochs`."""
    schedule = settings.schedule
    if isinstance(schedule, Step):
        return settings.learning_rate * schedule.factor ** (step // steps_per_epoch // schedule.every)
    if isinstance(schedule, Cosine):
        share = step / (settings.epochs * steps_per_epoch)
        return settings.learning_rate * (schedule.floor + (1 - schedule.floor) * (1 + math.cos(math.pi * share)) / 2)
    return settings.learning_rate


def train(
    model: nn.Module,
    rows: list[Bucket],
    dev: list[Bucket],
    settings: Train,
    weights: Tensor | None,
    report: Callable[[Evaluation], None],
    on_step: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Train the model in place and leave it with the weights of its lowest dev loss.

    rows and dev lie on the model's device. `report` is called at every evaluation, `on_step` after every batch.
    Raises UserError when the loss is no number.
    """
    per_epoch = count_batches(rows, settings.batch_size, settings.drop_last)
    every = settings.evaluate_every or per_epoch
    best: tuple[int, Score, dict[str, Tensor]] | None = None
    tally, step, stopped = Tally(weights, rows[0].ids.device), 0, False
    take_step = Stepper(model, make_optimizer(model, settings), tally, settings)
    model.train()
    for step, batch in enumerate(_all_batches(rows, settings), start=1):
        rate = learning_rate(settings, step - 1, per_epoch)
        take_step(batch, rate)
        on_step(step)
        if step % every and step % per_epoch:
            continue
        scores = tally.score(), evaluate_loss(model, dev, settings.batch_size, weights)
        point = Evaluation(step, step / per_epoch, *(_finite(score, step, rate) for score in scores))
        report(point)
        tally.reset()
        if best is None or point.dev.loss < best[1].loss:
            best = (step, point.dev, copy.deepcopy(model.state_dict()))
        stopped = settings.patience is not None and step - best[0] >= settings.patience
        if stopped:
            break
    assert best is not None
    model.load_state_dict(best[2])
    return Outcome(step, step / per_epoch, best[0], best[1].loss, best[1].accuracy, stopped)


def _all_batches(rows: list[Bucket], settings: Train) -> Iterator[Bucket]:
    for epoch in range(settings.epochs):
        order = (settings.seed, epoch) if settings.shuffle else None
        yield from batches(rows, settings.batch_size, drop_last=settings.drop_last, shuffle=order)


def _finite(score: Score, step: int, rate: float) -> Score:
    if not math.isfinite(score.loss):
        do = "try a smaller train.learning_rate, or train.clip_norm"
        raise UserError(
            f"training, batch {step}", "the loss is no number any more", got=f"{score.loss} at rate {rate}", do=do
        )
    return score
