"""The whole graph on the real corpora: what DVC would run, a recipe by DVC, and all stages."""

from __future__ import annotations

import math
import re

import pytest

from factories.forked_stages import run_stages
from factories.graph import all_stages
from factories.params import PARAMS, RECIPES
from factories.projects import GOAL, dvc, make_project, read_json, stages_run

pytestmark = pytest.mark.slow

CORPORA = tuple(PARAMS["corpora"])


@pytest.mark.real
def test_the_whole_graph_runs_on_the_real_corpora(tmp_path, real_data):
    project = make_project(tmp_path / "project")
    said = dvc(project, "exp", "run", "-S", f"data.source={real_data}", "-S", "limits.rows=300", GOAL)
    own = ["parse@names", "segment@names_chars", "encode@names_chars", "vectorize@names_chars", "baseline@names_chars"]
    own += [f"{stage}@names_gru" for stage in ("embed", "pad", "train", "evaluate")]
    assert sorted(stages_run(said)) == sorted(own)
    stages = [stage for stage in all_stages() if not stage.startswith("sample@")]
    needed = re.findall(r'^"(\S+)";?$', dvc(project, "dag", "--dot", "report"), flags=re.MULTILINE)
    assert sorted(needed) == sorted(["check", *stages])
    run_stages(project, stages)
    for corpus in CORPORA:
        parsed = read_json(project, f"data/parsed/{corpus}")
        assert parsed["rows"] == {"train": 300, "dev": 300, "test": 300}
        assert {str(file["rejected"]) for file in parsed["files"].values()} == {"{}"}
        assert min(file["read"] for file in parsed["files"].values()) > 300
    for recipe in RECIPES:
        test = read_json(project, f"data/evaluated/{recipe}/metrics.json")["test"]
        assert math.isfinite(test["loss"])
        assert 0 < test["accuracy"] <= 1
        assert ("entity_f1" in test) == recipe.startswith("ner_")
