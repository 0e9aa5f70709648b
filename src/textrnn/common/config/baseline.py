"""The params of the stage `baseline`: how the linear models are trained."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.params import require


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

    def check(self) -> None:
        """Refuse values out of range."""
        require(0 <= self.seed < 2**63, "baseline.seed", "must lie in [0, 2^63)", self.seed)
        for name in ("ngrams", "features", "iterations", "buckets", "width", "epochs", "batch_size"):
            require(getattr(self, name) >= 1, f"baseline.{name}", "must be at least 1", getattr(self, name))
        candidates = self.regularization
        positive = bool(candidates) and min(candidates) > 0
        require(positive, "baseline.regularization", "must be a list of numbers above 0", list(candidates))
        require(self.learning_rate > 0, "baseline.learning_rate", "must be above 0", self.learning_rate)
