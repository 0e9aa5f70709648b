"""The params of `baseline`: how the linear models are trained."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.params import require


@dataclass(frozen=True)
class Baseline:
    """How the baselines are trained; see params.yaml for each value's meaning and unit."""

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
        """Refuse what the types let through."""
        require(0 <= self.seed < 2**63, "baseline.seed", "must lie in [0, 2^63)", self.seed)
        for name in ("ngrams", "features", "iterations", "buckets", "width", "epochs", "batch_size"):
            require(getattr(self, name) >= 1, f"baseline.{name}", "must be at least 1", getattr(self, name))
        strengths = self.regularization
        above = bool(strengths) and min(strengths) > 0
        require(above, "baseline.regularization", "must be a list of numbers above 0", list(strengths))
        require(self.learning_rate > 0, "baseline.learning_rate", "must be above 0", self.learning_rate)
