"""The whole graph on the sample corpora: run by DVC, and with other workers; its metrics and plots."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from factories.forked_stages import run_stages
from factories.graph import all_stages, script_of
from factories.params import PARAMS, RECIPES
from factories.plots import PLOTS, SHARED_PLOTS, drawn_plots
from factories.projects import commit, dvc, make_project, run, stages_run, use_pools, written

pytestmark = pytest.mark.slow

ENCODINGS = tuple(PARAMS["encodings"])


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Two fresh projects after all stages: run by DVC with one worker, and what that said; run alone, with three.

    The second one's shards go to a pool of processes, which so few rows are not worth.
    """
    folder = tmp_path_factory.mktemp("whole")
    one, three = make_project(folder / "one"), make_project(folder / "three")
    use_pools(three)
    said = dvc(one, "repro")
    commit(one)
    run_stages(three, ["check", *all_stages()], TEXTRNN_WORKERS="3")
    return (one, said), three


@pytest.fixture
def project(twins, tmp_path):
    """A copy of the first project after its run, for one test to change."""
    return shutil.copytree(twins[0][0], tmp_path / "project")


def lock(project: Path) -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return stages


def covered(files: Iterable[str]) -> set[str]:
    """The files and all folders that they are in."""
    return {str(path) for name in files for path in (Path(name), *Path(name).parents)}


def leaves(values: Any) -> int:
    return sum(map(leaves, values.values())) if isinstance(values, dict) else 1


def test_the_whole_graph_runs_once_and_then_has_nothing_to_do(twins):
    project, said = twins[0]
    assert sorted(stages_run(said)) == sorted(all_stages())
    assert len(all_stages()) + 1 == 105  # with `check`
    again = dvc(project, "repro")
    assert stages_run(again) == []
    assert "Data and pipelines are up to date." in again
    assert run(project, "git", "status", "--porcelain").stdout == ""


def test_a_run_with_another_number_of_workers_is_the_same_to_the_byte(twins):
    (one, _), three = twins
    assert {name: stage["cmd"].split()[1:] for name, stage in lock(one).items()} == {
        stage: script_of(stage) for stage in ("check", *all_stages())
    }
    files = written(one)
    assert written(three) == files
    assert len([name for name in files if re.fullmatch(r"metrics/.*\.json", name)]) == len(ENCODINGS) + len(RECIPES)
    assert {out["path"] for stage in lock(one).values() for out in stage["outs"]} <= covered(files)


def test_the_metrics_are_few_and_of_fixed_names(project):
    shown = json.loads(run(project, "dvc", "metrics", "show", "--json").stdout)[""]["data"]
    values = {name: file["data"] for name, file in shown.items()}
    assert sum(map(leaves, values.values())) == 4 * len(RECIPES) + len(ENCODINGS) <= 60
    for recipe in RECIPES:
        scores = values[f"metrics/{recipe}/scores.json"]
        assert set(scores) == {recipe}
        assert {(split, name) for split, each in scores[recipe].items() for name in each} == set(
            itertools.product(("dev", "test"), ("score", "loss"))
        )
    for encoding in ENCODINGS:
        assert set(values[f"metrics/{encoding}/baseline.json"][encoding]) == {"baseline"}


def test_every_recipe_has_its_plots(project):
    dvc(project, "plots", "show")
    plots = drawn_plots(project / "dvc_plots" / "index.html")
    assert plots.keys() == {*SHARED_PLOTS, *(f"metrics_{recipe}_{plot}_csv" for recipe in RECIPES for plot in PLOTS)}
    for recipe in RECIPES:
        curves = plots[f"metrics_{recipe}_curves_csv"]["data"]["values"]
        assert {point["split"] for point in curves} == {"train", "dev"}
        assert all(float(point["loss"]) > 0 for point in curves)
        confusion = plots[f"metrics_{recipe}_confusion_csv"]["data"]["values"]
        assert confusion
        assert all({"actual", "predicted"} <= row.keys() for row in confusion)


def test_the_plots_of_several_recipes_have_the_values_of_each(project):
    dvc(project, "plots", "show", *SHARED_PLOTS)
    losses, accuracies = (drawn_plots(project / "dvc_plots" / "index.html")[name] for name in SHARED_PLOTS)
    lines = {point["filename"].removesuffix("/curves.csv") for point in losses["data"]["values"]}
    assert lines == {name for name in RECIPES if name.startswith("news_")}
    rows = accuracies["data"]["values"]
    recipes = {row["filename"].removesuffix("/confusion.csv") for row in rows}
    assert recipes == {name for name in RECIPES if not name.startswith("ner_")}
    for recipe in recipes:
        correct = [row["actual"] == row["predicted"] for row in rows if row["filename"].startswith(f"{recipe}/")]
        scores = json.loads((project / f"metrics/{recipe}/scores.json").read_text(encoding="utf-8"))[recipe]
        assert sum(correct) / len(correct) == pytest.approx(scores["test"]["score"], abs=1e-6)


def test_plots_leave_out_a_recipe_that_has_not_been_run(project):
    shutil.rmtree(project / "metrics" / "news_lstm")
    dvc(project, "plots", "show", *SHARED_PLOTS)
    for plot in drawn_plots(project / "dvc_plots" / "index.html").values():
        names = {row["filename"].partition("/")[0] for row in plot["data"]["values"]}
        assert "news_lstm" not in names
        assert {"news_rnn", "news_bilstm"} <= names
