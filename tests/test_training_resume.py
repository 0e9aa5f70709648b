"""The stage script killed at random moments, interrupted, on a full disk: it goes on, and ends in the same bytes."""

from __future__ import annotations

import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from project import SMALL, dvc, environment, make_project, run, set_params

pytestmark = pytest.mark.slow

KEY = "news_lstm"
CHANGES = {
    **SMALL,
    "sample.rows": 400,
    "limits.epochs": 6,
    "train.batch_size": 16,
    f"recipes.{KEY}.model.layers": 2,
    f"recipes.{KEY}.model.head_dropout": 0.2,
    f"recipes.{KEY}.train": {
        "evaluate_every": 10,
        "patience": 1000,
        "schedule": {"kind": "cosine", "floor": 0.1, "warmup": 0.0},
    },
}
COMMAND = (sys.executable, "pipeline/train.py", KEY)
EVERY_STEP = {"TEXTRNN_CHECKPOINT_SECONDS": "0"}
# runs the stage and kills it before the so-manieth of the calls by which files come, go and become safe
KILLER = """
import os, runpy, shutil, signal, sys
left = int(sys.argv.pop(1))
def counted(function):
    def call(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call
for name in ("replace", "fsync", "unlink", "rename", "mkdir"):
    setattr(os, name, counted(getattr(os, name)))
sys.argv = sys.argv[1:]
sys.path.insert(0, "pipeline")
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def results(project: Path) -> dict[str, bytes]:
    """Bytes by path of all that training writes but its log, and of what it should not have left."""
    folders = (project / "models", project / "metrics" / KEY)
    found = {str(path.relative_to(project)): path for folder in folders for path in folder.rglob("*")}
    return {name: path.read_bytes() if path.is_file() else b"" for name, path in found.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A project that is prepared up to training, and what training without a stop writes there."""
    project = make_project(tmp_path_factory.mktemp("resume") / "project", CHANGES)
    dvc(project, "repro", f"pad@{KEY}", f"embed@{KEY}")
    before = results(project)
    run(project, *COMMAND)
    after = results(project)
    assert f"models/{KEY}/model.safetensors" in after
    clean(project, before)
    return project, after


def clean(project: Path, before: dict[str, bytes]) -> None:
    for name in results(project).keys() - before.keys():
        path = project / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@pytest.fixture
def project(whole, tmp_path):
    return shutil.copytree(whole[0], tmp_path / "project")


def start(project: Path, *command: str, **extra: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command or COMMAND,
        cwd=project,
        env=environment(project, **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(said: str) -> list[int]:
    return [int(step) for step in re.findall(r"^resumed from step (\d+)$", said, flags=re.MULTILINE)]


def test_killed_at_random_moments(whole, project):
    moments = random.Random(4)
    resumed, kills = [], 0
    while True:
        process = start(project, **EVERY_STEP)
        assert process.stdout is not None
        said = ""
        while kills < 5 and ": batch " not in said and (line := process.stdout.readline()):
            said += line
        if kills < 5:
            time.sleep(0.4 * moments.random())
            process.kill()
        resumed += ended(said + process.communicate()[0])
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
    assert kills >= 4
    assert resumed == sorted(resumed)
    assert len(resumed) >= 3
    assert results(project) == whole[1]


def test_killed_in_teachers_and_student(project):
    distill = {"seeds": [11, 12], "weight": 0.7, "temperature": 2.0}
    set_params(project, {f"recipes.{KEY}.train.distill": distill, "limits.epochs": 2})
    before = results(project)
    run(project, *COMMAND)
    whole = results(project)
    clean(project, before)
    killed = []
    for name in (f"{KEY}, teacher 1 of 2 (seed 11)", f"{KEY}, teacher 2 of 2 (seed 12)", KEY):
        process = start(project, **EVERY_STEP)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(f"{name}: batch 20/"):
                process.kill()
                killed.append(name)
        process.communicate()
    assert len(killed) == 3
    done = run(project, *COMMAND, **EVERY_STEP)
    assert len(ended(done.stdout)) == 3
    assert "teacher 2 of 2 (seed 12): batch" not in done.stdout
    assert results(project) == whole


def test_killed_while_files_come_and_go(whole, project, tmp_path):
    killer = tmp_path / "killer.py"
    killer.write_text(KILLER, encoding="utf-8")
    numbers = random.Random(5)
    resumed, kills = [], 0
    for _ in range(40):
        # the more kills, the further a run gets: also into the saving of the model
        at = numbers.randint(2, 40) if kills < 6 else numbers.randint(40, 700)
        process = start(project, sys.executable, str(killer), str(at), *COMMAND[1:], **EVERY_STEP)
        said, err = process.communicate()
        resumed += ended(said)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, err
        kills += 1
    assert process.returncode == 0
    assert kills >= 6
    assert resumed == sorted(resumed)
    assert len(resumed) >= 4
    assert results(project) == whole[1]


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_interrupted_it_says_how_to_go_on(whole, project, number, code, word):
    process = start(project)
    assert process.stdout is not None
    for line in process.stdout:
        if "batch 20/" in line:
            process.send_signal(number)
            break
    _, err = process.communicate()
    assert process.returncode == code
    match = re.fullmatch(rf"{word}: step (\d+) is saved; the same command continues there\n", err)
    assert match, err
    assert not (project / "models" / KEY).exists()
    again = run(project, *COMMAND)
    assert ended(again.stdout) == [int(match[1])]
    assert results(project) == whole[1]
    assert f'"resumed_from": [\n    {match[1]}\n  ]' in (project / "logs" / f"{KEY}.json").read_text()


def stopped(project: Path) -> Path:
    """A run that is stopped after a while; the folder it leaves."""
    process = start(project)
    assert process.stdout is not None
    for line in process.stdout:
        if "batch 20/" in line:
            process.send_signal(signal.SIGINT)
    process.communicate()
    (folder,) = (path for path in (project / "models").iterdir() if path.is_dir())
    return folder


def test_a_changed_param_starts_afresh(whole, project):
    old = stopped(project)
    set_params(project, {f"recipes.{KEY}.train.patience": 2000})
    said = run(project, *COMMAND).stdout
    assert ended(said) == []
    assert old.exists()  # a stopped run can be gone back to after another param was tried
    shutil.rmtree(old)
    assert results(project) == whole[1]  # a patience that runs out in neither case


def test_a_damaged_checkpoint_starts_afresh(whole, project):
    folder = stopped(project)
    (kept,) = folder.glob(".finished/*.safetensors")
    data = kept.read_bytes()
    kept.write_bytes(data[: len(data) // 2] + b"\0" * (len(data) - len(data) // 2))
    done = run(project, *COMMAND)
    assert re.search(r"^the checkpoint of step \d+ is damaged and left out$", done.stdout, flags=re.MULTILINE)
    assert ended(done.stdout) == []
    assert results(project) == whole[1]


def test_a_loss_that_is_no_number_leaves_no_state(project):
    set_params(project, {"train.learning_rate": 1e30})
    done = run(project, *COMMAND, code=1, **EVERY_STEP)
    assert re.fullmatch(r"error: training, batch \d+: the loss .*\n", done.stderr)
    assert not [path for path in (project / "models").iterdir() if path.is_dir()]


def test_two_processes_write_once_and_go_on_with_one(whole, project):
    process = start(project, TEXTRNN_PROCESSES="2")
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "batch 20/" in line:
            process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err.startswith("interrupted: step ")
    assert len([line for line in lines if "batch 10/" in line]) == 1
    done = run(project, *COMMAND)
    assert ended(done.stdout) != []
    assert results(project).keys() == whole[1].keys()
    assert (project / "logs" / f"{KEY}.json").read_text().count('"processes": 1') == 1
    assert {path.name for path in (project / "models").iterdir() if path.is_dir()} == {KEY}
