"""The real scripts with names that mean something to a shell or a file system: one line, exit 1, nothing written."""

import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from factories.imports import ROOT

PARAMS = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
ONE_ARGUMENT = {  # by script, the table of its argument
    **dict.fromkeys(("sample", "parse"), "corpora"),
    **dict.fromkeys(("segment", "encode", "vectorize", "baseline"), "encodings"),
    **dict.fromkeys(("embed", "pad", "train", "evaluate", "analyze"), "recipes"),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project beside a folder of the user's, whose names lead to it."""
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "thesis.txt").write_text("the only copy", encoding="utf-8")
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(ROOT / "params.yaml", project)
    monkeypatch.chdir(project)
    return project


def files(folder):
    """All files by path, with their content."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def write_params(project, change):
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    change(params)
    with (project / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(params, file)


def run(script, *arguments):
    """Run a script as DVC does, by a shell's words."""
    command = [sys.executable, str(ROOT / "pipeline" / f"{script}.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("script", ["check", "sample", "report"])
@pytest.mark.parametrize("name", ["../../../user", "a; touch INJECTED; #"])
def test_the_scripts_refuse_a_name_of_params(project, script, name):
    write_params(project, lambda params: params["corpora"].update({name: params["corpora"].pop("names")}))
    before = files(project.parent)
    done = run(script, *(["thucnews"] if script == "sample" else []))
    assert (done.returncode, done.stdout) == (1, "")
    wrong = "the name of an entry must have only letters, digits, _ and -, at most 64 of them, and not begin with -"
    assert f"corpora: {wrong}; got {name!r}\n" in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert files(project.parent) == before
    assert sorted(path.name for path in project.iterdir()) == ["params.yaml"]


@pytest.mark.parametrize("script", ONE_ARGUMENT)
@pytest.mark.parametrize("absolute", [False, True])
def test_a_stage_refuses_a_name_on_its_command_line(project, import_stage, monkeypatch, capsys, script, absolute):
    name = str(project.parent / "user") if absolute else "../../../user"
    before = files(project.parent)
    stage = import_stage(script)
    monkeypatch.setattr(sys, "argv", [f"{script}.py", name])
    kind = {"corpora": "corpus", "encodings": "encoding", "recipes": "recipe"}[ONE_ARGUMENT[script]]
    with pytest.raises(SystemExit) as stop:
        stage.run_stage(stage.main, kind)
    assert stop.value.code == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {kind}: the name of an entry must have only letters, digits, _ and -")
    assert captured.err.count("\n") == 1
    assert files(project.parent) == before
    assert sorted(path.name for path in project.iterdir()) == ["params.yaml"]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("../../../user/thesis.txt", "must be the name of something inside the corpus's folder"),
        ("a\0b", "must have no control characters"),
        ("n" * 300, "must have at most 255 bytes"),
    ],
)
def test_generated_files_stay_in_their_folder(project, import_stage, name, wrong):
    def change(params):
        params["corpora"]["names"]["parse"]["files"]["train"] = name

    write_params(project, change)
    before = files(project.parent)
    done = run("sample", "names")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: corpora.names.parse.files.train: {wrong}")
    assert done.stderr.count("\n") == 1
    assert files(project.parent) == before


def test_a_file_whose_name_a_shell_would_read_is_a_file(project, import_stage):
    def change(params):
        params["sample"]["rows"] = 50
        params["corpora"]["names"]["parse"]["files"]["train"] = "a; touch INJECTED.csv"

    write_params(project, change)
    import_stage("sample").main("names")
    assert {path.name for path in (project / "data/sample/names").iterdir()} == {
        "a; touch INJECTED.csv",
        "names_test.csv.gz",
    }
    import_stage("parse").main("names")
    assert not list(project.parent.rglob("INJECTED*"))
