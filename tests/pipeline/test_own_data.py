"""Runs docs/own-data.md as a reader would: its file, snippet, entries and commands are taken from the page."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from factories.imports import ROOT
from factories.projects import environment, make_project, run, stages_run
from textrnn.common.params.check import check_params
from textrnn.common.params.params_file import read_params

PAGE = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
TABLES = ("corpora", "encodings", "recipes")
COMMAND = (sys.executable, "-c", "from textrnn.cli import main; main()")  # the command `textrnn`


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", PAGE)


def commands() -> list[list[str]]:
    """The words of each indented line, in order."""
    lines = re.findall(r"(?m)^ {4}(\S.*)$", re.sub(r"(?ms)^```.*?^```$", "", PAGE))
    words = (shlex.split(line) for line in lines)
    return [[*COMMAND, *rest] if first == "textrnn" else [first, *rest] for first, *rest in words]


def add_entries(path: Path) -> None:
    """Insert each entry of the page as the first one of its table."""
    text = path.read_text(encoding="utf-8")
    for table, entry in zip(TABLES, blocks("yaml"), strict=True):
        text, substitutions = re.subn(rf"(?m)^{table}:.*\n", lambda head, entry=entry: head[0] + entry, text)
        assert substitutions == 1
    path.write_text(text, encoding="utf-8")


def split_file(folder: Path) -> None:
    (csv,), (snippet,) = blocks("csv"), blocks("python")
    (folder / "tickets.csv").write_text(csv, encoding="utf-8")
    run(folder, sys.executable, "-c", snippet)


def test_the_entries_are_accepted(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / "params.yaml").read_bytes())
    add_entries(path)
    params = read_params(path)
    check_params(params)
    assert {"tickets", "tickets_words", "tickets_lstm"} <= {name for table in TABLES for name in params[table]}


def test_the_snippet_splits_the_rows_of_the_file(tmp_path):
    split_file(tmp_path)
    train, test = ((tmp_path / f"data/own/tickets/{name}.csv").read_text().splitlines() for name in ("train", "test"))
    assert (len(train), len(test)) == (24, 6)
    (csv,) = blocks("csv")
    assert sorted(train + test) == sorted(row.rpartition(",")[0] for row in csv.splitlines()[1:])


@contextlib.contextmanager
def serving(project: Path, *words: str) -> Iterator[str]:
    """Run the page's command on a free port; yield the URL that it prints."""
    variables = environment(project, PYTHONPATH=str(project / "src"))
    process = subprocess.Popen([*words, "--port", "0"], cwd=project, env=variables, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.slow
def test_the_commands_lead_from_the_file_to_a_server(tmp_path):
    project = make_project(tmp_path / "project", {})
    split_file(project)
    add_entries(project / "params.yaml")
    train, table, report, predict, predict_file, serve, curl = commands()

    assert len(stages_run(run(project, *train).stdout)) == 10
    assert "tickets_lstm" in run(project, *table).stdout
    run(project, *report)
    assert "tickets_lstm" in (project / "reports" / "index.html").read_text(encoding="utf-8")
    assert "tickets" in (project / "models" / "tickets_lstm.md").read_text(encoding="utf-8")

    here = {"PYTHONPATH": str(project / "src")}
    predictions = [json.loads(line) for line in run(project, *predict, **here).stdout.splitlines()]
    assert [prediction["text"] for prediction in predictions] == predict[-2:]
    assert [prediction["label"] for prediction in predictions] == ["delivery", "billing"]
    run(project, *predict_file, **here)
    lines = (project / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines][13] == "The invoice says 40, the shop said 30"
    assert len(lines) == 30

    with serving(project, *serve) as url:
        assert curl[:1] + curl[2:3] == ["curl", "-d"]
        address = curl[1].replace("http://127.0.0.1:8000", url)
        response = requests.post(address, data=curl[3].encode(), timeout=60).json()
    assert [prediction["label"] for prediction in response["predictions"]] == ["delivery"]
