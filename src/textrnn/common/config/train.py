"""How a recipe is trained: the section `train`, with the recipe's own values over it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textrnn.common.config.params import require
from textrnn.common.config.types import Task

Precision = Literal["float32", "bfloat16", "float16"]
Monitor = Literal["loss", "accuracy"]


@dataclass(frozen=True)
class StepSchedule:
    """StepLR: the rate times `factor` after every `every` epochs."""

    kind: Literal["step"]
    every: int
    factor: float


@dataclass(frozen=True)
class CosineSchedule:
    """Cosine annealing (Loshchilov and Hutter 2017) down to `floor` times the rate, over the whole run.

    warmup: the share of the run in which the rate first rises evenly to its full height (Goyal et al. 2017).
    """

    kind: Literal["cosine"]
    floor: float
    warmup: float


@dataclass(frozen=True)
class Ema:
    """The exponentially weighted mean of the weights after each step so far; each weighs `decay` times the next."""

    kind: Literal["ema"]
    decay: float


@dataclass(frozen=True)
class Swa:
    """The mean of the weights at the ends of the epochs from the `from_epoch`-th, counted from 1.

    Before the first of these the weights are as they are. Source: Izmailov et al. 2018, arXiv:1803.05407.
    """

    kind: Literal["swa"]
    from_epoch: int


@dataclass(frozen=True)
class PowerSampling:
    """A class is drawn in proportion to its rows to the power of `power`: 1 draws rows as they are, 0 is balanced."""

    power: float


@dataclass(frozen=True)
class Distill:
    """Knowledge distillation from an ensemble of the recipe's own models, one for each of `seeds` as its train.seed.

    The loss is 1 - weight of the usual one and `weight` of the distance from the teachers' mean probabilities, both
    sides softened by `temperature`. Sources: Hinton et al. 2015, arXiv:1503.02531; teachers of the student's own
    architecture: Furlanello et al. 2018, arXiv:1805.04770.
    """

    seeds: tuple[int, ...]
    weight: float
    temperature: float

    def check(self, where: str, student: int) -> None:
        """Refuse what the types let through; `student` is the seed of the run that the teachers are for."""
        seeds = self.seeds
        require(0 < len(seeds) == len(set(seeds)), f"{where}.seeds", "must have one or more, each once", seeds)
        require(all(0 <= seed < 2**63 for seed in seeds), f"{where}.seeds", "must lie in [0, 2^63)", seeds)
        require(student not in seeds, f"{where}.seeds", "must not have the seed of the recipe itself", seeds)
        require(0 < self.weight <= 1, f"{where}.weight", "must lie in (0, 1]", self.weight)
        require(0 < self.temperature < math.inf, f"{where}.temperature", "must be above 0 and finite", self.temperature)


@dataclass(frozen=True)
class Train:
    """How a recipe is trained; see params.yaml for each value's meaning and unit."""

    seed: int
    batch_size: int
    batch_tokens: int | None
    epochs: int
    learning_rate: float
    embedding_rate: float | None
    weight_decay: float
    decoupled_decay: float
    schedule: StepSchedule | CosineSchedule | None
    clip_norm: float | None
    class_weights: Mapping[str, float] | None
    label_smoothing: float
    sampling: Literal["balanced"] | PowerSampling | None
    average: Ema | Swa | None
    distill: Distill | None
    evaluate_every: int | None
    monitor: Monitor
    patience: int | None
    time_limit_seconds: float | None
    precision: Precision
    shuffle: bool
    drop_last: bool

    def check(self, where: str) -> None:
        """Refuse what the types let through; `where` is the dotted name of the section."""
        for name in ("batch_size", "batch_tokens", "epochs", "evaluate_every", "patience"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"{where}.{name}", "must be at least 1", value)
        require(0 <= self.seed < 2**63, f"{where}.seed", "must lie in [0, 2^63)", self.seed)
        require(self.learning_rate > 0, f"{where}.learning_rate", "must be above 0", self.learning_rate)
        for name in ("embedding_rate", "weight_decay", "decoupled_decay"):
            value = getattr(self, name)
            require(value is None or value >= 0, f"{where}.{name}", "must not be negative", value)
        smoothing = self.label_smoothing
        require(0 <= smoothing < 1, f"{where}.label_smoothing", "must lie in [0, 1)", smoothing)
        require(self.clip_norm is None or self.clip_norm > 0, f"{where}.clip_norm", "must be above 0", self.clip_norm)
        limit = self.time_limit_seconds
        require(limit is None or limit > 0, f"{where}.time_limit_seconds", "must be above 0", limit)
        self._check_parts(where)
        for label, weight in (self.class_weights or {}).items():
            require(weight >= 0, f"{where}.class_weights.{label}", "must not be negative", weight)

    def _check_parts(self, where: str) -> None:
        """The values of the sections inside this one."""
        if isinstance(self.schedule, StepSchedule):
            require(self.schedule.every >= 1, f"{where}.schedule.every", "must be at least 1", self.schedule.every)
            require(self.schedule.factor > 0, f"{where}.schedule.factor", "must be above 0", self.schedule.factor)
        if isinstance(self.schedule, CosineSchedule):
            floor, warmup = self.schedule.floor, self.schedule.warmup
            require(0 <= floor <= 1, f"{where}.schedule.floor", "must lie in [0, 1]", floor)
            require(0 <= warmup < 1, f"{where}.schedule.warmup", "must lie in [0, 1)", warmup)
        if isinstance(self.average, Ema):
            require(0 <= self.average.decay < 1, f"{where}.average.decay", "must lie in [0, 1)", self.average.decay)
        if isinstance(self.average, Swa):
            first = self.average.from_epoch
            require(first >= 1, f"{where}.average.from_epoch", "must be at least 1", first)
        if self.distill is not None:
            self.distill.check(f"{where}.distill", self.seed)
        if self.sampling is not None:
            require(self.shuffle, f"{where}.sampling", "must be null where shuffle is false", self.sampling)
        if isinstance(self.sampling, PowerSampling):
            require(0 <= self.sampling.power <= 1, f"{where}.sampling.power", "must lie in [0, 1]", self.sampling.power)

    def check_task(self, where: str, task: Task) -> None:
        """Refuse what the task has no use for; `where` is the dotted name of the section."""
        drawn = self.sampling is None or task == "classify"
        require(drawn, f"{where}.sampling", "must be null for tagging: a row has no one class", self.sampling)
