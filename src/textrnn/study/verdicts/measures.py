"""The measures of a run, by the names that claims use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.study.plan.json_files import Runs
from textrnn.study.verdicts.statistics import roughness

EQUAL_ROWS = 1024  # rows per point of the loss curve for every batch size: the largest batch of the tutorials
FAR = 12  # distance in steps from the token that is read: all but the shortest headlines have tokens there
STEP, EPOCH, TRAIN_LOSS, DEV_LOSS, DEV_ACCURACY = range(5)  # columns of a point

Values = dict[str, dict[str, dict[int, float]]]  # by measure, variant and seed


@dataclass(frozen=True)
class Measure:
    """The title of a measure, and how its values are shown.

    percent: it is a fraction, shown in percent, and its differences in percentage points. timed: it is a wall-clock
    time or depends on one, so that it differs from run to run.
    """

    title: str
    percent: bool = False
    timed: bool = False


MEASURES = {
    "test_accuracy": Measure("test accuracy", percent=True),
    "dev_accuracy": Measure("best dev accuracy of all epochs", percent=True),
    "dev_accuracy_at_time": Measure("dev accuracy in the seconds that the fastest takes", percent=True, timed=True),
    "early_accuracy": Measure("dev accuracy in the first epoch, mean of its evaluations", percent=True),
    "roughness": Measure("jump of the loss from batch to batch"),
    "roughness_at_rows": Measure(f"jump of the loss over {EQUAL_ROWS:,} rows each"),
    "seconds": Measure("seconds of training", timed=True),
    "far_gradient": Measure(f"gradient at distance {FAR}, share of that at 0"),
    "far_gradient_untrained": Measure(f"the same before training, at distance {FAR}"),
    "kept_share": Measure("share of tokens kept", percent=True),
    "output_difference": Measure("largest difference of outputs"),
    "gradient_difference": Measure("largest difference of gradients"),
    "step_seconds": Measure("seconds of forward and backward", timed=True),
}


def _per_epoch(facts: Mapping[str, Any]) -> int:
    return math.ceil(facts["rows"] / facts["batch_size"])


def _roughness(facts: Mapping[str, Any], window: int) -> float:
    return roughness(facts["losses"], _per_epoch(facts), window, frozenset(facts["short"]))


def _first_epoch_accuracy(facts: Mapping[str, Any]) -> float:
    accuracies = [point[DEV_ACCURACY] for point in facts["points"] if point[EPOCH] <= 1]
    return sum(accuracies) / len(accuracies) if accuracies else math.nan


def _far_gradient(gradients: list[float | None]) -> float:
    """Return the gradient at distance FAR relative to that at 0, for a model whose readout is `last_valid`.

    When no row is that long, the largest distance counts.
    """
    norms = [value for value in gradients[: FAR + 1] if value is not None]
    return norms[-1] / norms[0] if norms and norms[0] else math.nan


FACT_MEASURES: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "test_accuracy": lambda facts: float(facts["test_accuracy"]),
    "dev_accuracy": lambda facts: best_up_to(facts, math.inf, [0.0] * len(facts["points"])),
    "early_accuracy": _first_epoch_accuracy,
    "roughness": lambda facts: _roughness(facts, 1),
    "roughness_at_rows": lambda facts: _roughness(facts, max(1, EQUAL_ROWS // facts["batch_size"])),
    "far_gradient": lambda facts: _far_gradient(facts["gradients"]["after"]),
    "far_gradient_untrained": lambda facts: _far_gradient(facts["gradients"]["before"]),
    "kept_share": lambda facts: float(facts["kept_share"]),
}

DIVERGED_MEASURES = ("test_accuracy", "kept_share", "far_gradient_untrained")


def best_up_to(facts: Mapping[str, Any], limit: float, seconds: list[float]) -> float:
    """Return the highest dev accuracy within `limit` seconds of training; NaN when no point is reached.

    Between two points the accuracy is interpolated linearly. Otherwise the slower of two runs would get no credit for
    its training between its last point and the limit.
    """
    accuracies = [point[DEV_ACCURACY] for point in facts["points"]]
    reached = sum(elapsed <= limit for elapsed in seconds)
    if not reached:
        return math.nan
    interpolated = [float(np.interp(limit, seconds, accuracies))] if reached < len(accuracies) else []
    return max([*accuracies[:reached], *interpolated])


def measure_runs(runs: Runs) -> Values:
    """Return all measures of all runs, from their facts and timings; NaN is left out."""
    values: Values = {name: {} for name in MEASURES}
    for (variant, seed), (facts, timings) in runs.items():
        measured = {name: measure(facts) for name, measure in FACT_MEASURES.items()}
        if facts["diverged"]:  # it stopped early: its time and its curve are not those of a complete run
            measured = {name: value for name, value in measured.items() if name in DIVERGED_MEASURES}
        elif timings["seconds"]:
            measured["seconds"] = timings["seconds"][-1]
        for name, value in measured.items():
            if math.isfinite(value):
                values[name].setdefault(variant, {})[seed] = value
    return values


def at_equal_time(runs: Runs, variants: tuple[str, ...]) -> dict[str, dict[int, float]]:
    """Return dev accuracy by variant and seed, reached in the time of the fastest of these variants with that seed.

    Runs that diverged are left out.
    """
    accuracies: dict[str, dict[int, float]] = {}
    for seed in sorted({seed for _, seed in runs}):
        seed_runs = {name: runs[name, seed] for name in variants if (name, seed) in runs}
        complete = {name: (facts, timings) for name, (facts, timings) in seed_runs.items() if not facts["diverged"]}
        totals = [timings["seconds"][-1] for _, timings in complete.values() if timings["seconds"]]
        limit = min(totals, default=0.0)
        for name, (facts, timings) in complete.items():
            value = best_up_to(facts, limit, timings["seconds"])
            # a run without a point by then has no measured accuracy
            if math.isfinite(value):
                accuracies.setdefault(name, {})[seed] = value
    return accuracies
