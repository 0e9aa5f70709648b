"""docs/experiments.md, and what docs/training.md says of batch losses, as a reader follows them in a project."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from factories.imports import ROOT
from factories.projects import dvc, run, stages_run
from textrnn.common.params.params_file import read_params

pytestmark = pytest.mark.slow

TARGET = "evaluate@news_rnn"  # of those that name none: the other recipes take as long and are no other case


@pytest.fixture
def project(recipe_project, tmp_path):
    project = shutil.copytree(recipe_project("news_rnn"), tmp_path / "project", symlinks=True)
    run(project, "git", "branch", "-M", "main")
    return project


def lines_of(heading: str, page: str = "experiments.md") -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    section = re.split(r"(?m)^#", re.split(rf"\n##+ {heading}\n", text)[1])[0]
    return re.findall(r"(?m)^ {4}(\S.*)$", section)


def follow(project: Path, line: str, **names: str) -> str:
    """What a shell says to a line, names in angle brackets filled in, and runs without a target given one."""
    for name, value in names.items():
        line = line.replace(f"<{name}>", value)
    command = line.partition("  # ")[0]
    runs = command.startswith("dvc exp run") and "@" not in command and "--run-all" not in command
    return run(project, "bash", "-c", f"{command} {TARGET}" if runs else command).stdout


def sizes(project: Path) -> set[int]:
    """The batch size of each experiment."""
    _, head = json.loads(run(project, "dvc", "exp", "show", "--json").stdout)
    params = [each["revs"][0]["data"]["params"]["params.yaml"]["data"] for each in head["experiments"]]
    return {each["train"]["batch_size"] for each in params}


def test_changes_and_comparisons(project):
    before = read_params(project / "params.yaml")
    first, second, readout, both = lines_of("One change")[:4]
    assert stages_run(follow(project, first)) == ["train@news_rnn", TARGET]
    assert stages_run(follow(project, second)) == []
    assert stages_run(follow(project, readout)) == ["train@news_rnn", TARGET]
    assert stages_run(follow(project, both)) == ["pad@news_rnn", "train@news_rnn", TARGET]
    name = run(project, "dvc", "exp", "list", "--name-only").stdout.split()[0]

    metrics, own, named, params, plots, plots_named, shown, few, table = (
        follow(project, line, name=name) for line in lines_of("Comparing")
    )
    assert "metrics/news_rnn/scores.json" in metrics
    assert "metrics/news_rnn/scores.json" in own
    assert "metrics/news_rnn/scores.json" in named
    assert "recipes.news_rnn.pad.max_length" in params
    assert "dvc_plots/index.html" in plots
    assert "dvc_plots/index.html" in plots_named
    assert name in shown
    assert "news_rnn.test" in few
    assert "loss" not in few
    assert "| Experiment" in table
    assert "train.batch_size" in table
    assert "news_rnn.test.score" in table

    (back,) = lines_of("One change")[4:]
    follow(project, back)
    assert read_params(project / "params.yaml") == before
    assert "Data and pipelines are up to date." in dvc(project, "repro", TARGET)
    assert "Is your cache up to date?" in dvc(project, "exp", "apply", name, code=255)  # as the page says
    assert read_params(project / "params.yaml") != before
    assert "Data and pipelines are up to date." in dvc(project, "repro", TARGET)


def test_a_sweep_is_queued_and_run(project):
    queue, run_all, status = lines_of("A sweep")
    follow(project, queue)
    assert follow(project, status).count("Queued") == 3
    follow(project, run_all)
    assert sizes(project) == {64, 256, 1024}


def test_the_results_of_a_recipe_and_the_loss_of_every_batch(project):
    (results,) = lines_of("The results of one recipe")
    before = follow(project, results)
    with (project / "data" / "evaluated" / "news_rnn" / "metrics.json").open(encoding="utf-8") as file:
        test = json.load(file)["test"]
    first, second, *_ = before.splitlines()
    assert first.startswith("news_rnn on test, ")
    assert first.endswith(f" rows: loss {test['loss']:.4f}, accuracy {test['accuracy']:.4f}")
    assert second.startswith("time of training: 0:0")
    macro = [float(value) for value in re.findall(r"(?m)^ *macro avg(.*)$", before)[0].split()]
    assert macro[2] == pytest.approx(test["macro_f1"], abs=5e-5)

    weights = (project / "models" / "news_rnn" / "model.safetensors").read_bytes()
    train, draw = lines_of("The loss of every batch", "training.md")
    assert stages_run(follow(project, train)) == ["train@news_rnn"]
    assert (project / "models" / "news_rnn" / "model.safetensors").read_bytes() == weights
    steps = json.loads((project / "models" / "news_rnn" / "training.json").read_text(encoding="utf-8"))["steps"]
    said = follow(project, draw)
    assert said.startswith(f"plots/losses/news_rnn.svg: {steps} batches, loss ")
    assert (project / "plots" / "losses" / "news_rnn.svg").is_file()
    assert "Data and pipelines are up to date." in dvc(project, "repro", TARGET)
