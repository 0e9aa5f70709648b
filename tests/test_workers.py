"""Shards on workers: the same results for any workers, no shard run twice, and no worker left running."""

from __future__ import annotations

import contextlib
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

from imports import SOURCE
from textrnn.common.executor import cluster as cluster_module
from textrnn.common.executor import tasks as module
from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask, WorkerDiedError
from textrnn.common.storage import code_version
from textrnn.common.storage.code_version import fingerprint
from textrnn.common.storage.markers import MARKERS, finished_shards, shards_in_progress
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import ResumableError, UserError
from textrnn.stage import worker_count

FUNCTIONS = '''\
import os
import signal
import time
from pathlib import Path

from textrnn.errors import UserError


def double(out, name, log):
    with log.open("a") as file:
        file.write(name + "\\n")
    (out / f"{name}.txt").write_text(name * 2)
    return {"files": [f"{name}.txt"], "name": name, "pair": (1, 2), "process": os.getpid()}


def slow_first(out, name, log):
    while name == "s0" and not (out / "s2.txt").exists():
        time.sleep(0.01)
    return double(out, name, log)


def held(out, name, log):
    """Finishes at once, except s2 and s3, which wait for a file `gate` next to the log."""
    with log.open("a") as file:
        file.write(f"{name} {os.getpid()}\\n")
    while name in ("s2", "s3") and not (log.parent / "gate").exists():
        time.sleep(0.01)
    (out / f"{name}.txt").write_text(name * 2)
    return {"files": [f"{name}.txt"], "name": name}


def dies_at_s2(out, name, log):
    if name == "s2" and not (log.parent / "gate").exists():
        while not (out / ".finished" / "s0.json").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    return double(out, name, log)


def slow_s0_failing_s1(out, name, log):
    """s0 takes ten seconds; s1 waits until s0 has begun, then raises an error if there is a gate and dies otherwise."""
    deadline = time.monotonic() + 10
    while name == "s0" and time.monotonic() < deadline:
        log.with_name("begun").touch()
        time.sleep(0.01)
    while name == "s1" and not log.with_name("begun").exists():
        time.sleep(0.01)
    if name == "s1" and log.with_name("gate").exists():
        raise UserError("s1", "is bad")
    if name == "s1":
        os.kill(os.getpid(), signal.SIGKILL)
    return double(out, name, log)


def exits_at_s1(out, name, log):
    if name == "s1":
        os._exit(3)
    return double(out, name, log)


def user_error_at_s2(out, name, log):
    if name == "s2":
        raise UserError("s2", "is bad", got=2)
    return double(out, name, log)


def raises_at_s2(out, name, log):
    return double(out, name, log) if name != "s2" else {}["lost"]


def removes_a_marker(out, name, log):
    if name == "s2":
        (out / ".finished" / "s1.json").unlink()
    return double(out, name, log)


def big(out, name, log, load):
    return {**double(out, name, log), "load": len(load)}
'''

STAGE = """\
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), SOURCE]

from textrnn.common.executor import tasks as executor
from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask
from textrnn.common.storage.resumable import resumable_folder
from textrnn.stage import run_command

import shard_functions

executor.MIN_ROWS_FOR_POOL = 0


def main():
    with resumable_folder(Path("out"), seed=1) as out:
        tasks = [ShardTask(f"s{i}", 10, (out, f"s{i}", HERE / "log")) for i in range(6)]
        with (out / "order").open("w") as file:
            for result in run_shards(getattr(shard_functions, sys.argv[1]), tasks, out, stage="cut"):
                file.write(result["name"] + "\\n")


if __name__ == "__main__":
    with (HERE / "mains").open("a") as file:
        file.write("main\\n")
    run_command(main)
"""
ALL = [f"s{i}" for i in range(6)]
CONTENT = {"order": "".join(f"{name}\n" for name in ALL), **{f"{name}.txt": name * 2 for name in ALL}}


@pytest.fixture(scope="session")
def functions(tmp_path_factory):
    """The module of shard functions, imported as workers import it: from a folder on the path."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "shard_functions.py").write_text(FUNCTIONS, encoding="utf-8")
    sys.path.insert(0, str(folder))
    import shard_functions

    yield shard_functions
    sys.path.remove(str(folder))


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    code_version._hash_library.cache_clear()  # the sources may have been edited since the last test
    monkeypatch.setattr(module, "MIN_ROWS_FOR_POOL", 0)
    monkeypatch.setenv("TEXTRNN_WORKERS", "2")
    monkeypatch.delenv("TEXTRNN_SCHEDULER", raising=False)


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def tasks(out, log, count=6, **more):
    return [ShardTask(f"s{i}", 10, (out, f"s{i}", log, *more.values())) for i in range(count)]


def names(log):
    """The sorted names of the shards that workers have begun."""
    return sorted(line.split()[0] for line in log.read_text().splitlines()) if log.exists() else []


def alive(process):
    """Whether a process runs; a zombie does not."""
    if not Path("/proc").is_dir():
        status = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout
        return status.strip()[:1] not in ("", "Z")
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)


# the number of workers


def test_worker_count_from_the_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.setenv("TEXTRNN_WORKERS", "")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 4, 5, 6, 9}, raising=False)
    assert worker_count() == 5
    monkeypatch.delenv("TEXTRNN_WORKERS")
    assert worker_count() == 5


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5", " 2", "²"])
def test_worker_count_refuses(monkeypatch, given):
    monkeypatch.setenv("TEXTRNN_WORKERS", given)
    with pytest.raises(ResumableError, match=f"^TEXTRNN_WORKERS: must be a whole number of at least 1; got '{given}'$"):
        worker_count()


# results


@pytest.mark.parametrize(("count", "processes"), [(1, 1), (2, 2), (7, 6)])
def test_results_are_the_same_and_in_order_for_any_workers(monkeypatch, functions, out, log, count, processes):
    monkeypatch.setenv("TEXTRNN_WORKERS", str(count))
    task = functions.double if count == 1 else functions.slow_first
    results = list(run_shards(task, tasks(out, log), out, stage="cut"))
    used = {result.pop("process") for result in results}
    assert (used == {os.getpid()}) == (count == 1)
    assert len(used) <= processes
    assert results == [{"files": [f"{name}.txt"], "name": name, "pair": [1, 2]} for name in ALL]
    assert {path.name: path.read_text() for path in out.glob("*.txt")} == {f"{name}.txt": name * 2 for name in ALL}
    assert names(log) == ALL
    assert list(out.joinpath(MARKERS).glob("*.working")) == []


def test_few_rows_are_processed_in_this_process(monkeypatch, functions, out, log):
    for threshold, here in ((60, True), (59, False)):
        monkeypatch.setattr(module, "MIN_ROWS_FOR_POOL", threshold)
        results = list(run_shards(functions.double, tasks(out, log), out, stage="cut"))
        assert {result["process"] == os.getpid() for result in results} == {here}
        for marker in out.joinpath(MARKERS).iterdir():
            marker.unlink()


def test_the_remaining_rows_decide_on_a_pool(monkeypatch, functions, out, log):
    monkeypatch.setattr(module, "MIN_ROWS_FOR_POOL", 20)
    for _ in zip(range(4), run_shards(functions.double, tasks(out, log, 4), out, stage="cut"), strict=False):
        pass
    rest = list(run_shards(functions.double, tasks(out, log), out, stage="cut"))[4:]
    assert [(result["name"], result["process"]) for result in rest] == [("s4", os.getpid()), ("s5", os.getpid())]


def test_a_bounded_number_of_shards_is_submitted_ahead(functions, out, log):
    results = run_shards(functions.double, tasks(out, log, 30), out, stage="cut")
    assert next(results)["name"] == "s0"
    time.sleep(0.3)
    assert len(names(log)) <= 4 * 2
    assert [result["name"] for result in results] == [f"s{i}" for i in range(1, 30)]


def test_two_tasks_with_the_same_name_are_refused(functions, out, log):
    with pytest.raises(ValueError, match="cut: two tasks have the same name"):
        list(run_shards(functions.double, tasks(out, log, 1) * 2, out, stage="cut"))


def test_a_finished_shard_that_is_requested_again_is_read_from_its_marker(functions, out, log):
    task = tasks(out, log)[3]
    (out / MARKERS).mkdir(exist_ok=True)
    first = module._run_task(functions.double, out, (None, fingerprint()), task)
    assert module._run_task(functions.double, out, (None, fingerprint()), task) == first
    assert names(log) == ["s3"]
    (out / "s3.txt").unlink()
    assert module._run_task(functions.double, out, (None, fingerprint()), task) == first
    assert names(log) == ["s3", "s3"]


def test_progress_counts_rows_and_those_finished_earlier(monkeypatch, functions, out, log):
    monkeypatch.setenv("TEXTRNN_WORKERS", "1")
    list(run_shards(functions.double, tasks(out, log, 2), out, stage="cut"))
    options, counted = {}, []

    def progress(items, *, count, **rest):
        options.update(rest)
        return ((item, counted.append(count(item)))[0] for item in items)

    monkeypatch.setattr(module, "progress", progress)
    assert [result["name"] for result in run_shards(functions.double, tasks(out, log), out, stage="cut")] == ALL
    assert counted == [10, 10, 10, 10]
    assert options == {"total": 60, "initial": 20, "unit": " rows", "description": "cut"}


# errors in a task


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_user_error_is_raised_unchanged(monkeypatch, functions, out, log, count):
    monkeypatch.setenv("TEXTRNN_WORKERS", count)
    with pytest.raises(UserError) as caught:
        list(run_shards(functions.user_error_at_s2, tasks(out, log), out, stage="cut"))
    assert (type(caught.value), str(caught.value)) == (UserError, "s2: is bad; got 2")


def test_an_error_is_raised_at_once_whatever_its_order(functions, out, log, tmp_path):
    (tmp_path / "gate").touch()
    with pytest.raises(UserError, match=r"^s1: is bad$"):
        list(run_shards(functions.slow_s0_failing_s1, tasks(out, log), out, stage="cut"))
    assert "s0" not in finished_shards(out)


def test_another_exception_keeps_its_traceback(functions, out, log):
    with pytest.raises(KeyError, match="lost") as caught:
        list(run_shards(functions.raises_at_s2, tasks(out, log), out, stage="cut"))
    assert "in raises_at_s2" in str(caught.value.__cause__)


def test_a_shard_that_is_reported_but_missing_is_named(monkeypatch, functions, out, log):
    monkeypatch.setenv("TEXTRNN_WORKERS", "1")
    with pytest.raises(ResumableError, match=r"^cut: shards were reported but are not in the folder; got s1; "):
        list(run_shards(functions.removes_a_marker, tasks(out, log), out, stage="cut"))


# workers that die


def test_a_dead_worker_is_reported_with_its_shard_and_the_next_run_completes(functions, tmp_path, log):
    def run():
        with resumable_folder(tmp_path / "out", seed=1) as made:
            return [result["name"] for result in run_shards(functions.dies_at_s2, tasks(made, log), made, stage="cut")]

    with pytest.raises(WorkerDiedError) as caught:
        run()
    (working_folder,) = tmp_path.glob(".out.*")
    done = finished_shards(working_folder)
    assert "s0" in done
    assert "s2" not in done
    assert str(caught.value) == (
        "cut, shard s2: the worker process died; got signal SIGKILL; see whether memory ran out; "
        f"lower TEXTRNN_WORKERS; the same command continues after the {len(done)} finished shards"
    )
    log.unlink()
    (tmp_path / "gate").touch()
    assert run() == ALL
    assert names(log) == sorted(set(ALL) - done)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{name}.txt" for name in ALL]


def test_a_dead_worker_is_reported_without_the_live_one(functions, out, log):
    with pytest.raises(WorkerDiedError, match=r"^cut, shard s1: the worker process died; got signal SIGKILL; "):
        list(run_shards(functions.slow_s0_failing_s1, tasks(out, log), out, stage="cut"))
    assert "s0" not in finished_shards(out)  # and it is not waited for


def test_a_worker_that_exits_is_reported_with_its_code(functions, out, log):
    with pytest.raises(WorkerDiedError, match=r"^cut, shard s1: the worker process died; got exit code 3; "):
        list(run_shards(functions.exits_at_s1, tasks(out, log), out, stage="cut"))


def test_an_error_while_large_arguments_are_sent_does_not_hang(functions, out, log):
    big = [ShardTask("s0", 10, (1,)), *tasks(out, log, 12, load=b"x" * 3_000_000)[1:]]
    with pytest.raises(TypeError, match="missing 3 required"):
        list(run_shards(functions.big, big, out, stage="cut"))


def test_a_worker_with_other_code_refuses(functions, out, log):
    (out / MARKERS).mkdir()
    with pytest.raises(ResumableError, match=r"^worker \S+:\d+: runs different code or library versions"):
        module._run_task(functions.double, out, (None, "another fingerprint"), tasks(out, log)[0])
    assert names(log) == []


def test_a_worker_that_does_not_see_the_folder_refuses(functions, out, log):
    with pytest.raises(ResumableError, match=r"^worker \S+:\d+: does not see the output folder; got \S+/out; let all"):
        module._run_task(functions.double, out, (None, fingerprint()), tasks(out, log)[0])


# signals to a stage


@pytest.fixture
def stage(functions, tmp_path):
    """A function that starts the stage script in its own process group, as a shell does; the test ends it."""
    script = tmp_path / "stage.py"
    script.write_text(STAGE.replace("SOURCE", repr(str(SOURCE)), 1), encoding="utf-8")
    (tmp_path / "shard_functions.py").write_text(FUNCTIONS, encoding="utf-8")
    running = []

    def start(task, **env):
        command = [sys.executable, str(script), task]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, **env},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def half_done(stage, log):
    """A stage whose two workers both wait in a shard, and the ids of the workers' processes."""
    process = stage("held")
    wait_until(lambda: names(log) == ALL[:4] and (len(list(log.parent.glob(".out.*/.finished/*.json"))) == 2))
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
    assert {path.name: path.read_text() for path in out.iterdir()} == CONTENT
    assert [path.name for path in log.parent.glob(".out.*")] == []
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
    wait_until(lambda: list(log.parent.glob(".out.*/.finished")))
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
    assert {path.name: path.read_text() for path in (log.parent / "out").iterdir()} == CONTENT


# a cluster


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
