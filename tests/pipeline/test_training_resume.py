"""The stage script killed at random moments or interrupted: it resumes, and its results have the same bytes."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from factories.forked_stages import run_killed
from factories.projects import KEPT_MODEL, SMALL, dvc, environment, make_project, run, set_params
from textrnn.unfinished import PRIVATE

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


def results(project: Path) -> dict[str, bytes]:
    """Bytes by path of everything that training writes except its log, and of what it should not have left.

    Among it is the model that is kept for renamed labels.
    """
    folders = (project / "models", project / "metrics" / KEY)
    paths = {str(path.relative_to(project)): path for folder in folders for path in folder.rglob("*")}
    return {name: path.read_bytes() if path.is_file() else b"" for name, path in paths.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A project prepared up to training, and what training without a stop writes there."""
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


def resumed_steps(output: str) -> list[int]:
    return [int(step) for step in re.findall(r"^resumed from step (\d+)$", output, flags=re.MULTILINE)]


def test_killed_at_random_moments(whole, project):
    moments = random.Random(4)
    resumed, kills = [], 0
    while True:
        process = start(project, **EVERY_STEP)
        assert process.stdout is not None
        output = ""
        while kills < 5 and not re.search(r": batch \d", output) and (line := process.stdout.readline()):
            output += line
        if kills < 5:
            time.sleep(0.4 * moments.random())
            process.kill()
        resumed += resumed_steps(output + process.communicate()[0])
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
    assert len(resumed_steps(done.stdout)) == 3
    assert "teacher 2 of 2 (seed 12): batch" not in done.stdout
    assert results(project) == whole


def test_killed_while_files_are_created_and_removed(whole, project):
    numbers = random.Random(5)
    # later kills let the run get further, also into saving the model
    points = [numbers.randint(4, 80) if run < 6 else numbers.randint(80, 1400) for run in range(40)]
    *killed, last = run_killed(project, f"train@{KEY}", points, **EVERY_STEP)
    assert last.returncode == 0
    assert [each for each in killed if each.returncode != -signal.SIGKILL] == []
    assert len(killed) >= 6
    resumed = [step for each in (*killed, last) for step in resumed_steps(each.stdout)]
    assert resumed == sorted(resumed)
    assert len(resumed) >= 4
    assert results(project) == whole[1]


def test_killed_while_labels_get_new_names(project):
    """Wherever it is killed, what is kept is whole, and the next run writes the model under the new names."""
    run(project, *COMMAND)
    before = results(project)
    labels = project / "data/encoded/thucnews_chars/preparation/labels.json"
    names = json.loads(labels.read_text(encoding="utf-8"))
    labels.write_text(json.dumps(names | {"names": [f"news of {name}" for name in names["names"]]}), encoding="utf-8")
    (labels.parent / "checksums.json").unlink()
    shutil.copytree(project / "models", project / "kept")

    def put_back() -> None:
        """What DVC leaves before it runs the stage."""
        shutil.rmtree(project / "models")
        shutil.copytree(project / "kept", project / "models")
        shutil.rmtree(project / "models" / KEY)
        (project / "metrics" / KEY / "curves.csv").unlink(missing_ok=True)

    put_back()
    said = run(project, *COMMAND).stdout
    assert said == f"{KEY}: only names of labels have changed; the weights are kept\n"
    whole = results(project)
    folders = (f"models/{KEY}", f"models/{PRIVATE}/{KEY}{KEPT_MODEL}")
    changed = {f"{folder}/checksums.json" for folder in folders}
    changed |= {f"{folders[0]}/labels.json", f"{folders[1]}/kept.json"}
    assert before.keys() == whole.keys()
    assert {name for name in whole if whole[name] != before[name]} == changed

    kills, kept = 0, 0
    for point in range(1, 200, 6):  # a run has some 60 calls
        put_back()
        *killed, last = run_killed(project, f"train@{KEY}", [point, 10**6])
        assert last.returncode == 0
        kept += last.stdout == said
        assert results(project) == whole
        if not killed:
            break
        kills += 1
    assert 6 < kills < 30
    assert kept > kills / 2  # once what is kept has the new names, a run under them trains


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_an_interrupted_run_says_how_to_continue(whole, project, number, code, word):
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
    assert resumed_steps(again.stdout) == [int(match[1])]
    assert results(project) == whole[1]
    assert f'"resumed_from": [\n    {match[1]}\n  ]' in (project / "logs" / f"{KEY}.json").read_text()


def stopped(project: Path) -> Path:
    """Stop a run after a while; return the folder it leaves."""
    process = start(project)
    assert process.stdout is not None
    for line in process.stdout:
        if "batch 20/" in line:
            process.send_signal(signal.SIGINT)
    process.communicate()
    (folder,) = (path for path in (project / "models/.textrnn").iterdir() if path.is_dir())
    return folder


def test_a_changed_param_starts_afresh(whole, project):
    old = stopped(project)
    set_params(project, {f"recipes.{KEY}.train.patience": 2000})
    output = run(project, *COMMAND).stdout
    assert resumed_steps(output) == []
    assert old.exists()  # a stopped run can still be resumed after another param was tried
    shutil.rmtree(old)
    after, folders = results(project), (f"models/{KEY}", f"models/{PRIVATE}/{KEY}{KEPT_MODEL}")
    for record in (f"{folder}/training.json" for folder in folders):
        assert b'"patience": 2000' in after[record]
        after[record] = after[record].replace(b'"patience": 2000', b'"patience": 1000')
    assert after.keys() == whole[1].keys()
    # the patience does not run out in either case, so that only what is derived from the param differs
    derived = {f"{folder}/checksums.json" for folder in folders} | {f"{folders[1]}/kept.json"}
    assert {name for name in after if after[name] != whole[1][name]} == derived


def test_a_damaged_checkpoint_starts_afresh(whole, project):
    folder = stopped(project)
    (checkpoint,) = folder.glob(".finished/*.safetensors")
    data = checkpoint.read_bytes()
    checkpoint.write_bytes(data[: len(data) // 2] + b"\0" * (len(data) - len(data) // 2))
    done = run(project, *COMMAND)
    assert re.search(r"^the checkpoint of step \d+ is damaged and is ignored$", done.stdout, flags=re.MULTILINE)
    assert resumed_steps(done.stdout) == []
    assert results(project) == whole[1]


def test_a_loss_that_is_not_finite_leaves_no_checkpoint(project):
    set_params(project, {"train.learning_rate": 1e15})
    done = run(project, *COMMAND, code=1, **EVERY_STEP)
    assert re.fullmatch(r"error: training, batch \d+: the loss .*\n", done.stderr)
    assert not [path for path in (project / "models").iterdir() if path.is_dir()]


def test_two_processes_write_once_and_one_process_resumes(whole, project):
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
    assert resumed_steps(done.stdout) != []
    assert results(project).keys() == whole[1].keys()
    assert (project / "logs" / f"{KEY}.json").read_text().count('"processes": 1') == 1
    assert {path.name for path in (project / "models").iterdir() if path.is_dir()} == {KEY, PRIVATE}
