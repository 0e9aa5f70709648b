"""docs/training.md on a machine that only trains: its commands as they stand there, and DVC takes what came of them."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest

from factories.bare_python import link_distributions, run_bare
from factories.imports import ROOT
from factories.projects import RECIPE, dvc, make_project, run, set_params, stages_run, written
from factories.requirements import read_requirements
from textrnn.common.params.params_file import read_params

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n### A machine that only trains\n")[2]
SHOWN = "news_lstm"  # the recipe of the page
SEED = {"train.seed": 12}


def commands():
    """The commands of the page by their first words, for the recipe that is trained here."""
    shown, own = (read_params(ROOT / "params.yaml")["recipes"][name]["encoding"] for name in (SHOWN, RECIPE))
    lines = [line for line in re.findall(r"(?m)^ {4}(\S.*)$", SECTION) if not line.startswith("docker")]
    words = [shlex.split(line.replace(SHOWN, RECIPE).replace(shown, own)) for line in lines]
    return {" ".join(each[:2]): each for each in words}


def test_a_recipe_is_trained_there_and_recorded_here(recipe_project, tmp_path):
    here, there = tmp_path / "here", make_project(tmp_path / "there")
    shutil.copytree(recipe_project(RECIPE), here, symlinks=True)
    for project in (here, there):
        set_params(project, SEED)
    before = written(here)
    shown = commands()

    pack = shown["tar -chzf"]
    run(here, *pack)
    run(there, "tar", "-xzf", str(here / pack[2]))
    packages = link_distributions(tmp_path / "packages", read_requirements())
    for stage in ("train", "evaluate"):
        python, *words = shown[f"python pipeline/{stage}.py"]
        assert python == "python"
        done = run_bare(packages, *words, folder=there)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout

    results = re.findall(r"`((?:models|metrics|data/evaluated)/\w+)`", SECTION.replace(SHOWN, RECIPE))
    assert results == [f"{folder}/{RECIPE}" for folder in ("models", "metrics", "data/evaluated")]
    for name in results:
        shutil.rmtree(here / name)
        shutil.copytree(there / name, here / name)
    assert f"Running stage 'train@{RECIPE}'" in dvc(here, "repro", "--dry", f"evaluate@{RECIPE}")
    dvc(here, *shown["dvc commit"][1:])
    assert stages_run(dvc(here, "repro", f"evaluate@{RECIPE}")) == []
    after = written(here)
    model = f"models/{RECIPE}/model.safetensors"
    assert after[model] != before[model]
    assert after[model] == written(there)[model]
