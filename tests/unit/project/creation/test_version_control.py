"""A project comes into a folder that has other files: they are neither staged nor removed."""

import subprocess

import pytest

from textrnn.errors import UserError
from textrnn.project.creation import project as creation
from textrnn.project.creation import version_control

ROWS = "text,label\n" + "".join(f"the parcel {n} is late,{'ab'[n % 2]}\n" for n in range(40))


@pytest.fixture(autouse=True)
def own_git(monkeypatch, tmp_path):
    """No settings of the user's, and a folder that lies in no repository."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "tickets.csv").write_text(ROWS, encoding="utf-8")


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def contents(folder):
    found = {path.relative_to(folder): path for path in folder.rglob("*") if ".git" not in path.parts}
    return {name: path.read_bytes() if path.is_file() else None for name, path in found.items()}


def test_only_the_project_is_staged(tmp_path, run_command):
    project = tmp_path / "project"
    project.mkdir()
    (project / "secret.env").write_text("KEY=1\n", encoding="utf-8")
    assert run_command("init", project, "--file", tmp_path / "tickets.csv")[0] == 0
    staged = git(project, "ls-files").split()
    assert "secret.env" not in staged
    assert {"params.yaml", "dvc.yaml", ".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore"} <= set(staged)
    assert ".dvc/plots/curves.json" in staged
    assert {"data/raw/tickets.dvc", "data/raw/.gitignore", "data/vectors/README.md", "pipeline/parse.py"} <= set(staged)
    assert git(project, "status", "--porcelain", "--untracked-files").split("\n")[-2] == "?? secret.env"


@pytest.mark.parametrize("has_git", [False, True])
def test_a_failure_removes_what_was_written_alone(tmp_path, run_command, monkeypatch, has_git):
    project = tmp_path / "project"
    (project / "data" / "raw").mkdir(parents=True)
    (project / "data" / "mine.txt").write_text("mine\n", encoding="utf-8")
    (project / "data" / "raw" / ".gitignore").write_text("/mine\n", encoding="utf-8")
    if has_git:
        git(project, "init", "-q")
    before = contents(project)
    run = version_control._run

    def fail(folder, *command, check=True):
        if command[:2] == ("git", "add"):
            raise UserError(folder, "is full")
        return run(folder, *command, check=check)

    monkeypatch.setattr(version_control, "_run", fail)
    code, _, said = run_command("init", project, "--file", tmp_path / "tickets.csv")
    assert (code, said) == (1, f"error: {project}: is full\n")
    assert contents(project) == before
    assert (project / ".git").exists() == has_git
    assert not has_git or git(project, "ls-files") == ""


def test_parents_that_are_new_are_removed_too(tmp_path, run_command, monkeypatch):
    monkeypatch.setattr(creation, "start_version_control", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_command("init", tmp_path / "a" / "b", "--file", tmp_path / "tickets.csv")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("pattern", ["*.dvc", ".dvc/", "data/", "params.yaml", "/project/"])
def test_a_repository_that_ignores_a_file_of_the_project(tmp_path, run_command, pattern):
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text(f"{pattern}\n", encoding="utf-8")
    before = contents(tmp_path)
    code, _, said = run_command("init", tmp_path / "project", "--file", tmp_path / "tickets.csv")
    assert code == 1
    assert "lies in a git repository that ignores it; got " in said
    assert contents(tmp_path) == before
    assert git(tmp_path, "ls-files") == ""


def test_why_a_command_failed(tmp_path):
    git(tmp_path, "init", "-q")
    version_control._run(tmp_path, *version_control.DVC, "init")
    with pytest.raises(UserError, match=r"`dvc add none` failed; got .*does not exist"):
        version_control._run(tmp_path, *version_control.DVC, "add", "none")
