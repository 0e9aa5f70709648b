"""What a project's folder must be for DVC, told before anything runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from textrnn.errors import UserError

BEGIN = "git init -q && git add -A && git commit -qm start"


def check_folder(project: Path) -> None:
    """Print what will not work in this folder although a run will.

    Raises UserError if git or DVC is not found, or if the folder is not one that git keeps, as one unpacked from a ZIP
    file.
    """
    for program, do in (("git", "install git"), ("dvc", "`source .venv/bin/activate`")):
        if shutil.which(program) is None:
            raise UserError(program, "is not found", do=f"{do}, then the same command again")
    inside = _git(project, "rev-parse", "--is-inside-work-tree")
    if inside.returncode and "not a git repository" not in inside.stderr:
        do = "do what git says, then the same command again"
        raise UserError(project.resolve(), "git does not accept this folder", got=inside.stderr.strip(), do=do)
    # in a repository around it that ignores this folder, DVC refuses its own files
    if inside.returncode or _git(project, "check-ignore", "-q", "dvc.yaml").returncode == 0:
        do = f"`{BEGIN}` in it, then the same command again"
        raise UserError(project.resolve(), "DVC needs a git repository of this folder", do=do)
    if not str(project.resolve()).isascii():
        fails = "`dvc exp run --queue` and `dvc exp run --temp` fail in such a path"
        print(f"note: the path of this folder is not ASCII: {fails}, everything else works", flush=True)


def _git(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LC_ALL": "C"}  # its messages in English
    command = ["git", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, errors="replace")
