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
    cell_differences: Mapping[str, Mapping[str, Mapping[str, float]]],
    cell_timings: Mapping[str, Sequence[float]],
    claims: Sequence[Claim] = CLAIMS,
) -> dict[str, Any]:
    """Return the content of verdicts.json.

    cell_differences: the results of `cell_comparison.differences`, by seed; cell_timings: the result of
    `cell_comparison.timings`. Accuracy at equal time is computed among the variants that a claim compares with each
    other.
    """
    values = measure_runs(runs)
    _add_cells(values, cell_differences, cell_timings)
    judged = []
    for claim in claims:
        claim_values = values | {"dev_accuracy_at_time": at_equal_time(runs, claim.variants())}
        judged.append((judge(claim, claim_values), claim_values))
    return as_json(judged, _scale(runs))


def _add_cells(
    values: Values,
    cell_differences: Mapping[str, Mapping[str, Mapping[str, float]]],
    cell_timings: Mapping[str, Sequence[float]],
) -> None:
    for seed, implementations in cell_differences.items():
        for name, measures in implementations.items():
            for measure, value in measures.items():
                values[measure].setdefault(name, {})[int(seed)] = value
    # the index of a timing takes the place of a seed: timings with the same index were taken one after the other
    values["step_seconds"] = {name: dict(enumerate(seconds)) for name, seconds in cell_timings.items()}


def _scale(runs: Runs) -> dict[str, Any]:
    return {
        "rows": max(facts["rows"] for facts, _ in runs.values()),
        "epochs": max((point[EPOCH] for facts, _ in runs.values() for point in facts["points"]), default=0.0),
        "seeds": sorted({seed for _, seed in runs}),
        "threads": sorted({timings["threads"] for _, timings in runs.values()}),
    }
