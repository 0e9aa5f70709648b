"""Shards on a Dask cluster: the same bytes, and each failure of a worker or the scheduler reported."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from factories.imports import SOURCE
from factories.shard_tasks import ALL, names, tasks, wait_until
from textrnn.common.executor import cluster as cluster_module
from textrnn.common.executor import tasks as module
from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask, WorkerDiedError
from textrnn.common.storage.markers import finished_shards, shards_in_progress
from textrnn.errors import ResumableError, UserError


def test_a_scheduler_needs_dask(monkeypatch, functions, out, log):
    monkeypatch.setenv("TEXTRNN_SCHEDULER", "tcp://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(
        ResumableError, match=r"^TEXTRNN_SCHEDULER: needs Dask, .*; pip install .* -e '\.\[cluster\]', or"
    ):
        list(run_shards(functions.double, tasks(out, log), out, stage="cut"))


def test_dask_is_imported_only_for_a_scheduler():
    code = "import sys, textrnn.common.executor.tasks; sys.exit('distributed' in sys.modules or 'dask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(SOURCE)}).returncode == 0


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch, functions, out, log, unused_port):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 0.5)
    for address in (f"tcp://127.0.0.1:{unused_port}", "nonsense://x", "127.0.0.1:port"):
        monkeypatch.setenv("TEXTRNN_SCHEDULER", address)
        message = f"TEXTRNN_SCHEDULER: no Dask scheduler answers there; got {address}; "
        with pytest.raises(ResumableError) as caught:
            list(run_shards(functions.double, tasks(out, log), out, stage="cut"))
        assert str(caught.value).startswith(message)


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.fixture
def cluster(functions, tmp_path, monkeypatch):
    """A function that starts a scheduler and workers on this machine; returns their processes, the scheduler first."""
    pytest.importorskip("distributed")
    where = tmp_path / "scheduler.json"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = {**os.environ, "PYTHONPATH": f"{SOURCE}:{Path(functions.__file__).parent}"}
    running = []

    def start(*arguments, **more):
        command = [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1", "--no-dashboard"]
        with (tmp_path / "dask.log").open("a") as output:
            running.append(subprocess.Popen(command, cwd=elsewhere, env={**env, **more}, stdout=output, stderr=output))

    def begin(workers=2, failures=3):
        failures = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(failures)}
        start("scheduler", "--port", "0", "--scheduler-file", str(where), **failures)
        wait_until(address)
        for _ in range(workers):
            start("worker", address(), "--no-nanny", "--nthreads", "1")
        monkeypatch.setenv("TEXTRNN_SCHEDULER", address())
        return running

    def address():
        """The address that the scheduler writes to its file; None until the file is complete."""
        try:
            return json.loads(where.read_text())["address"]
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    yield begin
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes(cluster, functions, tmp_path, log, monkeypatch):
    processes = {process.pid for process in cluster()[1:]}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    relative = [ShardTask(f"s{i}", 10, (Path("out"), f"s{i}", log)) for i in range(6)]
    results = list(run_shards(functions.slow_first, relative, Path("out"), stage="cut"))
    assert {result.pop("process") for result in results} <= processes
    assert results == [{"files": [f"{name}.txt"], "name": name, "pair": [1, 2]} for name in ALL]
    assert {path.name: path.read_text() for path in Path("out").glob("*.txt")} == {
        f"{name}.txt": name * 2 for name in ALL
    }
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError) as caught:
        list(run_shards(functions.user_error_at_s2, tasks(tmp_path / "other", log), tmp_path / "other", stage="cut"))
    assert (type(caught.value), str(caught.value)) == (UserError, "s2: is bad; got 2")


@pytest.mark.slow
def test_a_dead_worker_of_a_cluster_is_reported_with_its_shard(cluster, functions, out, log, tmp_path):
    cluster(failures=0)
    with pytest.raises(WorkerDiedError, match=r"^cut, shard s2: the worker process died; see whether memory") as caught:
        list(run_shards(functions.dies_at_s2, tasks(out, log), out, stage="cut"))
    reported = int(re.search(r"after the (\d+) finished shards$", str(caught.value)).group(1))
    wait_until(lambda: set(shards_in_progress(out)) == {"s2"})  # the other worker finishes its current shard
    done = finished_shards(out)
    assert "s0" in done
    assert 1 <= reported <= len(done) <= 5
    log.unlink()
    (tmp_path / "gate").touch()
    assert [result["name"] for result in run_shards(functions.dies_at_s2, tasks(out, log), out, stage="cut")] == ALL
    assert names(log) == sorted(set(ALL) - done)


@pytest.mark.slow
def test_a_cluster_without_workers_is_reported(cluster, functions, tmp_path, out, log, monkeypatch):
    monkeypatch.setattr(cluster_module, "GRACE_SECONDS", 1.0)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.2)
    cluster(workers=1)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    with pytest.raises(WorkerDiedError, match=r"^cut, shard s2: the worker process died; see"):
        list(run_shards(functions.dies_at_s2, tasks(out, log), out, stage="cut"))
    with pytest.raises(ResumableError, match=r"^scheduler tcp://\S+: has no workers; start some: dask worker tcp://"):
        list(run_shards(functions.double, tasks(out, log), fresh, stage="cut"))


@pytest.mark.slow
def test_a_lost_scheduler_is_reported(cluster, functions, out, log):
    scheduler, *_ = cluster()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(lambda: list(run_shards(functions.held, tasks(out, log), out, stage="cut")))
        wait_until(lambda: {"s2", "s3"} <= set(names(log)) or waiting.done())
        scheduler.kill()
        with pytest.raises(ResumableError, match=r"^scheduler tcp://\S+: the connection was lost; the same command"):
            waiting.result(timeout=30)


@pytest.mark.slow
def test_ctrl_c_cancels_the_shards_that_a_cluster_has_not_begun(cluster, stage, log):
    cluster(workers=1)
    process = stage("held")
    wait_until(lambda: {"s2", "s3"} & set(names(log)))
    begun = names(log)
    os.killpg(process.pid, signal.SIGINT)
    _, output = process.communicate(timeout=10)
    assert output == f"interrupted: the same command continues after the {len(begun) - 1} finished shards\n"
    assert process.returncode == 130
    (log.parent / "gate").touch()
    time.sleep(0.5)
    assert names(log) == begun
