"""How a recipe is trained: the section `train`, with the recipe's own values over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from textrnn.params import build, require

Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Step:
    """StepLR: the rate times `factor` after every `every` epochs."""

    kind: Literal["step"]
    every: int
    factor: float


@dataclass(frozen=True)
class Cosine:
    """Cosine annealing over the whole run (Loshchilov and Hutter 2017), down to `floor` times the rate."""

    kind: Literal["cosine"]
    floor: float


@dataclass(frozen=True)
class Train:
    """How a recipe is trained; see params.yaml for each value's meaning and unit."""

    seed: int
    batch_size: int
    batch_tokens: int | None
    epochs: int
    learning_rate: float
    weight_decay: float
    schedule: Step | Cosine | None
    clip_norm: float | None
    class_weights: Mapping[str, float] | None
    evaluate_every: int | None
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
        require(self.weight_decay >= 0, f"{where}.weight_decay", "must not be negative", self.weight_decay)
        require(self.clip_norm is None or self.clip_norm > 0, f"{where}.clip_norm", "must be above 0", self.clip_norm)
        limit = self.time_limit_seconds
        require(limit is None or limit > 0, f"{where}.time_limit_seconds", "must be above 0", limit)
        if isinstance(self.schedule, Step):
            require(self.schedule.every >= 1, f"{where}.schedule.every", "must be at least 1", self.schedule.every)
            require(self.schedule.factor > 0, f"{where}.schedule.factor", "must be above 0", self.schedule.factor)
        if isinstance(self.schedule, Cosine):
            require(0 <= self.schedule.floor <= 1, f"{where}.schedule.floor", "must lie in [0, 1]", self.schedule.floor)
        for label, weight in (self.class_weights or {}).items():
            require(weight >= 0, f"{where}.class_weights.{label}", "must not be negative", weight)

    def weight_of(self, labels: list[str], where: str) -> list[float] | None:
        """The weight of each label in their order, or None where all weigh the same.

        A name in `class_weights` is a label, or an entity type, which weighs its B- and I- tags; the rest weigh 1.
        Raises UserError, naming `where.class_weights.name`, for one that is neither.
        """
        if self.class_weights is None:
            return None
        kinds = {label: label[2:] if label.startswith(("B-", "I-")) else label for label in labels}
        for name in self.class_weights:
            known = f"must be one of {', '.join(dict.fromkeys([*labels, *kinds.values()]))}"
            require(name in {*labels, *kinds.values()}, f"{where}.class_weights.{name}", known, name)
        return [self.class_weights.get(label, self.class_weights.get(kinds[label], 1.0)) for label in labels]


def merge_train(defaults: Any, override: Any, recipe: str) -> Train:
    """The section `train` with a recipe's own values over it; UserError, by dotted name, for a bad or unknown one."""
    require(isinstance(override, Mapping), f"recipes.{recipe}.train", "must be a mapping", override)
    build(Train, defaults, "train")
    return build(Train, {**defaults, **override}, f"recipes.{recipe}.train")
