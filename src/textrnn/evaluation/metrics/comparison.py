"""The one number by which models of a task are compared, and the best of several baselines by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def score_name(metrics: Mapping[str, float]) -> str:
    """The metric that is called the score: `entity_f1` for taggers, which have one, and `accuracy` for all others."""
    return "entity_f1" if "entity_f1" in metrics else "accuracy"


def score_and_loss(metrics: Mapping[str, float]) -> dict[str, float]:
    """The two metrics of a split that DVC compares: the score, which is accuracy or entity F1, and the loss."""
    return {"score": metrics[score_name(metrics)], "loss": metrics["loss"]}


def best_baseline(baselines: Mapping[str, Any], metric: str) -> str:
    """The name of the baseline with the best dev score by this metric; the first of several equal ones."""
    return max(baselines, key=lambda name: float(baselines[name]["dev"][metric]))


def best_test_score(baselines: Mapping[str, Any]) -> float:
    """The score on test of the baseline with the best score on dev: what a recipe of the encoding has to beat."""
    name = score_name(next(iter(baselines.values()))["dev"])
    return float(baselines[best_baseline(baselines, name)]["test"][name])
