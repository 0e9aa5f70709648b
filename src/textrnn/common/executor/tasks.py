"""Shards handed out to workers: processes of this machine, or those of a Dask cluster; a shard a task.

Workers and this process share a file system: a task writes its files into the run's folder, and what goes over the
wire is its arguments and a small result.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from textrnn.common.storage.resumable import (
    NOTES,
    at_work,
    fingerprint,
    finish,
    finished,
    is_finished,
    result_of,
    working,
)
from textrnn.errors import Unfinished
from textrnn.stage import progress, worker_count

Task = Callable[..., dict[str, Any]]
Call = Callable[["Job"], dict[str, Any]]

ROWS_WORTH_A_POOL = 50_000
AHEAD_ON_A_CLUSTER = 1_000  # shards submitted and not yet yielded; workers may join at any time
CONNECT_SECONDS = 10.0
PATIENCE_SECONDS = 60.0  # how long a cluster may be without workers, or its file system behind
LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class Job:
    """One shard's work: a name that is unique in the run and fit for a file name, rows, and the task's arguments."""

    name: str
    rows: int
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Crew:
    """Who does the work: how to submit to them, how many shards at a time, and a look at whether they are there."""

    submit: Callable[[Call, Job], Future[dict[str, Any]]]
    ahead: int
    look: Callable[[], None]


class WorkerDied(Unfinished):
    """A worker process ended amid its work; the shards it worked on are named, and the finished ones stay."""

    def __init__(self, label: str, names: Sequence[str], folder: Path, *, got: str | None = None) -> None:
        shards = f", shard {', '.join(sorted(names))}" if names else ""
        do = f"the same command continues after the {len(finished(folder))} finished shards"
        do = f"see whether memory ran out; lower TEXTRNN_WORKERS; {do}"
        super().__init__(f"{label}{shards}", "the worker process died", got=got, do=do)


def run_shards(task: Task, jobs: Sequence[Job], folder: Path, *, label: str) -> Iterator[dict[str, Any]]:
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
    (folder / NOTES).mkdir(exist_ok=True)
    done = finished(folder)
    left = [job for job in jobs if job.name not in done]
    scheduler = os.environ.get("TEXTRNN_SCHEDULER", "")
    with _crew(left, folder, label, scheduler) as crew:
        call = partial(_run_job, task, folder.absolute() if scheduler else folder, fingerprint())
        pairs = _in_order(crew, call, left) if crew else ((job, call(job)) for job in left)
        rows = {"total": sum(job.rows for job in jobs), "initial": sum(job.rows for job in jobs if job.name in done)}
        fresh = iter(progress(pairs, **rows, unit=" rows", label=label, count=lambda pair: pair[0].rows))
        for job in jobs:
            yield result_of(folder, job.name) if job.name in done else next(fresh)[1]
    _check_all_here(jobs, folder, label, PATIENCE_SECONDS if scheduler else 0.0)


def _run_job(task: Task, folder: Path, code: str, job: Job) -> dict[str, Any]:
    """What runs in a worker."""
    here = f"worker {socket.gethostname()}:{os.getpid()}"
    if not (folder / NOTES).is_dir():
        raise Unfinished(here, "does not see the output folder", got=folder, do="let all workers share a file system")
    if code != fingerprint():
        raise Unfinished(here, "has other code or other versions of libraries than this run", do="start it again")
    if is_finished(folder, job.name):  # Dask asks again for a result that died with the worker that held it
        return result_of(folder, job.name)
    with working(folder, job.name):
        return finish(folder, job.name, task(*job.arguments))


def _in_order(crew: Crew, call: Call, jobs: Sequence[Job]) -> Iterator[tuple[Job, dict[str, Any]]]:
    waiting = deque(jobs)
    submitted: deque[tuple[Job, Future[dict[str, Any]]]] = deque()
    while waiting or submitted:
        while waiting and len(submitted) < crew.ahead:
            job = waiting.popleft()
            submitted.append((job, crew.submit(call, job)))
        ended, _ = wait([future for _, future in submitted if not future.done()], LOOK_SECONDS, FIRST_COMPLETED)
        for _, future in submitted:
            # a fault is told at once, whatever its turn
            if future.done() and (error := future.exception()):
                raise error
        if not ended:
            crew.look()
        while submitted and submitted[0][1].done():
            job, future = submitted.popleft()
            yield job, future.result()


def _check_all_here(jobs: Sequence[Job], folder: Path, label: str, patience: float) -> None:
    until = time.monotonic() + patience
    while missing := sorted({job.name for job in jobs} - finished(folder)):
        if time.monotonic() >= until:
            do = "let all workers share a file system"
            raise Unfinished(label, "shards were reported and are not in the folder", got=", ".join(missing), do=do)
        time.sleep(0.5)


def _crew(jobs: Sequence[Job], folder: Path, label: str, scheduler: str) -> AbstractContextManager[Crew | None]:
    if scheduler and jobs:
        return _cluster(scheduler, folder, label)
    count = min(worker_count(), len(jobs))
    if count > 1 and sum(job.rows for job in jobs) > ROWS_WORTH_A_POOL:
        return _processes(count, folder, label)
    return nullcontext()


class _Pool(ProcessPoolExecutor):
    """Worker processes that a Ctrl-C does not reach, that end with their parent, and that it can end at once."""

    def __init__(self, count: int) -> None:
        # spawned, not forked: the parent already runs Arrow's threads, and a fork copies their locks
        super().__init__(count, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent)
        self.started: dict[int | None, multiprocessing.process.BaseProcess] = {}

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        # workers start in here, and a process inherits what is blocked: none of them ever sees a Ctrl-C
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            return super().submit(*args, **kwargs)
        finally:
            self.started |= {child.pid: child for child in multiprocessing.active_children()}
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def end(self) -> None:
        for child in self.started.values():
            child.kill()
        self.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _processes(count: int, folder: Path, label: str) -> Iterator[Crew]:
    pool = _Pool(count)
    try:
        yield Crew(pool.submit, 4 * count, lambda: None)
        pool.shutdown()
    except BrokenProcessPool:
        pool.shutdown()
        codes = {pid: child.exitcode for pid, child in pool.started.items()}
        # the pool ends the others by SIGTERM as soon as it misses one
        dead = {pid: code for pid, code in codes.items() if code not in (0, None, -signal.SIGTERM)} or codes
        names = [name for name, pid in at_work(folder).items() if pid in dead]
        got = ", ".join(sorted({_ending(code) for code in dead.values()}))
        raise WorkerDied(label, names, folder, got=got) from None
    except BaseException:
        pool.end()
        raise


def _ending(code: int | None) -> str:
    if code is not None and -code in set(signal.Signals):
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


@contextmanager
def _cluster(address: str, folder: Path, label: str) -> Iterator[Crew]:
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        do = "pip install -c constraints.txt -e '.[cluster]', or unset it"
        raise Unfinished("TEXTRNN_SCHEDULER", "needs Dask, which is not installed", do=do) from None
    if ":" not in address:
        do = "give it as the scheduler prints it, tcp://host:8786"
        raise Unfinished("TEXTRNN_SCHEDULER", "is no address of a Dask scheduler", got=repr(address), do=do)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        do = "start it, or unset TEXTRNN_SCHEDULER"
        raise Unfinished("TEXTRNN_SCHEDULER", "no Dask scheduler answers there", got=address, do=do) from error
    executor = client.get_executor()
    run = uuid.uuid4().hex
    alone_since: float | None = None

    def submit(call: Call, job: Job) -> Future[dict[str, Any]]:
        # a Dask worker has a working directory of its own
        arguments = tuple(each.absolute() if isinstance(each, Path) else each for each in job.arguments)
        return executor.submit(call, replace(job, arguments=arguments), key=f"{job.name} {run}")

    def look() -> None:
        nonlocal alone_since
        if client.status != "running":
            raise CancelledError
        now = time.monotonic()
        alone_since = None if client.scheduler_info()["workers"] else alone_since or now
        if alone_since and now - alone_since > PATIENCE_SECONDS:
            if names := list(at_work(folder)):
                raise WorkerDied(label, names, folder)
            raise Unfinished(f"scheduler {address}", "has no workers", do=f"start some: dask worker {address}")

    try:
        yield Crew(submit, AHEAD_ON_A_CLUSTER, look)
    except KilledWorker as error:
        # Dask blames every shard that the worker had been given; its note tells which one it was at
        names = [name for name, pid in at_work(folder).items() if pid == error.last_worker.pid]
        raise WorkerDied(label, names or [str(error.task).rpartition(" ")[0]], folder) from error
    except CancelledError as error:
        raise Unfinished(f"scheduler {address}", "the connection was lost", do="the same command continues") from error
    except (KeyboardInterrupt, GeneratorExit):
        # results on their way are cancelled too, and Dask's thread would print a traceback for each
        for logger in ("distributed.client", "tornado.application"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)
        raise
    finally:
        executor.shutdown(wait=False)
        client.close()
