"""Which recipes a run is about, and the stages that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textrnn.common.params.sections import get_param
from textrnn.errors import UserError
from textrnn.evaluation.outputs.recipe_results import encodings_and_corpora
from textrnn.evaluation.outputs.results_table import GENERATED


@dataclass(frozen=True)
class Plan:
    """A run of some recipes with their baselines: the targets to give to DVC, and all stages that lead to them."""

    recipes: tuple[str, ...]
    targets: tuple[str, ...]
    stages: tuple[str, ...]


def first_recipes(params: Mapping[str, Any]) -> list[str]:
    """The last recipe of each corpus in params.yaml, in the order of the corpora; corpora without recipes are left out.

    Raises UserError, by dotted name, for a missing section.
    """
    last = {corpus: recipe for recipe, (_, corpus) in encodings_and_corpora(params).items()}
    return [last[corpus] for corpus in get_param(params, "corpora") if corpus in last]


def plan_run(params: Mapping[str, Any], recipes: Sequence[str]) -> Plan:
    """The plan of a run of these recipes. Raises UserError for an unknown recipe or a missing section."""
    origins, recipes = encodings_and_corpora(params), tuple(dict.fromkeys(recipes))
    for recipe in recipes:
        if recipe not in origins:
            raise UserError("recipes", "no such entry", got=repr(recipe), do=f"known: {', '.join(origins)}")
    encodings = list(dict.fromkeys(origins[recipe][0] for recipe in recipes))
    corpora = list(dict.fromkeys(origins[recipe][1] for recipe in recipes))
    generated = [f"sample@{corpus}" for corpus in corpora] if get_param(params, "data", "source") == GENERATED else []
    stages = ["check", *generated, *(f"parse@{corpus}" for corpus in corpora)]
    for stage in ("segment", "encode", "vectorize", "baseline"):
        stages += [f"{stage}@{encoding}" for encoding in encodings]
    for stage in ("embed", "pad", "train", "evaluate", "analyze"):
        stages += [f"{stage}@{recipe}" for recipe in recipes]
    targets = [*(f"baseline@{encoding}" for encoding in encodings), *(f"analyze@{recipe}" for recipe in recipes)]
    return Plan(recipes, tuple(targets), tuple(stages))
