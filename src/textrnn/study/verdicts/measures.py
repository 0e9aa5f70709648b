"""One number of a run, by the name that claims call it by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.study.verdicts.statistics import roughness

EQUAL_ROWS = 1024  # of a point of the loss curve, whatever the batch: the largest batch that the tutorials have
FAR = 12  # steps from the token that is read: all but the shortest headlines have tokens there
STEP, EPOCH, TRAIN_LOSS, DEV_LOSS, DEV_ACCURACY = range(5)  # columns of a point

Values = dict[str, dict[str, dict[int, float]]]  # by measure, variant and seed


@dataclass(frozen=True)
class Measure:
    """What a measure is called on a page, how its values are shown, and whether it hangs on the clock.

    percent: a share, shown in per cent, its differences in points.
    """

    title: str
    percent: bool = False
    clock: bool = False


MEASURES = {
    "test_accuracy": Measure("test accuracy", percent=True),
    "dev_accuracy": Measure("best dev accuracy of all epochs", percent=True),
    "dev_accuracy_at_time": Measure("dev accuracy in the seconds that the fastest takes", percent=True, clock=True),
    "early_accuracy": Measure("dev accuracy in the first epoch, mean of its evaluations", percent=True),
    "roughness": Measure("jump of the loss from batch to batch"),
    "roughness_at_rows": Measure(f"jump of the loss over {EQUAL_ROWS:,} rows each"),
    "seconds": Measure("seconds of training", clock=True),
    "far_gradient": Measure(f"gradient at distance {FAR}, share of that at 0"),
    "far_gradient_untrained": Measure(f"the same before training, at distance {FAR}"),
    "kept_share": Measure("share of tokens kept", percent=True),
    "output_difference": Measure("largest difference of outputs"),
    "gradient_difference": Measure("largest difference of gradients"),
    "step_seconds": Measure("seconds of forward and backward", clock=True),
}


def _per_epoch(facts: Mapping[str, Any]) -> int:
    return math.ceil(facts["rows"] / facts["batch_size"])


def _roughness(facts: Mapping[str, Any], window: int) -> float:
    return roughness(facts["losses"], _per_epoch(facts), window, frozenset(facts["short"]))


def _early(facts: Mapping[str, Any]) -> float:
    found = [point[DEV_ACCURACY] for point in facts["points"] if point[EPOCH] <= 1]
    return sum(found) / len(found) if found else math.nan


def _far(gradients: list[float | None]) -> float:
    """Of a model whose readout is `last_valid`; at the last distance where rows are not that long."""
    known = [value for value in gradients[: FAR + 1] if value is not None]
    return known[-1] / known[0] if known and known[0] else math.nan


OF_FACTS: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "test_accuracy": lambda facts: float(facts["test_accuracy"]),
    "dev_accuracy": lambda facts: best_up_to(facts, math.inf, [0.0] * len(facts["points"])),
    "early_accuracy": _early,
    "roughness": lambda facts: _roughness(facts, 1),
    "roughness_at_rows": lambda facts: _roughness(facts, max(1, EQUAL_ROWS // facts["batch_size"])),
    "far_gradient": lambda facts: _far(facts["gradients"]["after"]),
    "far_gradient_untrained": lambda facts: _far(facts["gradients"]["before"]),
    "kept_share": lambda facts: float(facts["kept_share"]),
}

OF_DIVERGED = ("test_accuracy", "kept_share", "far_gradient_untrained")


def best_up_to(facts: Mapping[str, Any], limit: float, seconds: list[float]) -> float:
    """The highest dev accuracy in `limit` seconds of training; nan where no point is reached in them.

    Between two points it lies on the line from one to the other: the slower of two runs would else lose, of the time
    that both have, what it trained after its last point.
    """
    accuracies = [point[DEV_ACCURACY] for point in facts["points"]]
    reached = sum(taken <= limit for taken in seconds)
    if not reached:
        return math.nan
    between = [float(np.interp(limit, seconds, accuracies))] if reached < len(accuracies) else []
    return max([*accuracies[:reached], *between])


def of_runs(runs: Mapping[tuple[str, int], tuple[dict[str, Any], dict[str, Any]]]) -> Values:
    """All measures of all runs, which are facts and clock by variant and seed. What is no number is left out."""
    values: Values = {name: {} for name in MEASURES}
    for (variant, seed), (facts, clock) in runs.items():
        found = {name: measure(facts) for name, measure in OF_FACTS.items()}
        if facts["diverged"]:  # it stopped early: neither its seconds nor its curve are those of a whole run
            found = {name: value for name, value in found.items() if name in OF_DIVERGED}
        elif clock["seconds"]:
            found["seconds"] = clock["seconds"][-1]
        for name, value in found.items():
            if math.isfinite(value):
                values[name].setdefault(variant, {})[seed] = value
    return values


def at_equal_time(
    runs: Mapping[tuple[str, int], tuple[dict[str, Any], dict[str, Any]]], variants: tuple[str, ...]
) -> dict[str, dict[int, float]]:
    """Dev accuracy by variant and seed in the seconds that the fastest of these variants takes, with each seed.

    Runs that diverged are left out.
    """
    found: dict[str, dict[int, float]] = {}
    for seed in sorted({seed for _, seed in runs}):
        both = {name: runs[name, seed] for name in variants if (name, seed) in runs}
        of_seed = {name: each for name, each in both.items() if not each[0]["diverged"]}
        limit = min((clock["seconds"][-1] for _, clock in of_seed.values() if clock["seconds"]), default=0.0)
        for name, (facts, clock) in of_seed.items():
            value = best_up_to(facts, limit, clock["seconds"])
            # a run that has no point yet has not been seen to know more than chance: nothing is said of it
            if math.isfinite(value):
                found.setdefault(name, {})[seed] = value
    return found
