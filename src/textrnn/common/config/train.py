"""The section `train`: how a recipe's model is trained."""

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
    """torch's StepLR: the learning rate is multiplied by `factor` every `every` epochs."""

    kind: Literal["step"]
    every: int
    factor: float


@dataclass(frozen=True)
class CosineSchedule:
    """Cosine annealing (Loshchilov and Hutter 2017) to `floor` times the learning rate, over the whole run.

    warmup: the fraction of the run over which the learning rate first rises linearly (Goyal et al. 2017).
    """

    kind: Literal["cosine"]
    floor: float
    warmup: float


@dataclass(frozen=True)
class Ema:
    """Exponential moving average of the weights after each step; each step counts `decay` times as much as the next."""

    kind: Literal["ema"]
    decay: float


@dataclass(frozen=True)
class Swa:
    """Stochastic weight averaging: the mean of the weights at the ends of the epochs from `from_epoch`, counted from 1.

    Before the end of that epoch the weights are not averaged. Source: Izmailov et al. 2018, arXiv:1803.05407.
    """

    kind: Literal["swa"]
    from_epoch: int


@dataclass(frozen=True)
class PowerSampling:
    """Samples a class in proportion to its rows to the power of `power`: 1 keeps the frequencies, 0 balances them."""

    power: float


@dataclass(frozen=True)
class Distill:
    """Knowledge distillation from an ensemble of teachers with the recipe's own architecture.

    seeds: the train.seed of each teacher. The loss is (1 - weight) times the usual loss plus `weight` times the
    distance from the teachers' mean probabilities, both sides softened by `temperature`.
    Sources: Hinton et al. 2015, arXiv:1503.02531; for teachers of the student's architecture, Furlanello et al. 2018,
    arXiv:1805.04770.
    """

    seeds: tuple[int, ...]
    weight: float
    temperature: float

    def check(self, where: str, student_seed: int) -> None:
        """Refuse values out of range; `student_seed` is the recipe's own train.seed."""
        seeds = self.seeds
        require(0 < len(seeds) == len(set(seeds)), f"{where}.seeds", "must have one or more, each once", seeds)
        require(all(0 <= seed < 2**63 for seed in seeds), f"{where}.seeds", "must lie in [0, 2^63)", seeds)
        require(student_seed not in seeds, f"{where}.seeds", "must not have the seed of the recipe itself", seeds)
        require(0 < self.weight <= 1, f"{where}.weight", "must lie in (0, 1]", self.weight)
        require(0 < self.temperature < math.inf, f"{where}.temperature", "must be above 0 and finite", self.temperature)


@dataclass(frozen=True)
class Train:
    """How a recipe is trained; params.yaml gives each value's meaning and unit."""

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
        """Refuse invalid values and combinations; `where` is the dotted name of the section."""
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
        self._check_nested(where)
        for label, weight in (self.class_weights or {}).items():
            require(weight >= 0, f"{where}.class_weights.{label}", "must not be negative", weight)

    def _check_nested(self, where: str) -> None:
        """Refuse invalid values of the nested sections."""
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
        """Refuse options that the task does not allow; `where` is the dotted name of the section."""
        valid = self.sampling is None or task == "classify"
        require(valid, f"{where}.sampling", "must be null for tagging: a row has no single class", self.sampling)
