"""The plan of a run: its settings once every rule has been applied, the steps they take, and the lines for the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from textrnn.common.config.train import CosineSchedule, Ema, StepSchedule, Swa, Train
from textrnn.common.config.types import Task
from textrnn.common.params.rule_values import RuleValue
from textrnn.errors import plural
from textrnn.training.batching.batches import Epochs
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.planning.limits import epochs_for_min_steps
from textrnn.training.planning.rules import resolve_average, resolve_batch_size

LARGEST_WINDOW = 1 / 3  # of a run: with a longer one, the average holds too much of the random start


@dataclass(frozen=True)
class RunPlan:
    """How a recipe is trained on its rows.

    asked: the settings of the params, after `limits`. settings: the same with a number for every value that follows the
    corpus. rows: of train.
    """

    asked: Train
    settings: Train
    rows: int
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """The steps of all epochs."""
        return self.settings.epochs * self.steps_per_epoch

    def describe_batches(self) -> str:
        """The size of a batch, and what it follows from if a rule gave it."""
        if self.settings.batch_tokens is not None:
            return f"batches of {self.settings.batch_tokens:,} tokens"
        rule = f" (auto: {plural(self.rows, 'row')})" if self.asked.batch_size == "auto" else ""
        return f"batch size {self.settings.batch_size:,}{rule}"

    def describe(self, recipe: str) -> str:
        """One line: the batch size, the steps, and where each value is from."""
        settings, asked = self.settings, self.asked
        epochs, batches = plural(settings.epochs, "epoch"), plural(self.steps_per_epoch, "batch", "batches")
        line = f"{recipe}: {self.describe_batches()}, steps {self.steps:,} = {epochs} of {batches}"
        if settings.epochs > asked.epochs:
            line += " (train.min_steps)"
        if isinstance(settings.average, Ema) and settings.average != asked.average:
            assert isinstance(asked.average, Ema)
            line += f", average of decay {settings.average.decay:.6g} (share {asked.average.share:g} of the steps)"
        return line

    def rule_values(self) -> list[RuleValue]:
        """The values of the settings that rules gave."""
        settings, asked = self.settings, self.asked
        values = []
        if asked.batch_size == "auto" != settings.batch_size and settings.batch_tokens is None:
            values.append(RuleValue("train.batch_size", "auto", settings.batch_size, f"{self.rows:,} rows of train"))
        if settings.epochs > asked.epochs:
            follows = f"train.min_steps {settings.min_steps:,}, {self.steps_per_epoch:,} steps in an epoch"
            values.append(RuleValue("train.epochs", asked.epochs, settings.epochs, follows))
        if isinstance(asked.average, Ema) and asked.average.share is not None:
            assert isinstance(settings.average, Ema)
            assert settings.average.decay is not None
            share = f"share {asked.average.share:g}"
            values.append(RuleValue("train.average.decay", share, settings.average.decay, f"{self.steps:,} steps"))
        return values

    def notices(self, where: str) -> list[str]:
        """The settings for which this run is too short, a line each; `where` is the dotted name of the recipe."""
        return [*self._of_average(f"{where}.train.average"), *self._of_schedule(f"{where}.train.schedule")] + [
            f"{where}.train.{notice}" for notice in self._of_min_steps()
        ]

    def _of_average(self, where: str) -> Iterator[str]:
        average, epochs = self.asked.average, self.settings.epochs
        if isinstance(average, Swa) and average.from_epoch > epochs:
            come = f"all {epochs} epochs come" if epochs > 1 else "the one epoch comes"
            yield f"{where}: no weights are averaged: {come} before from_epoch {average.from_epoch}"
        if isinstance(average, Ema) and average.decay is not None:
            window = round(1 / (1 - average.decay), 6)
            if window > LARGEST_WINDOW * self.steps:
                compared = f"its window of {window:,.0f} steps is more than a third of the run's {self.steps:,}"
                yield f"{where}.decay: {compared}; `share` in place of `decay` adapts to the length of the run"

    def _of_schedule(self, where: str) -> Iterator[str]:
        schedule, steps, epochs = self.settings.schedule, self.steps, self.settings.epochs
        if isinstance(schedule, CosineSchedule) and 0 < schedule.warmup * steps < 1:
            yield f"{where}.warmup: {schedule.warmup:g} of {steps:,} steps is less than one: there is no warm-up"
        if isinstance(schedule, StepSchedule) and schedule.every >= epochs:
            effect = f"the learning rate is never reduced: the run has {plural(epochs, 'epoch')}"
            yield f"{where}.every: {effect}, and a reduction comes every {schedule.every}"

    def _of_min_steps(self) -> Iterator[str]:
        wanted = self.settings.min_steps
        if wanted is not None and self.steps < wanted:
            epochs = plural(self.settings.epochs, "epoch")
            cause = f"limits.epochs keeps the run at {epochs}, {self.steps:,} steps"
            yield f"min_steps: {wanted:,} are not reached: {cause}"


def plan_run(asked: Train, buckets: Sequence[AnyBucket], task: Task, max_epochs: int | None) -> RunPlan:
    """The plan for these rows of train; max_epochs: limits.epochs, which `min_steps` does not exceed either.

    The batch size comes first, as it decides the steps of an epoch; then the epochs; then fractions of the run.
    """
    rows = sum(map(len, buckets))
    settings = resolve_batch_size(asked, rows, task)
    steps_per_epoch = Epochs(buckets, settings).steps
    settings = replace(settings, epochs=epochs_for_min_steps(settings, steps_per_epoch, max_epochs))
    settings = resolve_average(settings, settings.epochs * steps_per_epoch)
    return RunPlan(asked, settings, rows, steps_per_epoch)
