"""Shards on workers: the same results for any workers, no shard run twice, errors and deaths reported."""

from __future__ import annotations

import json
import os
import time

import pytest

from factories.shard_tasks import ALL, names, tasks
from textrnn.common.executor import tasks as module
from textrnn.common.executor.tasks import run_shards, without_workers
from textrnn.common.executor.workers import ShardTask, WorkerDiedError
from textrnn.common.storage.code_version import fingerprint
from textrnn.common.storage.markers import MARKERS, finished_shards
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import ResumableError, UserError


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


def test_a_program_may_keep_all_rows_in_this_process(monkeypatch, functions, out, log):
    monkeypatch.setattr(module, "MIN_ROWS_FOR_POOL", 0)
    monkeypatch.setenv("TEXTRNN_SCHEDULER", "tcp://nowhere:1")
    with without_workers():
        results = list(run_shards(functions.double, tasks(out, log), out, stage="cut"))
    assert {result["process"] for result in results} == {os.getpid()}
    assert names(log) == ALL
    monkeypatch.delenv("TEXTRNN_SCHEDULER")
    for marker in out.joinpath(MARKERS).iterdir():
        marker.unlink()
    results = list(run_shards(functions.double, tasks(out, log), out, stage="cut"))
    assert {result["process"] == os.getpid() for result in results} == {False}


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


def test_a_dead_worker_is_reported_with_its_shard_and_the_next_run_completes(functions, tmp_path, log):
    def run():
        with resumable_folder(tmp_path / "out", seed=1) as made:
            return [result["name"] for result in run_shards(functions.dies_at_s2, tasks(made, log), made, stage="cut")]

    with pytest.raises(WorkerDiedError) as caught:
        run()
    (working_folder,) = tmp_path.glob(".textrnn/out.*")
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
    assert sorted(path.name for path in (tmp_path / "out").glob("*.txt")) == [f"{name}.txt" for name in ALL]
    assert set(json.loads((tmp_path / "out" / "checksums.json").read_text())) == {f"{name}.txt" for name in ALL}


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
