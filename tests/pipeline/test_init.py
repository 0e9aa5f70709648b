"""A project made by the installed package, outside any checkout: `dvc repro` runs it, and again what has changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from factories.imports import ROOT
from factories.projects import commit, dvc, environment, run, stages_run

pytestmark = pytest.mark.slow

PACKAGED = (
    *("src", "pipeline", "pyproject.toml", "README.md", "LICENSE"),
    *("dvc.yaml", "params.yaml", ".dvcignore", ".dvc/plots"),
)
COMMAND = (sys.executable, "-c", "from textrnn.cli import main; main()")  # the command `textrnn`
TEXTS = {
    "delivery": "the parcel {} has not arrived and the driver is late",
    "billing": "the invoice {} has a fee and I was charged twice",
}
RAN = [
    *("parse@tickets", "segment@tickets_words", "encode@tickets_words", "vectorize@tickets_words"),
    *("embed@tickets_bilstm", "pad@tickets_bilstm", "train@tickets_bilstm", "evaluate@tickets_bilstm"),
    *("analyze@tickets_bilstm", "baseline@tickets_words", "report"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder into which a wheel of this checkout is installed."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for name in PACKAGED:
        path = ROOT / name
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(path, source / name, symlinks=True, ignore=ignored)
        else:
            shutil.copyfile(path, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    offline = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "-w", str(source / "dist"), str(source)]
    subprocess.run(build, check=True, capture_output=True, cwd=source)
    (wheel,) = (source / "dist").glob("*.whl")
    install = [*pip, "install", *offline, "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, cwd=site)
    shutil.rmtree(source)
    return site


def textrnn(site: Path, folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    return run(folder, *COMMAND, *arguments, code=code, PYTHONPATH=str(site))


@pytest.fixture(scope="module")
def project(site, tmp_path_factory):
    """A project of a CSV file that has been run and committed."""
    folder = tmp_path_factory.mktemp("mine")
    rows = [f"{text.format(number)},{label}" for number in range(30) for label, text in TEXTS.items()]
    (folder / "tickets.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    said = textrnn(site, folder, "init", "helpdesk", "--file", "tickets.csv").stdout
    assert "language:   English" in said
    assert "labels:     2: delivery 30, billing 30" in said
    assert "recipe tickets_bilstm on encoding tickets_words" in said
    project = folder / "helpdesk"
    set_steps(project, 40)
    run(project, "git", "config", "user.name", "tests")
    run(project, "git", "config", "user.email", "tests@localhost")
    commit(project)
    assert sorted(stages_run(dvc(project, "repro", PYTHONPATH=str(site)))) == sorted(RAN)
    commit(project)
    return project


def set_steps(project: Path, steps: int) -> None:
    """Few steps of training, which are enough for these texts."""
    path = project / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count("      min_steps: 1500 ") == 1
    path.write_text(text.replace("      min_steps: 1500 ", f"      min_steps: {steps} "), encoding="utf-8")


def again(project: Path, site: Path) -> list[str]:
    return stages_run(dvc(project, "repro", PYTHONPATH=str(site)))


def test_the_package_is_the_installed_one(site, project):
    where = run(project, sys.executable, "-c", "import textrnn; print(textrnn.__file__)", PYTHONPATH=str(site)).stdout
    assert Path(where.strip()).is_relative_to(site)
    assert not (site / "textrnn/project/shipped/files/pipeline").is_symlink()
    assert (site / "textrnn/project/shipped/files/graph.yaml").read_bytes() == (ROOT / "dvc.yaml").read_bytes()


def test_nothing_runs_again_and_the_lock_stays(site, project):
    before = (project / "dvc.lock").read_bytes()
    assert again(project, site) == []
    assert (project / "dvc.lock").read_bytes() == before
    assert run(project, "git", "status", "--porcelain").stdout == ""


def test_the_results_are_there(site, project):
    table = run(project, sys.executable, "pipeline/table.py", PYTHONPATH=str(site)).stdout
    assert "tickets_bilstm" in table
    assert "corpora of data/raw" in table
    assert "generated" not in table
    assert "tickets_bilstm" in (project / "reports/index.html").read_text(encoding="utf-8")
    texts = [text.format("99") for text in TEXTS.values()]
    said = textrnn(site, project, "predict", "models/tickets_bilstm", *texts).stdout
    assert [json.loads(line)["label"] for line in said.splitlines()] == list(TEXTS)
    assert textrnn(site, project, "check").stdout == "params.yaml is valid\n"


def test_plots_are_drawn(site, project, tmp_path):
    dvc(project, "plots", "show", "-o", str(tmp_path), PYTHONPATH=str(site))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "tickets_bilstm: loss during training" in page
    assert "tickets_bilstm: predicted labels on test, as shares of the actual label" in page


def test_a_newer_library_runs_again_what_it_changes(site, project, tmp_path):
    newer = shutil.copytree(site, tmp_path / "newer")
    with (newer / "textrnn/evaluation/analysis/model_card.py").open("a", encoding="utf-8") as file:
        file.write("\n# edited\n")
    assert again(project, newer) == ["analyze@tickets_bilstm"]  # its outputs are the same bytes, so nothing follows
    with (newer / "textrnn/project/shipped/files/pipeline/pad.py").open("a", encoding="utf-8") as file:
        file.write("\n# edited\n")
    assert again(project, newer) == ["pad@tickets_bilstm"]
    for path in ("inference/prediction/predictor.py", "stage.py", "common/config/train.py", "modeling/nn/README.md"):
        with (newer / "textrnn" / path).open("a", encoding="utf-8") as file:
            file.write("\n# edited\n")
    assert again(project, newer) == []
    assert again(project, site) == []  # DVC has what the older one made


def test_a_changed_param_and_new_rows_run_again_what_they_affect(site, project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy", symlinks=True)
    text = (copy / "params.yaml").read_text(encoding="utf-8")
    (copy / "params.yaml").write_text(text.replace("      std: 0.1 ", "      std: 0.2 "), encoding="utf-8")
    assert again(copy, site)[:3] == ["embed@tickets_bilstm", "train@tickets_bilstm", "evaluate@tickets_bilstm"]
    path = copy / "data/raw/tickets/tickets.csv"
    rows = path.read_bytes() + b"one more invoice with a fee,billing\n"
    path.unlink()  # it may be a link into the cache
    path.write_bytes(rows)
    assert again(copy, site)[0] == "parse@tickets"


def test_a_second_recipe(site, project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy", symlinks=True)
    textrnn(site, copy, "add", "recipe", "mine", "--from", "tickets_bilstm")
    said = dvc(copy, "repro", "evaluate@mine", PYTHONPATH=str(site))
    assert stages_run(said) == ["embed@mine", "pad@mine", "train@mine", "evaluate@mine"]
    assert "no significant difference" in textrnn(site, copy, "compare", "mine", "tickets_bilstm").stdout


def test_a_corpus_elsewhere_is_tracked(site, project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy", symlinks=True)
    elsewhere = shutil.copytree(copy / "data/raw/tickets", tmp_path / "elsewhere")
    textrnn(site, copy, "add", "corpus", "mails", "--from", "tickets", "--source", str(elsewhere))
    assert stages_run(dvc(copy, "repro", "parse@mails", PYTHONPATH=str(site))) == ["parse@mails"]
    assert stages_run(dvc(copy, "repro", "parse@mails", PYTHONPATH=str(site))) == []
    path = elsewhere / "tickets.csv"
    rows = path.read_bytes() + b"one more invoice with a fee,billing\n"
    path.unlink()
    path.write_bytes(rows)
    assert stages_run(dvc(copy, "repro", "parse@mails", PYTHONPATH=str(site))) == ["parse@mails"]


def test_errors_of_params_stop_the_run_before_any_stage(site, project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy", symlinks=True)
    text = (copy / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("encoding: tickets_words", "encoding: tickets_word").replace("std: 0.1 ", "vectors: none.vec ")
    (copy / "params.yaml").write_text(text, encoding="utf-8")
    said = dvc(copy, "repro", code=255, PYTHONPATH=str(site))
    assert stages_run(said) == []
    assert "recipes.tickets_bilstm.encoding: must name an entry of encodings; got 'tickets_word'" in said
    assert "recipes.tickets_bilstm.embed.vectors: is not in data.vectors, data/vectors; got 'none.vec'" in said


def test_inside_another_repository(site, project, tmp_path):
    run(tmp_path, "git", "init", "-q")
    shutil.copyfile(project / "data/raw/tickets/tickets.csv", tmp_path / "tickets.csv")
    textrnn(site, tmp_path, "init", "sub/mine", "--file", "tickets.csv")
    inner = tmp_path / "sub" / "mine"
    assert not (inner / ".git").exists()
    assert (inner / ".dvc").is_dir()
    assert stages_run(dvc(inner, "repro", "parse@tickets", PYTHONPATH=str(site))) == ["parse@tickets"]
    (tmp_path / ".gitignore").write_text("/ignored\n", encoding="utf-8")
    said = textrnn(site, tmp_path, "init", "ignored/mine", "--file", "tickets.csv", code=1).stderr
    assert "lies in a git repository that ignores it; got " in said
    assert "dvc.yaml; name a folder outside" in said
    assert not (tmp_path / "ignored" / "mine").exists()


def test_git_is_needed(site, project, tmp_path):
    shutil.copyfile(project / "data/raw/tickets/tickets.csv", tmp_path / "tickets.csv")
    variables = environment(tmp_path, PYTHONPATH=str(site), PATH=os.fspath(tmp_path))
    done = subprocess.run(
        [*COMMAND, "init", "mine", "--file", "tickets.csv"], cwd=tmp_path, env=variables, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, "error: git: is not found; install git, then the same command again\n")
    assert not (tmp_path / "mine").exists()
