"""Runs claims one after the other, as DVC's stages; what is there already is skipped by DVC."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from textrnn.study.plan.json_files import run_name
from textrnn.study.schedule.claim_order import Run

STUDY = "study/dvc.yaml"


def run_targets(runs: Sequence[Run], *, again: bool = False) -> bool:
    """Run the stages of these runs and of what they need; return whether all succeeded.

    DVC goes on with the others where one fails. again: repeat them, valid or not.
    """
    if not runs:
        return True
    targets = [f"{STUDY}:study_run@{run_name(*run)}" for run in runs]
    options = ["--force", "--single-item"] if again else ["--keep-going"]
    return subprocess.run(["dvc", "repro", *options, *targets], check=False).returncode == 0


def run_cells() -> bool:
    """Run the stage of cells, which depends on no data; return whether it succeeded."""
    return subprocess.run(["dvc", "repro", f"{STUDY}:study_cells"], check=False).returncode == 0
