"""Experiments on one recipe: a queued sweep, and a run in a folder elsewhere."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from factories.plots import drawn_plots
from factories.projects import RECIPE, dvc, read_json, run, stages_run

pytestmark = pytest.mark.slow


@pytest.fixture
def project(recipe_project, tmp_path):
    """A project in which the recipe has been run, for one test to change."""
    return shutil.copytree(recipe_project(RECIPE), tmp_path / "project")


def test_a_queued_sweep_shows_each_run_with_its_params_and_metrics(project, tmp_path):
    dvc(project, "exp", "run", "--queue", "-S", "train.batch_size=64,32", "evaluate@names_gru")
    said = dvc(project, "exp", "run", "--run-all")
    assert stages_run(said) == ["train@names_gru", "evaluate@names_gru"] * 2
    _, head = json.loads(run(project, "dvc", "exp", "show", "--json").stdout)
    shown = {experiment["name"]: experiment["revs"][0]["data"] for experiment in head["experiments"]}
    sizes = {name: data["params"]["params.yaml"]["data"]["train"]["batch_size"] for name, data in shown.items()}
    assert sorted(sizes.values()) == [32, 64]
    scores = "metrics/names_gru/scores.json"
    losses = {data["metrics"][scores]["data"]["names_gru"]["test"]["loss"] for data in shown.values()}
    assert len(losses - {read_json(project, scores)["names_gru"]["test"]["loss"]}) == 2
    dvc(project, "plots", "diff", *shown, "-o", str(tmp_path / "compared"))
    curves = drawn_plots(tmp_path / "compared" / "index.html")["metrics_names_gru_curves_csv"]["data"]["values"]
    last = {point["rev"]: int(point["step"]) for point in curves}
    steps = {sizes[name]: step for name, step in last.items()}
    assert read_json(project, "models/names_gru/training.json")["steps"] < steps[64] < steps[32]


def test_a_run_elsewhere_names_a_relative_source_that_is_not_there(project):
    shutil.copytree(project / "data" / "sample", project.with_name("raw"), copy_function=shutil.copyfile)
    said = dvc(project, "exp", "run", "--temp", "-S", "data.source=../raw", "parse@names", code=255)
    assert "failed to reproduce 'parse@names'" in said
    assert re.search(r"No such file or directory: '\S+/raw/names'", said)
    assert "Traceback" not in said
    source = project.with_name("raw")
    said = dvc(project, "exp", "run", "--temp", "-S", f"data.source={source}", "parse@names")
    assert stages_run(said) == ["parse@names"]
