"""The training loop: Adam, a schedule, evaluation on dev, the best checkpoint by dev loss, early stopping."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.batches import Bucket, batches, count_batches
from textrnn.errors import UserError
from textrnn.records import IGNORED_TAG
from textrnn.train import Cosine, Step, Train


@dataclass(frozen=True)
class Score:
    """Mean loss, weighted as in training, and the share of correct rows or tokens."""

    loss: float
    accuracy: float


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


class Tally:
    """Sums that make a Score, kept on the device so that no step waits for them."""

    def __init__(self, weights: Tensor | None, device: torch.device) -> None:
        self._weights = weights
        self._sums = torch.zeros(4, dtype=torch.float64, device=device)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The batch's mean loss, logits (B, C) or (B, T, C) against targets (B,) or (B, T); adds it to the sums.

        It is 0 where no target counts: rows without a token, or of classes that weigh 0.
        """
        flat, gold = logits.flatten(0, -2), targets.flatten()
        loss = F.cross_entropy(flat, gold, self._weights, ignore_index=IGNORED_TAG, reduction="sum")
        with torch.no_grad():
            valid = gold != IGNORED_TAG
            # clamped and not picked out by `valid`: how many a mask picks is known only after waiting for the device
            share = (valid if self._weights is None else valid * self._weights[gold.clamp(min=0)]).sum().to(loss.dtype)
            correct = (flat.argmax(-1) == gold).sum()
            self._sums += torch.stack((loss.detach().double(), share.double(), correct.double(), valid.sum().double()))
        return loss / share.clamp(min=torch.finfo(loss.dtype).tiny)

    def score(self) -> Score:
        loss, share, correct, count = self._sums.tolist()
        return Score(loss / max(share, 1e-12), correct / max(count, 1))


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
    optimizer = torch.optim.Adam(
        model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    per_epoch = count_batches(rows, settings.batch_size, settings.drop_last)
    every = settings.evaluate_every or per_epoch
    best: tuple[int, Score, dict[str, Tensor]] | None = None
    tally, step, stopped = Tally(weights, rows[0].ids.device), 0, False
    model.train()
    for step, batch in enumerate(_all_batches(rows, settings), start=1):
        rate = learning_rate(settings, step - 1, per_epoch)
        _step(model, optimizer, batch, tally, rate, settings.clip_norm)
        on_step(step)
        if step % every and step % per_epoch:
            continue
        scores = tally.score(), evaluate_loss(model, dev, settings.batch_size, weights)
        point = Evaluation(step, step / per_epoch, *(_finite(score, step, rate) for score in scores))
        report(point)
        tally = Tally(weights, rows[0].ids.device)
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


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: Bucket, tally: Tally, rate: float, clip: float | None
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = tally.loss(model(batch.ids, batch.lengths), batch.targets)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()


def _finite(score: Score, step: int, rate: float) -> Score:
    if not math.isfinite(score.loss):
        do = "try a smaller train.learning_rate, or train.clip_norm"
        raise UserError(
            f"training, batch {step}", "the loss is no number any more", got=f"{score.loss} at rate {rate}", do=do
        )
    return score
