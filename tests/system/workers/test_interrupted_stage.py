"""A stage that is stopped or killed: no worker left running, and the same command continues."""

from __future__ import annotations

import os
import signal
import time

import pytest

from factories.shard_tasks import ALL, CONTENT, alive, names, wait_until
from textrnn.common.integrity.checksums import CHECKSUMS


def half_done(stage, log):
    """A stage whose two workers both wait in a shard, and the ids of the workers' processes."""
    process = stage("held")
    wait_until(lambda: names(log) == ALL[:4] and (len(list(log.parent.glob(".textrnn/out.*/.finished/*.json"))) == 2))
    used = {int(line.split()[1]) for line in log.read_text().splitlines()}
    assert all(alive(worker) for worker in used)
    return process, used


def complete(stage, log):
    """Run the stage again to its end; returns the shards that it began."""
    log.unlink()
    (log.parent / "gate").touch()
    process = stage("held")
    assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == 0
    out = log.parent / "out"
    assert {path.name: path.read_text() for path in out.iterdir() if path.name != CHECKSUMS} == CONTENT
    assert [path.name for path in log.parent.glob(".textrnn/out.*")] == []
    return names(log)


@pytest.mark.parametrize(
    ("sent", "code", "verb"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_to_the_group_ends_all_processes_and_the_same_command_continues(stage, log, sent, code, verb):
    process, used = half_done(stage, log)
    os.killpg(process.pid, sent)
    _, output = process.communicate(timeout=3)
    assert output == f"{verb}: the same command continues after the 2 finished shards\n"
    assert process.returncode == code
    assert [worker for worker in used if alive(worker)] == []
    assert not (log.parent / "out").exists()
    assert complete(stage, log) == ALL[2:]
    assert (log.parent / "mains").read_text() == "main\n" * 2  # spawned workers do not run the script's main


def test_workers_ignore_ctrl_c(stage, log):
    process, used = half_done(stage, log)
    for worker in used:
        os.kill(worker, signal.SIGINT)
    (log.parent / "gate").touch()
    assert process.communicate(timeout=10)[1] == ""
    assert process.returncode == 0
    assert names(log) == ALL


def test_ctrl_c_while_workers_start_prints_one_line(stage, log):
    process = stage("held", TEXTRNN_WORKERS="6")
    wait_until(lambda: list(log.parent.glob(".textrnn/out.*/.finished")))
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, output = process.communicate(timeout=5)
    assert output.startswith("interrupted: ")
    assert output.count("\n") == 1
    assert process.returncode == 130


def test_a_killed_stage_leaves_no_worker_and_its_finished_shards_are_kept(stage, log):
    process, used = half_done(stage, log)
    process.kill()
    process.wait()
    wait_until(lambda: not any(alive(worker) for worker in used), 2.0)
    assert complete(stage, log) == ALL[2:]


def test_a_second_run_at_the_same_time_is_refused(stage, log):
    first, _ = half_done(stage, log)
    second = stage("held")
    assert second.communicate(timeout=10)[1] == "error: out: another run is writing it; wait for it, or stop it\n"
    assert second.returncode == 1
    (log.parent / "gate").touch()
    assert first.wait(timeout=10) == 0
    out = log.parent / "out"
    assert {path.name: path.read_text() for path in out.iterdir() if path.name != CHECKSUMS} == CONTENT
