"""A recipe's own section, part by part; a part whose files are missing is None or empty, and is not shown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textrnn.errors import plural
from textrnn.evaluation.metrics.intervals import Intervals
from textrnn.evaluation.outputs.recipe_results import RecipeResults
from textrnn.evaluation.rendering.bar_charts import ReliabilityBar, histogram, reliability_diagram
from textrnn.evaluation.rendering.line_charts import learning_curves
from textrnn.evaluation.rendering.svg import Chart
from textrnn.evaluation.rendering.text import percent, visible
from textrnn.evaluation.report.examples import examples
from textrnn.evaluation.report.overview import METRICS, baseline_title, humanize, model_line

SUBSETS = {
    "by_length": ("By length", "{} tokens"),
    "by_rarest": ("By how often the rarest token occurs in train", "{} times"),
    "by_text": ("By whether the text occurs in train or dev", "{}"),
    "by_row": ("By row: the one with the most entities, and the rest", "{}"),
    "entities": ("By whether the entity occurs in train", "{}"),
}
SUBSET_NAMES = {"0 times": "never", "in_train": "in train", "fullest": "that row", "rest": "the rest"}
MAX_WHOLE = 20  # classes; the confusion of more is in a box that scrolls both ways while its heads stay in view


@dataclass(frozen=True)
class Table:
    """A table of numbers: its columns as (name, class), and its rows as the template shows them."""

    title: str
    columns: list[tuple[str, str]]
    rows: Sequence[Any]


def _number_columns(names: Iterable[str]) -> list[tuple[str, str]]:
    return [("", ""), *((name, "n") for name in names)]


def recipe_section(recipe: RecipeResults) -> dict[str, Any]:
    """The values of `recipe.html`."""
    return {
        "missing": recipe.missing,
        "missing_stages": list(dict.fromkeys(stage for _, stage in recipe.missing)),
        "facts": list(_facts(recipe)),
        "scores": _scores(recipe),
        "charts": [*_curves(recipe), *_lengths(recipe), *_reliability(recipe)],
        "confusion": _confusion(recipe),
        "classes": list(_classes(recipe)),
        "subsets": list(_subsets(recipe)),
        "examples": examples(recipe),
    }


def _facts(recipe: RecipeResults) -> Iterator[tuple[str, str]]:
    yield "corpus", recipe.corpus_shown
    yield "encoding", recipe.encoding
    model = model_line(recipe)
    if model is not None:
        yield "model", model
    if recipe.parameters is not None:
        yield "parameters", f"{recipe.parameters:,}"
    if recipe.pad is not None:
        yield "rows", ", ".join(f"{recipe.pad[split]['rows']:,} {split}" for split in ("train", "dev", "test"))
        yield "padded to", ", ".join(map(str, recipe.pad["widths"])) + " tokens"
        yield "truncated text in train", percent(recipe.pad["train"]["truncated_share"])
        yield "padding in train", percent(recipe.pad["train"]["padding_share"])
    if recipe.train is not None:
        stopped = recipe.train["stopped_by"]
        run = f"{plural(recipe.train['steps'], 'step')}, {plural(recipe.train['epochs'], 'epoch')}"
        yield "trained for", run + (f", stopped by {humanize(stopped)}" if stopped else "")
        yield "best step on dev", f"{int(recipe.train['best_step']):,}"
        if "refit" in recipe.train:
            rows, steps = recipe.train["refit"]["rows"], recipe.train["refit"]["steps"]
            yield "refit on train and dev", f"{rows:,} rows, {steps:,} steps; scores on dev are those before it"


def _scores(recipe: RecipeResults) -> Table | None:
    if recipe.test is None:
        return None
    metrics = ["entity_f1", "entity_precision", "entity_recall"] if recipe.is_tagger else []
    metrics += ["accuracy", "macro_f1"]
    splits = {"dev": recipe.dev or {}, "test": recipe.test}
    rows = [_score_row(recipe.name, splits, recipe.intervals, metrics)]
    if recipe.parts:
        titles = {"deep": "recurrent part alone", "wide": "linear part alone"}
        for part, title in titles.items():
            scores = {split: parts[part] for split, parts in recipe.parts.items()}
            rows.append(_score_row(title, scores, {}, metrics))
    if recipe.baselines is not None:
        for name, scores in recipe.baselines["baselines"].items():
            rows.append(_score_row(f"baseline: {baseline_title(name)}", scores, scores.get("intervals", {}), metrics))
        ceiling = recipe.baselines.get("ceiling")
        if ceiling:
            splits = {split: {"accuracy": ceiling[split]} for split in ("dev", "test")}
            rows.append(_score_row("ceiling: texts with several labels", splits, {}, metrics))
    columns = _number_columns(f"{METRICS[metric]}, {split}" for metric in metrics for split in ("dev", "test"))
    return Table(f"{recipe.name} and its baselines", columns, rows)


def _score_row(
    name: str, splits: Mapping[str, Mapping[str, float]], intervals: Mapping[str, Intervals], metrics: Sequence[str]
) -> tuple[str, list[tuple[float | None, list[float] | None]]]:
    """The name, and of each metric on dev and test the score and the bounds of its interval."""
    cells = [(metric, split) for metric in metrics for split in ("dev", "test")]
    return name, [(splits[split].get(metric), intervals.get(split, {}).get(metric)) for metric, split in cells]


def _curves(recipe: RecipeResults) -> Iterator[Chart]:
    titles = {"loss": "Loss", "accuracy": "Accuracy", "macro_f1": "Macro F1", "entity_f1": "Entity F1"}
    for column, title in titles.items():
        series = []
        for split in ("train", "dev"):
            rows = [row for row in recipe.curves if row["split"] == split and row.get(column)]
            points = [(float(row["step"]), float(row[column])) for row in rows]
            points = [point for point in points if math.isfinite(point[1])]
            series += [(split, points)] if points else []
        if series:
            yield learning_curves(title, "step", series, percent=column != "loss")


def _lengths(recipe: RecipeResults) -> Iterator[Chart]:
    counts = [(int(row["length"]), int(row["rows"])) for row in recipe.lengths]
    if counts:
        widths = recipe.pad["widths"] if recipe.pad else []
        yield histogram("Tokens of a training row", "tokens", counts, widths)


def _reliability(recipe: RecipeResults) -> Iterator[Chart]:
    if recipe.analysis is None or not recipe.reliability:
        return
    bars = [
        ReliabilityBar(
            lower=float(row["lower"]),
            upper=float(row["upper"]),
            count=int(row["count"]),
            confidence=float(row["confidence"]),
            accuracy=float(row["accuracy"]),
        )
        for row in recipe.reliability
    ]
    error = recipe.analysis["calibration"]["ece"]
    yield reliability_diagram(f"Reliability on test: calibration error {percent(error)}", bars, error)


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix that has a count."""

    correct: bool
    count: int
    percent: str  # of the gold class
    shade: str
    tooltip: str


def _confusion(recipe: RecipeResults) -> dict[str, Any] | None:
    if not recipe.confusion:
        return None
    (_, *names), *lines = recipe.confusion
    rows = []
    for name, *cells in lines:
        counts = [int(cell) for cell in cells]
        pairs = zip(names, counts, strict=True)
        rows.append((name, [_cell(name, other, count, sum(counts)) if count else None for other, count in pairs]))
    kind = "scroll high" if len(names) > MAX_WHOLE else "scroll"
    return {"label": f"Confusion of {recipe.name} on test", "kind": kind, "names": names, "rows": rows}


def _cell(gold: str, predicted: str, count: int, support: int) -> Cell:
    share = count / support
    return Cell(
        correct=gold == predicted,
        count=count,
        percent=f"{100 * share:.0f}" if share >= 0.005 else "<1",
        # the square root, so that a class's rare errors are seen next to its hits
        shade=f"{0.7 * math.sqrt(share):.2f}",
        tooltip=visible(f"{gold} predicted as {predicted}: {count:,} of {support:,}, {percent(share)}"),
    )


def _classes(recipe: RecipeResults) -> Iterator[Table]:
    columns = _number_columns(["precision", "recall", "F1", "support"])
    for kind, title in (
        ("entity", "Entities, by exact span"),
        ("class", "Tags of tokens" if recipe.is_tagger else "Classes"),
    ):
        rows = [_class_row(row) for row in recipe.classes if row["kind"] == kind]
        if rows:
            yield Table(title, columns, rows)


def _class_row(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "precision": float(row["precision"]),
        "recall": float(row["recall"]),
        "f1": float(row["f1"]),
        "support": int(row["support"]),
    }


def _subsets(recipe: RecipeResults) -> Iterator[Table]:
    if recipe.analysis is None:
        return
    columns = _number_columns(["rows", *(["entities"] if recipe.is_tagger else []), METRICS[recipe.primary_metric]])
    for key, (title, unit) in SUBSETS.items():
        subsets: Mapping[str, Mapping[str, Any]] = recipe.analysis.get(key, {})
        rows = [_subset_row(name, unit, metrics, recipe.primary_metric) for name, metrics in subsets.items()]
        if rows:
            yield Table(title, columns, rows)


def _subset_row(name: str, unit: str, metrics: Mapping[str, Any], metric: str) -> dict[str, Any]:
    title = unit.format(name.replace("-", "–"))
    counts = [int(metrics[column]) for column in ("rows", "entities") if column in metrics]
    return {"name": SUBSET_NAMES.get(title, title), "counts": counts, "score": metrics[metric]}
