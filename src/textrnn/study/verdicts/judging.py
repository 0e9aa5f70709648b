"""Judge all claims by all runs: values by measure, variant and seed, and the size of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textrnn.study.plan.json_files import Runs
from textrnn.study.verdicts.claims import CLAIMS, Claim
from textrnn.study.verdicts.measures import EPOCH, Values, at_equal_time, measure_runs
from textrnn.study.verdicts.rules import as_json, judge


def judge_all(
    runs: Runs,
    cells: Mapping[str, Mapping[str, Mapping[str, float]]],
    seconds: Mapping[str, Sequence[float]],
    claims: Sequence[Claim] = CLAIMS,
) -> dict[str, Any]:
    """Return the content of verdicts.json.

    cells: the result of `cell_comparison.differences`, by seed; seconds: the result of `cell_comparison.seconds`.
    Accuracy at equal time is computed among the variants that a claim compares with each other.
    """
    values = measure_runs(runs)
    _add_cells(values, cells, seconds)
    judged = []
    for claim in claims:
        claim_values = values | {"dev_accuracy_at_time": at_equal_time(runs, claim.variants())}
        judged.append((judge(claim, claim_values), claim_values))
    return as_json(judged, _scale(runs))


def _add_cells(
    values: Values, cells: Mapping[str, Mapping[str, Mapping[str, float]]], seconds: Mapping[str, Sequence[float]]
) -> None:
    for seed, implementations in cells.items():
        for name, measures in implementations.items():
            for measure, value in measures.items():
                values[measure].setdefault(name, {})[int(seed)] = value
    # the index of a timing takes the place of a seed: timings with the same index were taken one after the other
    values["step_seconds"] = {name: dict(enumerate(timings)) for name, timings in seconds.items()}


def _scale(runs: Runs) -> dict[str, Any]:
    return {
        "rows": max(facts["rows"] for facts, _ in runs.values()),
        "epochs": max((point[EPOCH] for facts, _ in runs.values() for point in facts["points"]), default=0.0),
        "seeds": sorted({seed for _, seed in runs}),
        "threads": sorted({timings["threads"] for _, timings in runs.values()}),
    }
