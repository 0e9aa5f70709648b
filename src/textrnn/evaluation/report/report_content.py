"""All that the page is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textrnn.evaluation.outputs.recipe_results import RecipeResults
from textrnn.evaluation.outputs.training_times import TrainingTimes
from textrnn.evaluation.report.study_section import ShownStudy

UNKNOWN = TrainingTimes()


@dataclass(frozen=True)
class ReportContent:
    """The results of recipes and of a study, if one was run.

    times: training times by recipe; None for the page that DVC keeps, which must be the same in every run.
    """

    recipes: Sequence[RecipeResults]
    study: ShownStudy | None = None
    times: Mapping[str, TrainingTimes] | None = None

    def times_of(self, recipe: RecipeResults) -> TrainingTimes:
        """The training times of a recipe and its baselines, as far as they are known."""
        return (self.times or {}).get(recipe.name, UNKNOWN)
