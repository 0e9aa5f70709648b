"""Puts a folder under git and DVC, and its data under DVC."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from textrnn.errors import UserError

DVC = (sys.executable, "-m", "dvc")  # that of this installation, whatever is on the path
PLOTS_FOLDER = Path(".dvc", "plots")
ERROR = re.compile(r"(?:ERROR|error|fatal): (.+)")


def check_version_control(project: Path) -> None:
    """Raise UserError, before anything is written, if there is no git, or if a repository ignores the folder."""
    if shutil.which("git") is None:
        raise UserError("git", "is not found", do="install git, then the same command again")
    path = project.resolve()
    there = next(parent for parent in (path, *path.parents) if parent.is_dir())
    if _is_in_repository(there):
        _check_not_ignored(there, project, [str(path / "dvc.yaml")])


def written_paths(data: Path) -> list[Path]:
    """What git and DVC write into a project for the data, a path in it."""
    return [Path(".git"), Path(".dvc"), *_data_files(data)]


def start_version_control(project: Path, data: Path, files: Sequence[str], plot_templates: Mapping[str, str]) -> None:
    """Initialise git and DVC in a folder, track the data (a path in it) with DVC, and stage the files in git.

    plot_templates: the content of each file of DVC's own folder of templates, by its name.
    Other files of the folder are left alone. In a repository of git around the folder, DVC is initialised for the
    folder alone. Raises UserError, with its message, for a command that fails.
    """
    own = [*files, *map(str, _data_files(data))]
    inside = _is_in_repository(project)
    if not inside:
        _run(project, "git", "init", "-q")
    _check_not_ignored(project, project, [*own, ".dvc/config"])
    _run(project, *DVC, "init", *(["--subdir"] if inside else []))
    for name in ("analytics", "check_update"):  # neither is about this project
        _run(project, *DVC, "config", f"core.{name}", "false")
    _run(project, *DVC, "config", "cache.type", "reflink,hardlink,symlink,copy")  # as little of the disk as can be
    (project / PLOTS_FOLDER).mkdir(exist_ok=True)
    for name, content in plot_templates.items():
        (project / PLOTS_FOLDER / name).write_text(content, encoding="utf-8")
    _run(project, *DVC, "add", str(data))
    _run(project, "git", "add", "--", *own, ".dvc")


def unstage(paths: Iterable[Path]) -> None:
    """Take paths out of the index of the repository around them, if there is one; they may be gone."""
    for path in paths:
        if path.parent.is_dir() and shutil.which("git") is not None and _is_in_repository(path.parent):
            _run(path.parent, "git", "rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", path.name, check=False)


def _data_files(data: Path) -> list[Path]:
    return [data.with_name(f"{data.name}.dvc"), data.with_name(".gitignore")]


def _is_in_repository(folder: Path) -> bool:
    return _run(folder, "git", "rev-parse", "--is-inside-work-tree", check=False).returncode == 0


def _check_not_ignored(folder: Path, project: Path, paths: Sequence[str]) -> None:
    ignored = _run(folder, "git", "check-ignore", "--", *paths, check=False).stdout.splitlines()
    if ignored:
        do = "name a folder outside, or take it out of .gitignore"
        raise UserError(project, "lies in a git repository that ignores it", got=ignored[0], do=do)


def _run(project: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    if check and done.returncode:
        name = " ".join(["dvc", *command[3:]] if command[:3] == DVC else command)
        raise UserError(project, f"`{name}` failed", got=_reason(done))
    return done


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """The error that a command prints, among its hints; else its last line."""
    lines = f"{done.stdout}\n{done.stderr}".strip().splitlines() or [f"exit status {done.returncode}"]
    found = [match[1] for line in lines if (match := ERROR.match(line))]
    return found[0] if found else lines[-1]
