"""Shards handed out to workers: processes of this machine, or those of a Dask cluster; a shard a task.

Workers and this process share a file system: a task writes its files into the run's folder, and what goes over the
wire is its arguments and a small result.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from textrnn.common.executor.cluster import cluster_workers
from textrnn.common.executor.local import local_workers
from textrnn.common.executor.workers import PATIENCE_SECONDS, Call, ShardFunction, ShardTask, WorkerPool
from textrnn.common.storage.code_version import fingerprint
from textrnn.common.storage.markers import (
    MARKERS,
    finished_shards,
    is_finished,
    mark_finished,
    note_work,
    read_packages,
    read_result,
)
from textrnn.errors import ResumableError
from textrnn.stage import progress, worker_count

MIN_ROWS_FOR_POOL = 50_000
POLL_SECONDS = 2.0


def run_shards(task: ShardFunction, jobs: Sequence[ShardTask], folder: Path, *, label: str) -> Iterator[dict[str, Any]]:
    """Call `task(*job.arguments)` for each job and yield the results in the order of the jobs.

    A job that an earlier run finished in `folder` (see `resumable_folder`) is not run again. Few rows are done by this
    process, more by TEXTRNN_WORKERS processes; with TEXTRNN_SCHEDULER, all by the workers of that Dask scheduler.

    task: a function of a module, whose dictionary of JSON values has under `files` the names of what it wrote in
    `folder`. It opens its files anew, so that doing a shard twice gives the same bytes. Paths among its arguments may
    be relative; inside other values they must be absolute for a cluster.
    label: the stage, for progress and messages.
    Raises WorkerDied, Unfinished for faults of the cluster, and what `task` raises.
    """
    if len({job.name for job in jobs}) < len(jobs):
        raise ValueError(f"{label}: two jobs have one name")
    (folder / MARKERS).mkdir(exist_ok=True)
    done = finished_shards(folder)
    left = [job for job in jobs if job.name not in done]
    scheduler = os.environ.get("TEXTRNN_SCHEDULER", "")
    with _crew(left, folder, label, scheduler) as crew:
        packages = read_packages(folder)
        code = packages, fingerprint(packages)
        call = partial(_run_job, task, folder.absolute() if scheduler else folder, code)
        pairs = _in_order(crew, call, left) if crew else ((job, call(job)) for job in left)
        rows = {"total": sum(job.rows for job in jobs), "initial": sum(job.rows for job in jobs if job.name in done)}
        fresh = iter(progress(pairs, **rows, unit=" rows", label=label, count=lambda pair: pair[0].rows))
        for job in jobs:
            yield read_result(folder, job.name) if job.name in done else next(fresh)[1]
    _check_all_here(jobs, folder, label, PATIENCE_SECONDS if scheduler else 0.0)


def _run_job(
    task: ShardFunction, folder: Path, code: tuple[tuple[str, ...] | None, str], job: ShardTask
) -> dict[str, Any]:
    """What runs in a worker."""
    here = f"worker {socket.gethostname()}:{os.getpid()}"
    if not (folder / MARKERS).is_dir():
        raise ResumableError(
            here, "does not see the output folder", got=folder, do="let all workers share a file system"
        )
    packages, wanted = code
    if fingerprint(packages) != wanted:
        raise ResumableError(here, "has other code or other versions of libraries than this run", do="start it again")
    if is_finished(folder, job.name):  # Dask asks again for a result that died with the worker that held it
        return read_result(folder, job.name)
    with note_work(folder, job.name):
        return mark_finished(folder, job.name, task(*job.arguments))


def _in_order(crew: WorkerPool, call: Call, jobs: Sequence[ShardTask]) -> Iterator[tuple[ShardTask, dict[str, Any]]]:
    waiting = deque(jobs)
    submitted: deque[tuple[ShardTask, Future[dict[str, Any]]]] = deque()
    while waiting or submitted:
        while waiting and len(submitted) < crew.ahead:
            job = waiting.popleft()
            submitted.append((job, crew.submit(call, job)))
        ended, _ = wait([future for _, future in submitted if not future.done()], POLL_SECONDS, FIRST_COMPLETED)
        for _, future in submitted:
            # a fault is told at once, whatever its turn
            if future.done() and (error := future.exception()):
                raise error
        if not ended:
            crew.look()
        while submitted and submitted[0][1].done():
            job, future = submitted.popleft()
            yield job, future.result()


def _check_all_here(jobs: Sequence[ShardTask], folder: Path, label: str, patience: float) -> None:
    until = time.monotonic() + patience
    while missing := sorted({job.name for job in jobs} - finished_shards(folder)):
        if time.monotonic() >= until:
            do = "let all workers share a file system"
            raise ResumableError(label, "shards were reported and are not in the folder", got=", ".join(missing), do=do)
        time.sleep(0.5)


def _crew(
    jobs: Sequence[ShardTask], folder: Path, label: str, scheduler: str
) -> AbstractContextManager[WorkerPool | None]:
    if scheduler and jobs:
        return cluster_workers(scheduler, folder, label)
    count = min(worker_count(), len(jobs))
    if count > 1 and sum(job.rows for job in jobs) > MIN_ROWS_FOR_POOL:
        return local_workers(count, folder, label)
    return nullcontext()
