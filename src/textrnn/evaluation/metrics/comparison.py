"""The one number by which models of a task are compared, and the best of several baselines by it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn.common.integrity.checksums import named
from textrnn.common.integrity.json_files import read_json
from textrnn.evaluation.metrics.result_forms import Baselines

ENTITY_F1 = "entity_f1"


def score_name(metrics: Mapping[str, Any]) -> str:
    """The metric that is called the score: `entity_f1` for taggers, which have one, and `accuracy` for all others."""
    return ENTITY_F1 if ENTITY_F1 in metrics else "accuracy"


def score_and_loss(metrics: Mapping[str, float]) -> dict[str, float]:
    """The two metrics of a split that DVC compares: the score, which is accuracy or entity F1, and the loss."""
    return {"score": metrics[score_name(metrics)], "loss": metrics["loss"]}


def read_baselines(path: Path) -> Baselines:
    """The baselines of an encoding: one or more, all with the same scores. Raises UserError, DamagedFileError."""
    values = read_json(path, Baselines)
    with named(path):
        names = {score_name(each[split]) for each in values["baselines"].values() for split in ("dev", "test")}
        if len(names) != 1:
            raise ValueError(f"the baselines have {len(names)} kinds of scores")
    return values


def best_baseline(baselines: Mapping[str, Any], metric: str) -> str:
    """The name of the baseline with the best dev score by this metric; the first of several equal ones."""
    return max(baselines, key=lambda name: float(baselines[name]["dev"][metric]))


def best_test_score(baselines: Mapping[str, Any]) -> float:
    """The score on test of the baseline with the best score on dev: what a recipe of the encoding has to beat."""
    name = score_name(next(iter(baselines.values()))["dev"])
    return float(baselines[best_baseline(baselines, name)]["test"][name])
