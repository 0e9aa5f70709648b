"""Distributes shards to workers, one task per shard: processes of this machine or of a Dask cluster.

Workers and this process share a file system. A task writes its files to the run's working folder, so only its arguments
and a small result are sent between processes.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

from textrnn.common.executor.cluster import cluster_workers
from textrnn.common.executor.local import local_workers
from textrnn.common.executor.workers import GRACE_SECONDS, RunTask, ShardFunction, ShardTask, WorkerPool
from textrnn.common.storage.code_version import fingerprint
from textrnn.common.storage.markers import (
    MARKERS,
    finished_shards,
    is_finished,
    mark_finished,
    mark_in_progress,
    read_packages,
    read_result,
)
from textrnn.errors import ResumableError
from textrnn.stage import progress, worker_count

MIN_ROWS_FOR_POOL = 50_000
POLL_SECONDS = 2.0
_IN_THIS_PROCESS = ContextVar("in this process", default=False)


@contextmanager
def without_workers() -> Iterator[None]:
    """Have `run_shards` run all tasks of the block in this process.

    Worker processes import the main module of the program, which a program that calls the library is not written for.
    """
    token = _IN_THIS_PROCESS.set(True)
    try:
        yield
    finally:
        _IN_THIS_PROCESS.reset(token)


def run_shards(
    function: ShardFunction, tasks: Sequence[ShardTask], folder: Path, *, stage: str
) -> Iterator[dict[str, Any]]:
    """Call `function(*task.arguments)` for each task and yield the results in the order of the tasks.

    A task that an earlier run finished in `folder` (see `resumable_folder`) is not run again. If the other tasks have
    few rows, this process runs them; if they have more, TEXTRNN_WORKERS processes do. With TEXTRNN_SCHEDULER, all are
    run by the workers of that Dask scheduler.

    function: of a module. It returns a dictionary of JSON values, which lists under `files` what it wrote to `folder`.
        It must create its files anew, so that running a task twice gives the same bytes. Paths among its arguments may
        be relative; paths inside other values must be absolute for a cluster.
    stage: the stage's name, for progress and messages.
    Raises WorkerDiedError, ResumableError for errors of the cluster, and what `function` raises.
    """
    if len({task.name for task in tasks}) < len(tasks):
        raise ValueError(f"{stage}: two tasks have the same name")
    (folder / MARKERS).mkdir(exist_ok=True)
    finished = finished_shards(folder)
    remaining = [task for task in tasks if task.name not in finished]
    scheduler = os.environ.get("TEXTRNN_SCHEDULER", "")
    with _open_pool(remaining, folder, stage, scheduler) as pool:
        packages = read_packages(folder)
        code = packages, fingerprint(packages)
        run_task = partial(_run_task, function, folder.absolute() if scheduler else folder, code)
        pairs = _run_in_order(pool, run_task, remaining) if pool else ((task, run_task(task)) for task in remaining)
        finished_rows = sum(task.rows for task in tasks if task.name in finished)
        rows = {"total": sum(task.rows for task in tasks), "initial": finished_rows}
        new = iter(progress(pairs, **rows, unit=" rows", description=stage, count=lambda pair: pair[0].rows))
        for task in tasks:
            yield read_result(folder, task.name) if task.name in finished else next(new)[1]
    _check_all_finished(tasks, folder, stage, GRACE_SECONDS if scheduler else 0.0)


def _run_task(
    function: ShardFunction, folder: Path, code: tuple[tuple[str, ...] | None, str], task: ShardTask
) -> dict[str, Any]:
    """Run a task in a worker. code: the packages that the run depends on, and their fingerprint in the main process."""
    where = f"worker {socket.gethostname()}:{os.getpid()}"
    if not (folder / MARKERS).is_dir():
        do = "let all workers share a file system"
        raise ResumableError(where, "does not see the output folder", got=folder, do=do)
    packages, expected = code
    if fingerprint(packages) != expected:
        do = "restart the worker and the run"
        raise ResumableError(where, "runs different code or library versions", do=do)
    if is_finished(folder, task.name):  # Dask requests a result again if the worker that held it died
        return read_result(folder, task.name)
    with mark_in_progress(folder, task.name):
        return mark_finished(folder, task.name, function(*task.arguments))


def _run_in_order(
    pool: WorkerPool, run_task: RunTask, tasks: Sequence[ShardTask]
) -> Iterator[tuple[ShardTask, dict[str, Any]]]:
    waiting = deque(tasks)
    submitted: deque[tuple[ShardTask, Future[dict[str, Any]]]] = deque()
    while waiting or submitted:
        while waiting and len(submitted) < pool.max_pending:
            task = waiting.popleft()
            submitted.append((task, pool.submit(run_task, task)))
        ended, _ = wait([future for _, future in submitted if not future.done()], POLL_SECONDS, FIRST_COMPLETED)
        for _, future in submitted:
            # an error is raised at once, not when its task is next in order
            if future.done() and (error := future.exception()):
                raise error
        if not ended:
            pool.check()
        while submitted and submitted[0][1].done():
            task, future = submitted.popleft()
            yield task, future.result()


def _check_all_finished(tasks: Sequence[ShardTask], folder: Path, stage: str, grace_seconds: float) -> None:
    deadline = time.monotonic() + grace_seconds
    while missing := sorted({task.name for task in tasks} - finished_shards(folder)):
        if time.monotonic() >= deadline:
            wrong, do = "shards were reported but are not in the folder", "let all workers share a file system"
            raise ResumableError(stage, wrong, got=", ".join(missing), do=do)
        time.sleep(0.5)


def _open_pool(
    tasks: Sequence[ShardTask], folder: Path, stage: str, scheduler: str
) -> AbstractContextManager[WorkerPool | None]:
    """The pool for these tasks; None if this process runs them."""
    if _IN_THIS_PROCESS.get():
        return nullcontext()
    if scheduler and tasks:
        return cluster_workers(scheduler, folder, stage)
    count = min(worker_count(), len(tasks))
    if count > 1 and sum(task.rows for task in tasks) > MIN_ROWS_FOR_POOL:
        return local_workers(count, folder, stage)
    return nullcontext()
