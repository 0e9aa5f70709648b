"""The saved results of docs/results.json, grouped by run, and their cells in tables."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path("docs/results.json")
UNSEEN = "test, text not known"
WITHOUT_LONGEST = "test, less the fullest row"
SHORT_ROWS = "test, short rows"
DEEP, WIDE = "test, network alone", "test, wide part alone"
METRIC_NAMES = {"accuracy": "accuracy", "entity_f1": "entity F1"}


@dataclass(frozen=True)
class Measured:
    """The results of a run.

    row: one of its rows; scores: by seed, by (split, metric); intervals: likewise, of those that have one; seconds: of
    each seed; commands: by seed, with dates; against: the linear model that it was compared with, if it was; course:
    of a run whose evaluations are kept, the sums of learning rates and the scores on dev.
    """

    row: Mapping[str, Any]
    scores: Mapping[Any, Mapping[tuple[str, str], float]]
    intervals: Mapping[Any, Mapping[tuple[str, str], list[float]]]
    seconds: list[float]
    commands: Mapping[Any, tuple[str, str]]
    against: str | None
    course: list[tuple[float, float]]

    @property
    def name(self) -> str:
        return str(self.row["run"])

    @property
    def family(self) -> str:
        """`recurrent`, `baseline` or `published`."""
        return str(self.row["family"])

    @property
    def seeds(self) -> str:
        return "" if self.family == "published" else str(len(self.scores))

    def values(self, split: str, metric: str) -> list[float]:
        return [scores[split, metric] for scores in self.scores.values() if (split, metric) in scores]

    def mean(self, split: str, metric: str) -> float | None:
        values = self.values(split, metric)
        return statistics.mean(values) if values else None

    def interval(self, split: str, metric: str) -> tuple[float, float] | None:
        """The mean of the bounds over the seeds; None if no seed has an interval."""
        bounds = [each[split, metric] for each in self.intervals.values() if (split, metric) in each]
        if not bounds:
            return None
        low, high = (statistics.mean(ends) for ends in zip(*bounds, strict=True))
        return low, high

    def cell(self, split: str, metric: str) -> str:
        """A table cell: mean and standard deviation over the seeds, and how many seeds, if some have no value."""
        values = self.values(split, metric)
        if not values:
            return ""
        spread = f" ± {100 * statistics.stdev(values):.2f}" if len(values) > 1 else ""
        seeds = f" ({len(values)} of {len(self.scores)} seeds)" if len(values) < len(self.scores) else ""
        return f"{100 * statistics.mean(values):.2f}{spread}{seeds}"

    def interval_cell(self, split: str, metric: str) -> str:
        interval = self.interval(split, metric)
        return "" if interval is None else f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}"


def read_runs() -> dict[str, Measured]:
    """The saved runs by name, in the order of the file."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(RESULTS.read_text(encoding="utf-8")):
        grouped.setdefault(row["run"], []).append(row)
    return {name: _measured(rows) for name, rows in grouped.items()}


def _measured(rows: list[dict[str, Any]]) -> Measured:
    scores: dict[Any, dict[tuple[str, str], float]] = {}
    intervals: dict[Any, dict[tuple[str, str], list[float]]] = {}
    for row in rows:
        scores.setdefault(row["seed"], {})[row["split"], row["metric"]] = row["value"]
        if "interval" in row:
            intervals.setdefault(row["seed"], {})[row["split"], row["metric"]] = row["interval"]
    ours = [row for row in rows if row["family"] != "published"]
    seconds = {row["seed"]: row["seconds"] for row in ours}
    commands = {row["seed"]: (row["command"], row["date"]) for row in ours}
    against = next((row["against"] for row in rows if "against" in row), None)
    course = next((list(map(tuple, row["course"])) for row in rows if "course" in row), [])
    return Measured(rows[0], scores, intervals, list(seconds.values()), commands, against, course)


def score_metric(runs: Iterable[Measured]) -> str:
    """The metric that ranks the runs of a corpus."""
    return "entity_f1" if any(run.values("test", "entity_f1") for run in runs) else "accuracy"


def best_on_dev(runs: Iterable[Measured], family: str) -> Measured | None:
    """The run of a family with the best mean on dev; steps of a ladder and the ceiling of labels do not count."""
    runs = list(runs)
    metric = score_metric(runs)
    rivals = [run for run in runs if run.family == family and not run.row.get("step") and not is_ceiling(run)]
    rivals = [run for run in rivals if run.mean("dev", metric) is not None]
    return max(rivals, key=lambda run: (run.mean("dev", metric), run.mean("test", metric)), default=None)


def best_published(runs: Iterable[Measured], metric: str) -> Measured | None:
    """The published result with the best score on test, the only one that is known of it."""
    published = [run for run in runs if run.family == "published"]
    return max(published, key=lambda run: run.values("test", metric), default=None)


def is_ceiling(run: Measured) -> bool:
    """Whether it is no model, but the accuracy that repeated texts with different labels allow."""
    return run.name.endswith(": ceiling")
