"""The tables of docs/results.md: targets, ladders, all runs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

import numpy as np

from results_ladders import curve_of
from results_measured import METRIC_NAMES, SHORT_ROWS, UNSEEN, WITHOUT_LONGEST, Measured, best_on_dev, score_metric
from results_runs import REMARKS, RUNS, SHORTER_THAN, TARGETS

BEATEN = "beaten by a linear model"
FLAT = -0.01  # an exponent of a learning curve nearer to 0 says nothing about the rows that a target needs


def score_of(run: Measured, metric: str) -> float:
    return run.mean("test", metric) or 0.0


def steps_of(run: Measured) -> str:
    return f"{run.row['steps']:,}" if run.row.get("steps") else ""


def seconds_of(run: Measured) -> str:
    return f"{statistics.mean(run.seconds):,.0f}" if run.seconds else ""


def target_table(runs: Mapping[str, Measured]) -> str:
    """The targets and the results reached."""
    lines = [
        "\n## Targets\n",
        "Set before the measurements: for the mean over seeds on test, without a pretrained language model.\n",
        "| run | metric | target | stretch target | reached | |",
        "|---|---|---|---|---|---|",
    ]
    for target in TARGETS:
        run = runs.get(target.run)
        reached = run.mean(target.split, target.metric) if run else None
        if run is None or reached is None:
            continue
        gap = round(100 * (target.value - reached), 2)
        outcome = f"missed by {gap:.2f}" if gap > 0 else "met"
        hope = "" if target.hope is None else f"{100 * target.hope:.1f}"
        cells = [
            f"`{target.run}`",
            target.what,
            f"{100 * target.value:.1f}",
            hope,
            run.cell(target.split, target.metric),
        ]
        lines.append(f"| {' | '.join([*cells, outcome])} |")
    return "\n".join(lines) + "\n"


def learning_curves(runs: Mapping[str, Measured]) -> str:
    """For each target: the score on dev by rows of train, and the rows at which the error would be that of the target.

    The error is modelled as a power of the rows, fitted on dev, and extrapolated from the error on test.
    """
    lines = [
        "\n## Learning curves\n",
        "The same recipes on fewer rows, one seed each, evaluated on dev. The function error = c × rows^exponent is\n"
        "fitted to the dev scores. The last column estimates how many labelled rows of train the recipe would need to\n"
        "reach its target: it starts from the score on test and assumes that the error on test falls with the same\n"
        "exponent.\n",
        "| run | dev score by rows of train | exponent | target | rows for the target |",
        "|---|---|---|---|---|",
    ]
    for target in TARGETS:
        run, parts = runs.get(target.run), [runs[name] for name in curve_of(target.run) if name in runs]
        reached = run.mean(target.split, target.metric) if run else None
        if run is None or reached is None or not parts or target.split not in ("test", SHORT_ROWS):
            continue
        scored = [(int(part.row["rows"]), part.mean("dev", target.metric)) for part in [*parts, run]]
        points = [(size, score) for size, score in scored if score is not None and score < 1]
        if len({size for size, _ in points}) < 2:
            continue
        sizes, scores = np.array(points).T
        exponent = float(np.polyfit(np.log(sizes), np.log(1 - scores), 1)[0])
        listed = ", ".join(f"{size:,}: {100 * score:.2f}" for size, score in points)
        cells = [f"`{target.run}`", listed, f"{exponent:.2f}", f"{target.what} {100 * target.value:.1f}"]
        if reached >= target.value:
            cells.append("met")
        elif exponent > FLAT:
            cells.append("the error hardly decreases")
        else:
            cells.append(f"{int(run.row['rows']) * ((1 - target.value) / (1 - reached)) ** (1 / exponent):,.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n" if len(lines) > 4 else ""


def unmeasured(runs: Mapping[str, Measured]) -> str:
    """The defined runs that have no results, and the command that measures them."""
    missing = [name for name in RUNS if name not in runs]
    if not missing:
        return ""
    named = ", ".join(f"`{name}`" for name in missing)
    command = "`python benchmarks/results.py run <name> --source <folder> --keep`"
    return f"\n## Not measured\n\nThese runs have no results yet: {named}. Measure them with {command}.\n"


def run_table(runs: list[Measured]) -> str:
    metric = score_metric(runs)
    title = METRIC_NAMES[metric]
    best = best_on_dev(runs, "baseline")
    lines = [
        f"| run | train rows | seeds | test {title} | 95% interval | unseen | test macro-F1 | ECE | dev {title} "
        "| parameters | steps | seconds | |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        cells = [
            run.name if run.family == "published" else f"`{run.name}`",
            f"{run.row['rows']:,}",
            run.seeds,
            run.cell("test", metric),
            run.interval_cell("test", metric),
            run.cell(UNSEEN, metric),
            run.cell("test", "macro_f1"),
            run.cell("test", "ece"),
            run.cell("dev", metric),
            f"{run.row['parameters']:,}" if run.row.get("parameters") else "",
            steps_of(run),
            seconds_of(run),
            _remark(run, metric, best),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _remark(run: Measured, metric: str, best: Measured | None) -> str:
    if run.family == "published":
        return f"published: {run.row['source']}"
    remarks = [_beaten(run, metric, best), REMARKS.get(run.name, "")]
    rest, short = run.cell(WITHOUT_LONGEST, metric), run.cell(SHORT_ROWS, metric)
    remarks.append(f"{rest} without the row with the most entities" if rest else "")
    remarks.append(f"{short} on rows with fewer than {SHORTER_THAN} tokens" if short else "")
    if run.family == "recurrent" and not run.row.get("steps"):
        remarks.append("commit 1dba3eb")
    return "; ".join(filter(None, remarks))


def _beaten(run: Measured, metric: str, best: Measured | None) -> str:
    """A remark if the linear model beats a recurrent run on test, or only on its unseen texts; otherwise empty."""
    if best is None or run.family != "recurrent":
        return ""
    for split, remark in (("test", BEATEN), (UNSEEN, f"{BEATEN} on unseen texts")):
        ours, baseline = run.mean(split, metric), best.mean(split, metric)
        if ours is not None and baseline is not None and ours < baseline:
            return remark
    return ""


def ladder_table(runs: list[Measured]) -> str:
    """The table of the steps of ladders, which are evaluated on dev alone."""
    metric = "entity_f1" if any(run.values("dev", "entity_f1") for run in runs) else "accuracy"
    title = METRIC_NAMES[metric]
    lines = [
        "",
        f"| step | run | train rows | seeds | dev {title} | dev loss | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        loss = f"{statistics.mean(run.values('dev', 'loss')):.4f}"
        cells = [run.row["step"], f"`{run.name}`", f"{run.row['rows']:,}", run.seeds, run.cell("dev", metric), loss]
        lines.append(f"| {' | '.join(cells)} | {seconds_of(run)} |")
    return "\n".join(lines) + "\n"
