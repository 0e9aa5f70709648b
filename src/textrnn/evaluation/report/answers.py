"""The answer that the report begins with: for each corpus which model to use, how sure that is and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from textrnn.errors import plural
from textrnn.evaluation.metrics.paired_tests import Difference
from textrnn.evaluation.outputs.recipe_results import RecipeResults
from textrnn.evaluation.rendering.text import bounds, file_size, known_time, percent, points, thousands
from textrnn.evaluation.report.overview import METRICS, baseline_title
from textrnn.evaluation.report.report_content import ReportContent


@dataclass(frozen=True)
class ComparedModel:
    """One of the two models of an answer, in words; empty where it is not known."""

    name: str
    link: str  # to its section
    score: str
    interval: str
    time: str
    parameters: str
    size: str

    @property
    def is_timed(self) -> bool:
        """Whether its training time is known."""
        return self.time != known_time(None)


@dataclass(frozen=True)
class Answer:
    """What is known of a corpus: its best recipe by dev, and the best baseline by dev on the same rows.

    recipe: None where none has been evaluated. baseline: None where none has been trained. difference: of their scores
    on test, None where one of them has no predictions. test_rows: how many rows test has, None where it is not known.
    """

    corpus: str
    metric: str
    recipe: ComparedModel | None
    baseline: ComparedModel | None
    difference: Difference | None
    test_rows: int | None = None

    @property
    def models(self) -> list[ComparedModel]:
        """Both models, as far as there are any."""
        return [model for model in (self.recipe, self.baseline) if model is not None]

    @property
    def heads(self) -> list[tuple[str, str]]:
        """A column for each model, as the template's tables have them: name and class."""
        return [(model.name, "n") for model in self.models]

    @property
    def gap(self) -> str:
        """By how many percentage points the scores on test differ."""
        return "" if self.difference is None else f"{100 * abs(self.difference.value):.2f}"

    def rows(self, timed: bool) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """The rows of the table: a name, and for each model a value with its interval; the difference is one value."""
        rows = "" if self.test_rows is None else f" ({plural(self.test_rows, 'row')})"
        yield f"{self.metric} on test{rows}", [(model.score, model.interval) for model in self.models]
        if self.difference is not None:
            low, high = self.difference.interval.bounds()
            yield "difference", [(f"{points(self.difference.value)} points", f"[{points(low)}, {points(high)}]")]
        if timed:
            yield "training time", [(model.time, "") for model in self.models]
        yield "parameters", [(model.parameters, "") for model in self.models]
        yield "size", [(model.size, "") for model in self.models]


def answers(content: ReportContent) -> dict[str, Any]:
    """The values of `answers.html`: an answer for each corpus, and what its scores cannot say."""
    recipes = content.recipes
    by_corpus: dict[str, list[RecipeResults]] = {}
    for recipe in sorted(recipes, key=lambda recipe: recipe.corpus_shown):
        by_corpus.setdefault(recipe.corpus_shown, []).append(recipe)
    return {
        "timed": content.times is not None,
        "answers": [_answer(corpus, of_corpus, content) for corpus, of_corpus in by_corpus.items()],
        "generated": any(recipe.generated for recipe in recipes),
        "capped": [recipe.name for recipe in recipes if recipe.train is not None and recipe.train.get("capped")],
    }


def _answer(corpus: str, recipes: Sequence[RecipeResults], content: ReportContent) -> Answer:
    recipe = best_recipe(recipes)
    if recipe is None:
        return Answer(corpus, "", None, None, None)
    rows = None if recipe.pad is None else recipe.pad["test"]["rows"]
    models = _recipe(recipe, content), _baseline(recipe, content)
    return Answer(corpus, METRICS[recipe.primary_metric], *models, recipe.ahead, rows)


def best_recipe(recipes: Sequence[RecipeResults]) -> RecipeResults | None:
    """The evaluated recipe with the best score on dev, the first of several equal ones; None if there is none."""
    evaluated = [recipe for recipe in recipes if recipe.test is not None]
    return max(evaluated, key=lambda recipe: (recipe.dev or {})[recipe.primary_metric], default=None)


def _recipe(recipe: RecipeResults, content: ReportContent) -> ComparedModel:
    assert recipe.test is not None
    metric = recipe.primary_metric
    return ComparedModel(
        name=recipe.name,
        link=f"#recipe-{recipe.name}",
        score=percent(recipe.test[metric]),
        interval=bounds(recipe.interval(metric)),
        time=known_time(content.times_of(recipe).seconds),
        parameters=thousands(recipe.parameters),
        size="" if recipe.size is None else file_size(recipe.size),
    )


def _baseline(recipe: RecipeResults, content: ReportContent) -> ComparedModel | None:
    name = recipe.best_baseline
    if recipe.baselines is None or name is None:
        return None
    metric, scores = recipe.primary_metric, recipe.baselines["baselines"][name]
    return ComparedModel(
        name=baseline_title(name),
        link="",
        score=percent(scores["test"][metric]),
        interval=bounds(scores.get("intervals", {}).get("test", {}).get(metric)),
        time=known_time(content.times_of(recipe).of_baseline(name)),
        parameters="–",
        size="–",
    )
