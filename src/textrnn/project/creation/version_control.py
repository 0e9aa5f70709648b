"""Puts a folder under git and DVC, and its data under DVC."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from textrnn.errors import UserError

DVC = (sys.executable, "-m", "dvc")  # that of this installation, whatever is on the path


def start_version_control(project: Path, data: Path) -> None:
    """Initialise git and DVC in a folder, track the data (a path in it) with DVC, and stage the rest in git.

    In a repository of git around the folder, DVC is initialised for the folder alone. Raises UserError, with its
    message, for a command that fails.
    """
    if shutil.which("git") is None:
        raise UserError("git", "is not found", do="install git, then the same command again")
    outer = _run(project, "git", "rev-parse", "--is-inside-work-tree", check=False)
    if outer.returncode:
        _run(project, "git", "init", "-q")
    elif _run(project, "git", "check-ignore", "-q", "dvc.yaml", check=False).returncode == 0:
        do = "name a folder outside, or take it out of .gitignore"
        raise UserError(project, "lies in a git repository that ignores it", do=do)
    else:
        _run(project, *DVC, "init", "-q", "--subdir")
    if not (project / ".dvc").is_dir():
        _run(project, *DVC, "init", "-q")
    for name in ("analytics", "check_update"):  # neither is about this project
        _run(project, *DVC, "config", f"core.{name}", "false")
    _run(project, *DVC, "config", "cache.type", "reflink,hardlink,symlink,copy")  # as little of the disk as can be
    _run(project, *DVC, "add", "-q", str(data))
    _run(project, "git", "add", "--all", ".")


def _run(project: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        name = " ".join(["dvc", *command[3:]] if command[:3] == DVC else command)
        raise UserError(project, f"`{name}` failed", got=said[-1])
    return done
