"""The commands of READMEs and docs that use a model, as they stand there, on tiny models of the names they have."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from factories.imports import ROOT, SOURCE
from factories.tiny_models import classifier, tagger
from textrnn.cli import main

pytest.importorskip("onnxruntime")

PAGES = ("README.md", "README.zh-CN.md", "docs/prediction.md", "docs/export.md", "docs/serving.md")
LINES = ["中国股市今日", "大涨三百点"]
SOURCES = {"headlines.txt": LINES, "sentences.txt": LINES, "headlines.csv": ["title", *LINES]}


def lines_of(page: str, first: str) -> list[str]:
    """What begins with a command on its indented lines, and between backquotes where it names a model; each once."""
    prose = re.sub(r"(?ms)^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"))
    prose = re.sub(r"\\\n *", "", prose)  # a line that goes on
    found = re.findall(rf"(?m)^ {{4}}({first} .*)$", prose) + re.findall(rf"`({first} [^`\n]*models/[^`\n]*)`", prose)
    return list(dict.fromkeys(found))


COMMANDS = sorted({line.partition("  # ")[0].strip() for page in PAGES for line in lines_of(page, "textrnn")})


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the models and files that the commands name."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "models").mkdir()
    made = {
        "news_bilstm": classifier(folder / "one", "chars right last_step"),
        "ner_bilstm_crf": tagger(folder / "two", "chars crf bio buckets"),
    }
    for name, tiny in made.items():
        tiny.folder.rename(folder / "models" / name)
    for name, lines in SOURCES.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    pq.write_table(pa.table({"body": LINES}), folder / "articles.parquet")
    return folder


def follow(words: list[str], monkeypatch, capsysbinary) -> bytes:
    """Run the words after `textrnn` as a shell would, `<` and `>` too; what was written, wherever it went."""
    given, into = b"", None
    while words[-2:-1] in (["<"], [">"]):
        *words, sign, name = words
        given, into = (Path(name).read_bytes(), into) if sign == "<" else (given, Path(name))
    monkeypatch.setattr(sys, "argv", ["textrnn", *words])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(given))))
    main()
    said, wrong = capsysbinary.readouterr()
    assert wrong == b""
    if into is not None:
        into.write_bytes(said)
    return said or Path(words[words.index("--output") + 1]).read_bytes()


def test_there_are_commands_of_every_kind():
    kinds = [command.split()[1] for command in COMMANDS]
    assert {kind: kinds.count(kind) for kind in kinds} == {"predict": 5, "export": 3, "serve": 1}


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("textrnn predict")])
def test_each_prediction_gives_a_line_for_each_text(project, command, monkeypatch, capsysbinary):
    monkeypatch.chdir(project)
    words = shlex.split(command)[1:]
    texts = LINES if "-" in words or "--file" in words else words[2:]
    rows = [json.loads(line) for line in follow(words, monkeypatch, capsysbinary).decode().splitlines()]
    assert [row["text"] for row in rows] == texts
    keys = {"text", "entities"} if "ner_bilstm_crf" in command else {"text", "label", "probability", "probabilities"}
    assert all(row.keys() == keys for row in rows)


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("textrnn export")])
def test_each_export_writes_the_file_that_it_names(project, command, monkeypatch, capsysbinary):
    monkeypatch.chdir(project)
    said = follow(shlex.split(command)[1:], monkeypatch, capsysbinary).decode()
    path = "news.onnx" if "--output" in command else f"models/news_bilstm{'.int8' if '--int8' in command else ''}.onnx"
    assert said == f"{path}: {Path(path).stat().st_size:,} bytes\n"


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md", "docs/prediction.md"])
def test_the_python_of_a_page_runs(project, page, monkeypatch, capsys):
    monkeypatch.chdir(project)
    (code,) = re.findall(r"(?ms)^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"))
    exec(compile(code, page, "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed if line.startswith(("up", "down"))] != []


@pytest.mark.slow
def test_the_server_answers_what_the_page_asks(project):
    (serve,), (curl,) = lines_of("docs/serving.md", "textrnn"), lines_of("docs/serving.md", "curl")
    words = [sys.executable, "-c", "from textrnn.cli import main; main()", *shlex.split(serve)[1:], "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(words, cwd=project, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().strip()
        _, address, _, header, _, body = words = shlex.split(curl)
        assert (words[2], words[4]) == ("-H", "-d")
        address = address.replace("http://127.0.0.1:8000", url)
        answer = requests.post(address, data=body, headers=dict([header.split(": ")]), timeout=60).json()
    finally:
        process.terminate()
        assert process.wait(60) == 0
    assert answer["model"] == "news_bilstm"
    assert len(answer["predictions"]) == len(json.loads(body)["texts"])
