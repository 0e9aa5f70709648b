"""All claims judged by all runs: values by measure, variant and seed, and what the study was run on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textrnn.study.plan.json_files import Runs
from textrnn.study.verdicts.claims import CLAIMS, Claim
from textrnn.study.verdicts.measures import EPOCH, Values, at_equal_time, of_runs
from textrnn.study.verdicts.rules import as_json, judge


def judge_all(
    runs: Runs,
    cells: Mapping[str, Mapping[str, Mapping[str, float]]],
    seconds: Mapping[str, Sequence[float]],
    claims: Sequence[Claim] = CLAIMS,
) -> dict[str, Any]:
    """The content of verdicts.json.

    cells: of `differences`, by seed; seconds: of `study.cells.seconds`. Accuracy at equal time is that of the variants
    that a claim compares with each other.
    """
    values = of_runs(runs)
    _add_cells(values, cells, seconds)
    judged = []
    for claim in claims:
        own = values | {"dev_accuracy_at_time": at_equal_time(runs, claim.variants())}
        judged.append((judge(claim, own), own))
    return as_json(judged, _scale(runs))


def _add_cells(
    values: Values, cells: Mapping[str, Mapping[str, Mapping[str, float]]], seconds: Mapping[str, Sequence[float]]
) -> None:
    for seed, found in cells.items():
        for name, measures in found.items():
            for measure, value in measures.items():
                values[measure].setdefault(name, {})[int(seed)] = value
    # a timing's number stands where others have a seed: those of one number were taken one after the other
    values["step_seconds"] = {name: dict(enumerate(taken)) for name, taken in seconds.items()}


def _scale(runs: Runs) -> dict[str, Any]:
    facts, clocks = [facts for facts, _ in runs.values()], [clock for _, clock in runs.values()]
    return {
        "rows": max(each["rows"] for each in facts),
        "epochs": max((point[EPOCH] for each in facts for point in each["points"]), default=0.0),
        "seeds": sorted({seed for _, seed in runs}),
        "threads": sorted({each["threads"] for each in clocks}),
    }
