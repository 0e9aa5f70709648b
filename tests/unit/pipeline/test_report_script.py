"""The scripts report and table: the same bytes for the same files, and what they refuse."""

import importlib
import os
import subprocess
import sys

import pytest

from factories.imports import ROOT
from factories.report_files import result_folders, write_json
from factories.report_pages import write_results
from textrnn.errors import UserError

SAID = "report: reports/run.html (reports/index.html is the same without training times)\n"


@pytest.fixture
def folder(tmp_path):
    return write_results(tmp_path)


@pytest.fixture
def project(folder):
    """The folder with the params that the script reads."""
    entries = {name: {"encoding": f"{name}_chars"} for name in ("texts", "tagger", "absent")}
    encodings = {entry["encoding"]: {"corpus": "corpus"} for entry in entries.values()}
    write_json(folder / "params.yaml", {"recipes": entries, "encodings": encodings})
    return folder


def run_script(project, seed):
    command = [sys.executable, str(ROOT / "pipeline" / "report.py")]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    return done.stdout, (project / "reports" / "index.html").read_bytes()


def test_the_same_files_give_the_same_bytes(project):
    output, first = run_script(project, "1")
    assert output == SAID
    assert run_script(project, "2")[1] == first
    assert b"\r" not in first


def test_training_times_are_in_the_page_that_is_no_output_alone(project):
    _, before = run_script(project, "1")
    assert "training time is known for texts" in (project / "reports" / "run.html").read_text(encoding="utf-8")
    write_json(project / "logs" / "texts.json", {"seconds": 123.4, "device": "cpu"})
    assert run_script(project, "1")[1] == before
    with_times = (project / "reports" / "run.html").read_text(encoding="utf-8")
    assert "<title>texts 62.50% after 2 min 3 s</title>" in with_times
    assert "2 min 3 s" not in before.decode()


def test_the_report_is_silent_about_recipes_that_have_not_run(project):
    _, page = run_script(project, "1")
    assert b"recipe-texts" in page
    assert b"absent" not in page
    (project / "reports" / "index.html").unlink()
    (project / "models" / "texts" / "config.json").unlink()
    output, page = run_script(project, "1")
    assert output == f"texts: 1 of its files are missing; the report lists them\n{SAID}"
    assert b"recipe-texts" in page


def test_an_unknown_encoding_is_refused(project, monkeypatch):
    write_json(project / "params.yaml", {"recipes": {"r": {"encoding": "none"}}, "encodings": {}})
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(str(ROOT / "pipeline"))
    script = importlib.import_module("report")
    with pytest.raises(UserError, match=r"^encodings\.none: no such entry"):
        script.main()
    assert not (project / "reports").exists()
    for entries, message in (
        (None, "^recipes: must be a mapping of named entries"),
        ({"r": {}}, r"^recipes\.r\.encoding: no such entry"),
        ({"r": {"encoding": None}}, r"^encodings\.None: no such entry"),
    ):
        write_json(project / "params.yaml", {"recipes": entries, "encodings": {}})
        with pytest.raises(UserError, match=message):
            script.main()


def test_the_table_names_a_damaged_file(tmp_path, monkeypatch):
    write_json(tmp_path / "params.yaml", {"recipes": {"r": {"encoding": "e"}}, "encodings": {"e": {"corpus": "c"}}})
    folders = result_folders(tmp_path)
    write_json(folders.evaluated / "r" / "metrics.json", {"dev": {}, "test": {}})
    write_json(folders.models / "r" / "training.json", {})
    (folders.models / "r" / "training.json").write_text("<<<<<<< HEAD", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "pipeline"))
    with pytest.raises(UserError, match=r"models/r/training\.json: is damaged; got"):
        importlib.import_module("table").main()


@pytest.mark.parametrize(("files", "command"), [((), "dvc repro"), (("Makefile",), "make run")])
def test_the_table_of_nothing_names_a_command_that_is_there(
    tmp_path, monkeypatch, import_stage, capsys, files, command
):
    for name in files:
        (tmp_path / name).touch()
    write_json(tmp_path / "params.yaml", {"data": {"source": "raw"}, "recipes": {}, "encodings": {}})
    monkeypatch.chdir(tmp_path)
    import_stage("table").main()
    assert capsys.readouterr().out == f"no recipe has run yet: `{command}`\n"
