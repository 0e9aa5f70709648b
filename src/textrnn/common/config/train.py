"""The section `train`: how a recipe's model is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textrnn.common.config.types import Task
from textrnn.errors import ErrorCollector, require

Precision = Literal["float32", "tf32", "bfloat16", "float16"]
Monitor = Literal["loss", "accuracy", "macro_f1", "entity_f1"]


@dataclass(frozen=True)
class StepSchedule:
    """torch's StepLR: the learning rate is multiplied by `factor` every `every` epochs."""

    kind: Literal["step"]
    every: int
    factor: float

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            errors.require(self.every >= 1, f"{where}.every", "must be at least 1", self.every)
            errors.require(self.factor > 0, f"{where}.factor", "must be above 0", self.factor)
            errors.require(self.factor <= 10, f"{where}.factor", "must be at most 10", self.factor)


@dataclass(frozen=True)
class CosineSchedule:
    """Cosine annealing (Loshchilov and Hutter 2017) to `floor` times the learning rate, over the whole run.

    warmup: the fraction of the run over which the learning rate first rises linearly (Goyal et al. 2017).
    """

    kind: Literal["cosine"]
    floor: float
    warmup: float

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            errors.require(0 <= self.floor <= 1, f"{where}.floor", "must lie in [0, 1]", self.floor)
            errors.require(0 <= self.warmup < 1, f"{where}.warmup", "must lie in [0, 1)", self.warmup)


@dataclass(frozen=True)
class Ema:
    """Exponential moving average of the weights after each step; each step counts `decay` times as much as the next.

    share: in place of `decay`, the window 1 / (1 - decay) as a fraction of the run's steps.
    """

    kind: Literal["ema"]
    decay: float | None = None
    share: float | None = None

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        decay, share = self.decay, self.share
        with ErrorCollector() as errors:
            one = (decay is None) != (share is None)
            errors.require(one, where, "must have one of decay and share", {"decay": decay, "share": share})
            errors.require(decay is None or 0 <= decay < 1, f"{where}.decay", "must lie in [0, 1)", decay)
            errors.require(share is None or 0 < share <= 1, f"{where}.share", "must lie in (0, 1]", share)


@dataclass(frozen=True)
class Swa:
    """Stochastic weight averaging: the mean of the weights at the ends of the epochs from `from_epoch`, counted from 1.

    Before the end of that epoch the weights are not averaged. Source: Izmailov et al. 2018, arXiv:1803.05407.
    """

    kind: Literal["swa"]
    from_epoch: int

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        require(self.from_epoch >= 1, f"{where}.from_epoch", "must be at least 1", self.from_epoch)


@dataclass(frozen=True)
class PowerSampling:
    """Samples a class in proportion to its rows to the power of `power`: 1 keeps the frequencies, 0 balances them."""

    power: float

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        require(0 <= self.power <= 1, f"{where}.power", "must lie in [0, 1]", self.power)


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
        seeds, temperature = self.seeds, self.temperature
        with ErrorCollector() as errors:
            once = 0 < len(seeds) == len(set(seeds))
            errors.require(once, f"{where}.seeds", "must have one or more, each once", seeds)
            in_range = all(0 <= seed < 2**63 for seed in seeds)
            errors.require(in_range, f"{where}.seeds", "must lie in [0, 2^63)", seeds)
            wrong = "must not have the seed of the recipe itself"
            errors.require(student_seed not in seeds, f"{where}.seeds", wrong, seeds)
            errors.require(0 < self.weight <= 1, f"{where}.weight", "must lie in (0, 1]", self.weight)
            finite = 0 < temperature < math.inf
            errors.require(finite, f"{where}.temperature", "must be above 0 and finite", temperature)


@dataclass(frozen=True)
class Adversarial:
    """Adversarial training: the loss is also computed on embeddings that are moved to where it is larger.

    epsilon: how far the embeddings of a batch's tokens are moved, the norm of all moves together. weight: of that loss,
    where the usual one has 1. Source: Miyato et al. 2017, arXiv:1605.07725, with one perturbation for each batch.
    """

    epsilon: float
    weight: float

    def check(self, where: str, embedding_rate: float | None) -> None:
        """Refuse values out of range, and a frozen embedding; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            for name, value in (("epsilon", self.epsilon), ("weight", self.weight)):
                errors.require(0 < value < math.inf, f"{where}.{name}", "must be above 0 and finite", value)
            wrong = "must be null if embedding_rate is 0: a frozen embedding has no gradient to follow"
            errors.require(embedding_rate != 0, where, wrong, {"epsilon": self.epsilon, "weight": self.weight})


@dataclass(frozen=True)
class Train:
    """How a recipe is trained; params.yaml gives each value's meaning and unit.

    batch_size: `auto` follows the number of rows, by the table of textrnn.training.planning.rules.
    """

    seed: int
    batch_size: Literal["auto"] | int
    batch_tokens: int | None
    epochs: int
    min_steps: int | None
    learning_rate: float
    embedding_rate: float | None
    weight_decay: float
    decoupled_decay: float
    schedule: StepSchedule | CosineSchedule | None
    clip_norm: float | None
    class_weights: Literal["balanced"] | Mapping[str, float] | None
    label_smoothing: float
    sampling: Literal["balanced"] | PowerSampling | None
    average: Ema | Swa | None
    distill: Distill | None
    adversarial: Adversarial | None
    evaluate_every: int | None
    monitor: Monitor
    patience: int | None
    time_limit_seconds: float | None
    precision: Precision
    shuffle: bool
    drop_last: bool
    refit: bool

    def check(self, where: str) -> None:
        """Refuse invalid values and combinations; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            for name in ("batch_size", "batch_tokens", "epochs", "min_steps", "evaluate_every", "patience"):
                value = getattr(self, name)
                errors.require(value in (None, "auto") or value >= 1, f"{where}.{name}", "must be at least 1", value)
            for name in ("learning_rate", "clip_norm", "time_limit_seconds"):
                value = getattr(self, name)
                errors.require(value is None or value > 0, f"{where}.{name}", "must be above 0", value)
            for name in ("embedding_rate", "weight_decay", "decoupled_decay"):
                value = getattr(self, name)
                errors.require(value is None or value >= 0, f"{where}.{name}", "must not be negative", value)
            errors.require(0 <= self.seed < 2**63, f"{where}.seed", "must lie in [0, 2^63)", self.seed)
            smoothing = self.label_smoothing
            errors.require(0 <= smoothing < 1, f"{where}.label_smoothing", "must lie in [0, 1)", smoothing)
            stated = self.class_weights if isinstance(self.class_weights, Mapping) else {}
            for label, weight in stated.items():
                errors.require(weight >= 0, f"{where}.class_weights.{label}", "must not be negative", weight)
            wrong = "must be null if shuffle is false"
            errors.require(self.shuffle or self.sampling is None, f"{where}.sampling", wrong, self.sampling)
            for name, section in (("schedule", self.schedule), ("average", self.average), ("sampling", self.sampling)):
                if section is not None and not isinstance(section, str):
                    with errors.collect():
                        section.check(f"{where}.{name}")
            if self.distill is not None:
                with errors.collect():
                    self.distill.check(f"{where}.distill", self.seed)
            wrong = "must be false with average of kind swa: the second run has other epochs"
            errors.require(not (self.refit and isinstance(self.average, Swa)), f"{where}.refit", wrong, self.refit)
            wrong = "must be false with distill: teachers give no soft targets for the rows of dev"
            errors.require(not (self.refit and self.distill), f"{where}.refit", wrong, self.refit)
            if self.adversarial is not None:
                with errors.collect():
                    self.adversarial.check(f"{where}.adversarial", self.embedding_rate)

    def check_task(self, where: str, task: Task) -> None:
        """Refuse options that the task does not allow; `where` is the dotted name of the section."""
        classifies, monitor = task == "classify", self.monitor
        with ErrorCollector() as errors:
            wrong = "must be null for tagging: a row has no single class"
            errors.require(self.sampling is None or classifies, f"{where}.sampling", wrong, self.sampling)
            wrong = "must be entity_f1, accuracy or loss for tagging"
            errors.require(monitor != "macro_f1" or classifies, f"{where}.monitor", wrong, monitor)
            wrong = "must be macro_f1, accuracy or loss if texts are classified"
            errors.require(monitor != "entity_f1" or not classifies, f"{where}.monitor", wrong, monitor)
