"""Stage scripts of a project, forked from one process that has imported what they need: no new Python for each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from factories import fork_host
from factories.graph import script_of
from factories.projects import environment


class Ended(NamedTuple):
    """How a script ended, as `subprocess` reports it."""

    returncode: int
    stdout: str
    stderr: str


def run_stages(project: Path, stages: Sequence[str], **extra: str) -> None:
    """Run stages in this order, `extra` added to their environment; the first one that fails fails the test."""
    ended = _run(project, [(None, script_of(stage)) for stage in stages], "failed", extra)
    assert [each.returncode for each in ended] == [0] * len(stages), (stages[len(ended) - 1], ended[-1])


def run_killed(project: Path, stage: str, kill_points: Iterable[int], **extra: str) -> list[Ended]:
    """Run a stage again and again until it succeeds, killed before the n-th call that creates, removes or syncs files.

    kill_points: n for each run. Returns how each run ended.
    """
    return _run(project, [(point, script_of(stage)) for point in kill_points], "succeeded", extra)


def _run(project: Path, runs: Sequence[tuple[int | None, list[str]]], until: str, extra: dict[str, str]) -> list[Ended]:
    done = subprocess.run(
        [sys.executable, fork_host.__file__],
        input=json.dumps({"runs": runs, "until": until}),
        cwd=project,
        env=environment(project, **extra),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return [Ended(*each) for each in json.loads(done.stdout)]
