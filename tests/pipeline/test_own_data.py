"""Runs docs/own-data.md as a reader would: its file and its commands are taken from the page."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from factories.imports import ROOT, SOURCE
from factories.projects import environment, run, stages_run
from textrnn.common.params.params_file import read_params
from textrnn.common.params.project_check import check_project
from textrnn.project.creation import choices
from textrnn.project.shipped import recipes

PAGE = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
COMMAND = (sys.executable, "-c", "from textrnn.cli import main; main()")  # the command `textrnn`
LIBRARY = {"PYTHONPATH": str(SOURCE)}
IDENTITY = {f"GIT_{who}_{what}": "tests" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", PAGE)


def words_of(line: str) -> list[str]:
    first, *rest = shlex.split(line)
    return [*COMMAND, *rest] if first == "textrnn" else [first, *rest]


def commands() -> list[list[str]]:
    """The words of each indented line, in order."""
    prose = re.sub(r"\\\n *", "", re.sub(r"(?ms)^```.*?^```$", "", PAGE))  # a line that goes on is one
    lines = re.findall(r"(?m)^ {4}(\S.*)$", prose)
    return [words_of(line) for line in lines]


def write_file(folder: Path) -> None:
    (csv,) = blocks("csv")
    (folder / "tickets.csv").write_text(csv, encoding="utf-8")


def test_ten_commands_lead_from_the_file_to_a_server():
    assert len(commands()) == 10


def test_the_page_says_how_to_install_elsewhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (block,) = blocks("bash")
    wheel, install = (shlex.split(line.replace("<", "{").replace(">", "}")) for line in block.splitlines())
    assert wheel == ["pip", "wheel", "--no-deps", "-w", "dist", "."]
    assert install[:4] == ["pip", "install", "-c", "{checkout}/constraints.txt"]
    assert (ROOT / "constraints.txt").is_file()
    assert install[4] == f"dist/{project['name']}-{{version}}-py3-none-any.whl[serve]"
    assert {"serve", "crf", "onnx"} <= project["optional-dependencies"].keys()
    before, _, after = PAGE.partition("```bash")
    assert "`[serve,crf]`" in after.partition("## 1.")[0]
    assert "## 1." not in before
    assert "`--text-encoding cp1252`" in PAGE.partition("## 5.")[2]


def test_the_report_on_the_file(tmp_path, run_command, monkeypatch):
    write_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    check = commands()[0]
    code, said, _ = run_command(*check[len(COMMAND) :])
    assert code == 0
    (printed,) = blocks("text")
    assert said == printed


def test_the_page_says_what_is_picked():
    source = "".join(Path(module.__file__).read_text(encoding="utf-8") for module in (choices, recipes))
    templates = set(re.findall(r'"(\w+_(?:bilstm|bigru|bilstm_crf))"', source))
    table = PAGE.partition("| your texts |")[2].partition("\n\n")[0]
    assert templates == set(re.findall(r"`(\w+_(?:bilstm_crf|bilstm|bigru))`", table))
    assert f"up to {recipes.FEW_ROWS:,} rows" in table
    assert f"or a tenth if the file has {choices.SMALL_FILE:,} rows or more" in " ".join(PAGE.split())


@contextlib.contextmanager
def serving(project: Path, *words: str) -> Iterator[str]:
    """Run the page's command on a free port; yield the URL that it prints."""
    variables = environment(project, **LIBRARY)
    process = subprocess.Popen([*words, "--port", "0"], cwd=project, env=variables, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.slow
def test_the_commands_lead_from_the_file_to_a_server(tmp_path):
    write_file(tmp_path)
    _, init, cd, commit, repro, table, predict, predict_file, serve, curl = commands()
    assert "recipe tickets_bilstm on encoding tickets_words" in run(tmp_path, *init, **LIBRARY).stdout
    assert cd[0] == "cd"
    project = tmp_path / cd[1]
    check_project(read_params(project / "params.yaml"), project)
    assert commit[:2] == ["git", "commit"]
    run(project, *commit, **IDENTITY)

    assert len(stages_run(run(project, *repro, **LIBRARY).stdout)) == 11
    assert "tickets_bilstm" in run(project, *table, **LIBRARY).stdout
    assert "tickets_bilstm" in (project / "reports" / "index.html").read_text(encoding="utf-8")
    assert "tickets" in (project / "models" / "tickets_bilstm.md").read_text(encoding="utf-8")

    predictions = [json.loads(line) for line in run(project, *predict, **LIBRARY).stdout.splitlines()]
    assert [prediction["text"] for prediction in predictions] == predict[-4:-2]
    assert [prediction["label"] for prediction in predictions] == ["delivery", "billing"]
    assert [list(prediction["probabilities"]) for prediction in predictions] == [["delivery"], ["billing"]]
    run(project, *predict_file, **LIBRARY)
    lines = (project / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines][13] == "The invoice says 40, the shop said 30"
    assert len(lines) == 30

    with serving(project, *serve) as url:
        program, address, header_option, header, body_option, body = curl
        assert (program, header_option, body_option) == ("curl", "-H", "-d")
        address = address.replace("http://127.0.0.1:8000", url)
        response = requests.post(address, data=body, headers=dict([header.split(": ")]), timeout=60).json()
    assert [prediction["label"] for prediction in response["predictions"]] == ["delivery"]

    add, repro, compare = (words_of(line) for line in blocks("sh")[0].splitlines())
    run(project, *add, **LIBRARY)
    ran = stages_run(run(project, *repro, **LIBRARY).stdout)
    assert ran == ["embed@mine", "pad@mine", "train@mine", "evaluate@mine"]
    assert "mine" in run(project, *compare, **LIBRARY).stdout
    raw = project / "data" / "raw" / "tickets"
    lines = (raw / "tickets.csv").read_bytes().splitlines(keepends=True)
    (raw / "tickets.csv").unlink()  # it may be a link into the cache
    (raw / "tickets.csv").write_bytes(b"".join([*lines, lines[-1]]))
    version = raw.with_suffix(".dvc").read_bytes()
    add, repro, stage, commit = (words_of(line) for line in blocks("sh")[1].splitlines())
    run(project, *add, **LIBRARY)
    assert raw.with_suffix(".dvc").read_bytes() != version
    assert stages_run(run(project, *repro, **LIBRARY).stdout)[0] == "parse@tickets"
    run(project, *stage)
    run(project, *commit, **IDENTITY)
    assert run(project, "git", "status", "--porcelain").stdout == ""

    for line in re.findall(r"`(textrnn add [^`]*)`", " ".join(PAGE.split())):
        if "--from" in line:
            run(project, *words_of(line), **LIBRARY)
    run(project, *COMMAND, "check", **LIBRARY)
