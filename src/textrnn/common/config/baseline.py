"""The section `baseline`: how the linear models are trained that recipes are compared with."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.errors import ErrorCollector


@dataclass(frozen=True)
class Baseline:
    """The section `baseline`; params.yaml gives each value's meaning and unit."""

    seed: int
    ngrams: int
    features: int
    regularization: tuple[float, ...]
    iterations: int
    buckets: int
    width: int
    epochs: int
    batch_size: int
    learning_rate: float

    def check(self, where: str) -> None:
        """Refuse values out of range; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            errors.require(0 <= self.seed < 2**63, f"{where}.seed", "must lie in [0, 2^63)", self.seed)
            for name in ("ngrams", "features", "iterations", "buckets", "width", "epochs", "batch_size"):
                errors.require(getattr(self, name) >= 1, f"{where}.{name}", "must be at least 1", getattr(self, name))
            candidates = self.regularization
            positive = bool(candidates) and min(candidates) > 0
            errors.require(positive, f"{where}.regularization", "must be a list of numbers above 0", list(candidates))
            errors.require(self.learning_rate > 0, f"{where}.learning_rate", "must be above 0", self.learning_rate)
