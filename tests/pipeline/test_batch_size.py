"""`-S train.batch_size=1024` on as many rows as the sample has changes the figures of all recipes that it is for."""

from __future__ import annotations

from typing import Any

import pytest

from factories.forked_stages import run_stages
from factories.params import PARAMS, RECIPES
from factories.projects import SMALL, make_project, read_json, set_params

pytestmark = pytest.mark.slow

# a batch size of its own takes precedence
RECIPES_FOR_IT = [recipe for recipe in RECIPES if "batch_size" not in PARAMS["recipes"][recipe]["train"]]


def origins(recipe: str) -> tuple[str, str]:
    encoding = PARAMS["recipes"][recipe]["encoding"]
    return encoding, PARAMS["encodings"][encoding]["corpus"]


def test_the_figures_of_every_recipe_without_a_batch_size_of_its_own_change(tmp_path):
    assert len(RECIPES_FOR_IT) >= 7
    assert all(PARAMS["train"][name] is None for name in ("batch_tokens", "time_limit_seconds"))
    rows = {"sample.rows": PARAMS["sample"]["rows"]}
    project = make_project(tmp_path / "project", {**SMALL, **rows, "train.learning_rate": 0.01})
    encodings = list(dict.fromkeys(origins(recipe)[0] for recipe in RECIPES_FOR_IT))
    corpora = list(dict.fromkeys(origins(recipe)[1] for recipe in RECIPES_FOR_IT))
    stages = ["check", *(f"{stage}@{corpus}" for corpus in corpora for stage in ("sample", "parse"))]
    stages += [f"{stage}@{encoding}" for encoding in encodings for stage in ("segment", "encode", "vectorize")]
    stages += [f"{stage}@{recipe}" for recipe in RECIPES_FOR_IT for stage in ("embed", "pad")]
    trained = [f"{stage}@{recipe}" for recipe in RECIPES_FOR_IT for stage in ("train", "evaluate")]

    def scores() -> dict[str, Any]:
        return {recipe: read_json(project, f"metrics/{recipe}/scores.json")[recipe] for recipe in RECIPES_FOR_IT}

    run_stages(project, [*stages, *trained])
    before = scores()
    set_params(project, {"train.batch_size": 1024})
    run_stages(project, trained)
    after = scores()
    for recipe in RECIPES_FOR_IT:
        assert {split for split in after[recipe] if after[recipe][split] != before[recipe][split]} == {"dev", "test"}
