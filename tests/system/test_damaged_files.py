"""Damage to every file that is read back: one line that names a file, or the same result; never another one.

A process of its own reads the damaged files, so that a crash is seen, and one with a bound on its memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from factories.imports import SOURCE, TESTS

LONGEST = 1_000  # characters of a message


def damage(folder, seed, count, checksums):
    """The outcomes of so many mutations of files, with or without the checksums of their folders."""
    to = folder / "outcomes.jsonl"
    command = [sys.executable, "-X", "faulthandler", "-m", "factories.stored_artifacts"]
    command += [str(to), str(folder / "files"), str(seed), str(count), "yes" if checksums else "no"]
    path = os.pathsep.join((str(SOURCE), str(TESTS)))
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False, timeout=3_000
    )
    assert done.returncode == 0, (done.returncode, done.stdout[-300:], done.stderr[-3000:])
    outcomes = [json.loads(line) for line in to.read_text(encoding="utf-8").splitlines()]
    assert len(outcomes) == count
    return outcomes


def assert_told_in_one_line(outcomes):
    assert [outcome for outcome in outcomes if outcome["kind"] == "traceback"] == []
    for outcome in outcomes:
        if outcome["kind"] == "error":
            message = outcome["message"]
            assert "\n" not in message, message
            assert len(message) < LONGEST, message
            assert message.isprintable(), message
            # the file itself, or the index or the checksums that do not fit it
            assert message.startswith(("FOLDER/", "the checkpoint: ")), message


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 100), *(pytest.param(seed, 1_000, marks=pytest.mark.slow) for seed in (2, 3, 4))]
)
def test_damage_never_changes_a_result(tmp_path, seed, count):
    outcomes = damage(tmp_path, seed, count, checksums=True)
    assert_told_in_one_line(outcomes)
    assert [outcome for outcome in outcomes if outcome["kind"] == "other" and outcome["file"] not in TRACKED] == []
    kinds = Counter(outcome["kind"] for outcome in outcomes)
    assert kinds["error"] > 0.6 * count, kinds


# tables of curves are files of git, which has their checksums
TRACKED = ("curves.csv",)


@pytest.mark.parametrize(
    ("seed", "count"), [(11, 50), *(pytest.param(seed, 1_000, marks=pytest.mark.slow) for seed in (12, 13, 14))]
)
def test_without_checksums_structure_alone_prevents_tracebacks_and_crashes(tmp_path, seed, count):
    """As folders of earlier versions are, or those of somebody who means harm: another result cannot be told."""
    assert_told_in_one_line(damage(tmp_path, seed, count, checksums=False))
