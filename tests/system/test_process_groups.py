"""Processes of their own compared with one: the same curves, errors reported once, and no process left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from factories.imports import SOURCE, TESTS
from factories.process_groups import REAL, trained

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path
import torch
from textrnn import stage
from textrnn.errors import UserError
from textrnn.training.distributed.launcher import launch_group
from textrnn.training.distributed.process_group import join_group
from factories import process_groups

def main():
    what, out = sys.argv[1], Path(sys.argv[2])
    with launch_group() as first:
        (out / f"pid-{first.rank}").write_text(str(os.getpid()))
        with join_group(first, torch.device("cpu")) as group:
            globals()[what](group, out)

def sums(group):
    weights = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((2, 3), (2,), (1,))]
    weights[0].grad = torch.arange(6.0).view(2, 3) * (1 + 2 * group.rank)
    if group.rank == 1:
        weights[1].grad = torch.tensor([1.0, 2.0])
    group.sum_gradients(weights)
    assert weights[0].grad.equal(torch.arange(6.0).view(2, 3) * 4)
    assert weights[1].grad.tolist() == [1.0, 2.0]
    assert weights[2].grad.tolist() == [0.0]
    assert group.all_gather(torch.tensor([1.5 + group.rank])).tolist() == [[1.5], [2.5]]
    assert group.any_process(False, group.rank == 1, True) == [False, True, True]
    assert group.broadcast_bytes(b"0 gives" if group.rank == 0 else b"") == b"0 gives"
    assert group.broadcast_bytes(b"") == b""
    rows, values = group.gather_rows(torch.tensor([3] * group.rank + [4]), torch.ones(group.rank + 1, 2))
    assert (rows.tolist(), values.tolist()) == ([4, 3, 4], [[1.0, 1.0]] * 3)
    assert [len(rows) for rows in group.gather_rows(torch.zeros(0), torch.zeros(0, 2))] == [0, 0]
    network = torch.nn.Linear(1, 1)
    weights = [weight.detach().clone() for weight in network.parameters()]
    group.share_weights(network)
    shared = torch.cat([weight.detach().flatten() for weight in network.parameters()])
    assert group.all_gather(shared).unique(dim=0).shape == (1, 2)
    assert group.rank or all(map(torch.equal, weights, network.parameters()))

def cases(group, out):
    sums(group)
    for case in process_groups.REAL:
        outcome, points, weights = process_groups.trained(case, group)
        gathered = group.all_gather(weights)
        assert torch.equal(gathered[0], gathered[-1]), case
        if group.rank == 0:
            records = [process_groups.plain(outcome), [process_groups.plain(point) for point in points]]
            (out / f"{case}.json").write_text(json.dumps([*records, weights.tolist()]))

def resumed(group, out):
    whole = process_groups.trained("clip", group)
    folder = out / "state"
    (folder / ".finished").mkdir(parents=True, exist_ok=True)
    for stop in (2, 7):
        def on_step(step):
            if step == stop and group.rank == 1:
                signal.raise_signal(signal.SIGINT)
        try:
            process_groups.trained("clip", group, on_step, folder)
        except KeyboardInterrupt:
            assert group.rank or (folder / ".finished" / f"step-{stop}.json").is_file()
        else:
            raise AssertionError("not stopped")
    again = process_groups.trained("clip", group, folder=folder)
    assert again[0] == whole[0] and torch.equal(again[2], whole[2])
    if group.rank == 0:
        print("all alike", len(whole[1]), len(again[1]))

def wrong(group, out):
    raise UserError("params", "are wrong")

def broken(group, out):
    if group.rank == 1:
        raise KeyError("a bug")
    forever(group, out)

def forever(group, out):
    (out / f"ready-{group.rank}").touch()
    while True:
        group.any_process(False)
        time.sleep(0.01)

stage.run_command(main)
"""


@pytest.fixture
def start(tmp_path):
    """A function that starts the script on a task, in so many processes."""
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    started = []

    def start(what, count=2, command=(sys.executable,)):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEXTRNN_")}
        extra = {"PYTHONPATH": f"{SOURCE}:{TESTS}", "OMP_NUM_THREADS": "1"}
        extra |= {"TEXTRNN_PROCESSES": str(count)} if command == (sys.executable,) else {}
        process = subprocess.Popen(
            [*command, str(tmp_path / "script.py"), what, str(tmp_path)],
            env={**inherited, **extra},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(condition, seconds=40.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pid_of(folder, rank):
    return int((folder / f"pid-{rank}").read_text())


def ready(folder):
    return (folder / "ready-0").exists() and (folder / "ready-1").exists()


def test_two_real_processes_train_as_one(start, tmp_path):
    assert start("cases").communicate(timeout=100) == ("", "")
    for case in REAL:
        outcome, points, weights = json.loads((tmp_path / f"{case}.json").read_text())
        alone = trained(case)
        assert outcome["stopped_by"] == alone[0].stopped_by
        losses = [(point["step"], point["train"]["loss"], point["dev"]["loss"]) for point in points]
        wanted = [(point.step, point.train.loss, point.dev.loss) for point in alone[1]]
        assert losses == [pytest.approx(point, rel=2e-5) for point in wanted]
        torch.testing.assert_close(torch.tensor(weights), alone[2], rtol=1e-4, atol=2e-5)


def test_an_error_that_all_processes_have_is_reported_once(start):
    process = start("wrong")
    assert process.communicate(timeout=60) == ("", "error: params: are wrong\n")
    assert process.returncode == 1


def test_a_worker_that_dies_is_reported(start, tmp_path):
    process = start("forever")
    wait_for(lambda: ready(tmp_path))
    worker = pid_of(tmp_path, 1)
    os.kill(worker, signal.SIGKILL)
    killed = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - killed < 15
    assert process.returncode == 1, err
    assert out == ""
    assert err.startswith("error: process 1: ended unexpectedly; got exit code -9; see whether memory ran out")
    assert err.endswith("continues from the last checkpoint\n")
    assert err.count("\n") == 1


def test_workers_do_not_outlive_the_process_that_started_them(start, tmp_path):
    process = start("forever")
    wait_for(lambda: ready(tmp_path))
    worker = pid_of(tmp_path, 1)
    assert alive(worker)
    process.kill()
    wait_for(lambda: not alive(worker), 15)


def test_an_error_of_a_worker_keeps_its_traceback(start):
    process = start("broken")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "KeyError: 'a bug'" in err
    assert "error: process 1: ended unexpectedly; got exit code 1, KeyError: 'a bug'" in err


def test_several_processes_resume_bitwise(start):
    process = start("resumed")
    out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "")
    resumed, again, alike = out.splitlines()
    assert [resumed, again] == ["resumed from step 2", "resumed from step 7"]
    assert alike.startswith("all alike")


TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


def test_under_torchrun_too_an_error_that_all_have_is_reported_once(start):
    process = start("wrong", command=TORCHRUN)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 1
    assert [line for line in err.splitlines() if line.startswith(("error: ", "terminated: "))] == [
        "error: params: are wrong"
    ]


def test_torchrun_can_start_the_same_script(start, tmp_path):
    process = start("cases", command=TORCHRUN)
    process.communicate(timeout=200)
    assert process.returncode == 0
    outcome, points, _ = json.loads((tmp_path / "classify.json").read_text())
    alone = trained("classify")
    assert [point["dev"]["loss"] for point in points] == pytest.approx([p.dev.loss for p in alone[1]], rel=2e-5)
    assert outcome["best_step"] == alone[0].best_step
