"""What the scores cost: a panel for each corpus with score against training time, and a table of all models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from textrnn.evaluation.outputs.recipe_results import RecipeResults
from textrnn.evaluation.rendering.cost_panels import cost_panel
from textrnn.evaluation.rendering.scatter_plots import Cost
from textrnn.evaluation.rendering.svg import Chart
from textrnn.evaluation.rendering.text import file_size
from textrnn.evaluation.report.overview import METRICS, baseline_title
from textrnn.evaluation.report.report_content import ReportContent

NAIVE = ("majority", "most_frequent_tag")  # baselines that fit no model


@dataclass(frozen=True)
class CostRow:
    """A model in the table; seconds is None where it was not trained here, parameters and size where it has no file.

    selected: whether dev ranks this baseline first; a recipe is always drawn with its name.
    """

    name: str
    corpus: str
    metric: str
    recurrent: bool
    selected: bool
    score: float
    interval: list[float] | None
    seconds: float | None
    parameters: int | None
    size: str


def costs(content: ReportContent) -> dict[str, Any]:
    """The values of `costs.html`: panels by corpus, the table, the models that have no time, and the devices."""
    rows = sorted(_rows(content), key=lambda row: row.corpus)
    devices = {content.times_of(recipe).device for recipe in content.recipes} - {None}
    return {
        "timed": content.times is not None,
        "rows": rows,
        "charts": list(_panels(rows)),
        "without_time": list(dict.fromkeys(row.name for row in rows if row.seconds is None)),
        "devices": sorted(filter(None, devices)),
    }


def _rows(content: ReportContent) -> Iterator[CostRow]:
    evaluated = [recipe for recipe in content.recipes if recipe.test is not None]
    for recipe in evaluated:
        yield _recipe_row(recipe, content)
    encodings = {recipe.encoding: recipe for recipe in evaluated}  # the baselines are those of the encoding
    for recipe in encodings.values():
        several = sum(other.corpus == recipe.corpus for other in encodings.values()) > 1
        for name in (recipe.baselines or {"baselines": {}})["baselines"]:
            if name not in NAIVE:
                yield _baseline_row(recipe, name, f" ({recipe.encoding})" if several else "", content)


def _recipe_row(recipe: RecipeResults, content: ReportContent) -> CostRow:
    assert recipe.test is not None
    metric = recipe.primary_metric
    return CostRow(
        name=recipe.name,
        corpus=recipe.corpus_shown,
        metric=METRICS[metric],
        recurrent=True,
        selected=False,
        score=recipe.test[metric],
        interval=recipe.interval(metric),
        seconds=content.times_of(recipe).seconds,
        parameters=recipe.parameters,
        size="" if recipe.size is None else file_size(recipe.size),
    )


def _baseline_row(recipe: RecipeResults, name: str, suffix: str, content: ReportContent) -> CostRow:
    assert recipe.baselines is not None
    metric, scores = recipe.primary_metric, recipe.baselines["baselines"][name]
    return CostRow(
        name=baseline_title(name) + suffix,
        corpus=recipe.corpus_shown,
        metric=METRICS[metric],
        recurrent=False,
        selected=name == recipe.best_baseline,
        score=scores["test"][metric],
        interval=scores.get("intervals", {}).get("test", {}).get(metric),
        seconds=content.times_of(recipe).of_baseline(name),
        parameters=None,
        size="",
    )


def _panels(rows: Sequence[CostRow]) -> Iterator[Chart]:
    """A panel for each corpus that has a model with a known time."""
    for corpus, metric in dict.fromkeys((row.corpus, row.metric) for row in rows):
        timed = [
            (row, Cost(row.name, row.seconds, row.score, _shown_interval(row), row.recurrent))
            for row in rows
            if (row.corpus, row.metric) == (corpus, metric) and row.seconds is not None
        ]
        named = {row.name for row, _ in timed if row.recurrent or row.selected}
        if timed:
            yield cost_panel(f"{corpus}: {metric}", metric, [cost for _, cost in timed], named)


def _shown_interval(row: CostRow) -> tuple[float, float] | None:
    """The interval of a model that is named: those of all would cover each other."""
    if row.interval is None or not (row.recurrent or row.selected):
        return None
    low, high = row.interval
    return low, high
