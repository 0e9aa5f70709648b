"""docs/experiments.md on a cache shared by a remote and on CI: its commands, as they stand there, in two clones."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from factories.imports import ROOT
from factories.projects import dvc, make_project, run, stages_run, written
from textrnn.common.params.params_file import read_params

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")


def follow(project: Path, heading: str) -> list[str]:
    """Run the indented lines under a heading; what each said."""
    section = PAGE.partition(f"\n{heading}\n")[2]
    lines = re.findall(r"(?m)^ {4}(\S.*)$", re.split(r"(?m)^#", section)[0])
    words = (shlex.split(line.replace("/absolute/folder", "../remote"), comments=True) for line in lines)
    return [run(project, *each).stdout for each in words]


def test_what_one_clone_pushes_another_need_not_run(tmp_path):
    maker = make_project(tmp_path / "maker")
    run(maker, "git", "branch", "-M", "main")
    run(maker, "git", "init", "-q", "--bare", "../origin")
    run(maker, "git", "remote", "add", "origin", "../origin")
    run(maker, "git", "push", "-q", "origin", "main")
    dvc(maker, "repro", "evaluate@news_rnn")
    run(maker, "git", "checkout", "-q", "-b", "larger-batches")
    follow(maker, "### Where results are made")

    user = tmp_path / "user"
    run(tmp_path, "git", "clone", "-q", "-b", "larger-batches", "origin", "user")
    run(user, "git", "branch", "-q", "main", "origin/main")
    one, whole, repro, _, experiment = follow(user, "### Where they are used")
    assert "models/news_rnn" in one
    assert "data/padded/news_rnn" in whole
    assert stages_run(repro) == []
    assert "Data and pipelines are up to date." in repro
    assert "metrics/news_rnn/scores.json" in experiment
    assert read_params(user / "params.yaml")["train"]["batch_size"] == 512
    model = "models/news_rnn/model.safetensors"
    assert written(user)[model] == written(maker)[model]

    dry, metrics, params = follow(user, "## CI")
    assert "Data and pipelines are up to date." in dry
    assert re.search(r"\| params\.yaml *\| train\.batch_size *\| 256 *\| 512 *\|", params)
    assert "metrics/news_rnn/scores.json" in metrics
