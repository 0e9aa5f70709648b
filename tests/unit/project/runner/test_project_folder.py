"""What a folder must be for a run, and what is said of it before anything runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from textrnn.errors import UserError
from textrnn.project.runner.project_folder import check_folder


def repository(folder):
    folder.mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


@pytest.fixture(autouse=True)
def found(monkeypatch):
    """Both programs, wherever pytest was started."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("name", ["project", "a blank", "a'quote"])
def test_a_repository_of_a_plain_path_is_silent(tmp_path, name, capsys):
    check_folder(repository(tmp_path / name))
    assert capsys.readouterr().out == ""


def test_a_path_beyond_ascii_is_told_with_what_fails_in_it(tmp_path, capsys):
    folder = repository(tmp_path / "数据") / "inner"
    folder.mkdir()
    check_folder(folder)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "`dvc exp run --queue` and `dvc exp run --temp` fail in such a path" in said


def test_a_folder_from_a_zip_file_is_refused_with_the_command_that_helps(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError) as refused:
        check_folder(tmp_path)
    helps = "`git init -q && git add -A && git commit -qm start` in it, then the same command again"
    assert str(refused.value) == f"{tmp_path}: DVC needs a git repository of this folder; {helps}"


def test_a_folder_that_the_repository_around_it_ignores_is_refused_too(tmp_path):
    outer = repository(tmp_path / "outer")
    (outer / ".gitignore").write_text("/inner/\n", encoding="utf-8")
    inner = outer / "inner"
    inner.mkdir()
    with pytest.raises(UserError, match="DVC needs a git repository of this folder"):
        check_folder(inner)


def test_what_else_git_has_against_a_folder_is_passed_on(tmp_path, monkeypatch):
    folder = repository(tmp_path / "broken")
    (folder / ".git" / "config").write_text("[core\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"git does not accept this folder; got fatal: .*; do what git says"):
        check_folder(folder)


@pytest.mark.parametrize(("program", "helps"), [("git", "install git"), ("dvc", "`source .venv/bin/activate`")])
def test_both_programs_are_needed(tmp_path, monkeypatch, program, helps):
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == program else real("git"))
    with pytest.raises(UserError) as refused:
        check_folder(tmp_path)
    assert str(refused.value) == f"{program}: is not found; {helps}, then the same command again"
