"""Workers of a Dask cluster."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from textrnn.common.executor.workers import GRACE_SECONDS, RunTask, ShardTask, WorkerDiedError, WorkerPool
from textrnn.common.storage.markers import shards_in_progress
from textrnn.errors import ResumableError, install_extra

MAX_PENDING = 1_000  # independent of the number of workers, as workers may join at any time
CONNECT_SECONDS = 10.0


@contextmanager
def cluster_workers(address: str, folder: Path, stage: str) -> Iterator[WorkerPool]:
    """Yield a pool of the workers of the Dask scheduler at `address`.

    folder: the run's working folder. stage: the stage's name, for messages.
    Raises ResumableError if Dask is not installed or the scheduler or all its workers cannot be reached, and
    WorkerDiedError if a worker dies.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        do = f"{install_extra('cluster')}, or unset it"
        raise ResumableError("TEXTRNN_SCHEDULER", "needs Dask, which is not installed", do=do) from None
    if ":" not in address:
        do = "give it as the scheduler prints it, tcp://host:8786"
        raise ResumableError("TEXTRNN_SCHEDULER", "is not an address of a Dask scheduler", got=repr(address), do=do)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        do = "start it, or unset TEXTRNN_SCHEDULER"
        raise ResumableError("TEXTRNN_SCHEDULER", "no Dask scheduler answers there", got=address, do=do) from error
    executor = client.get_executor()
    run_id = uuid.uuid4().hex
    without_workers_since: float | None = None

    def submit(run_task: RunTask, task: ShardTask) -> Future[dict[str, Any]]:
        # a Dask worker has a working directory of its own
        arguments = tuple(value.absolute() if isinstance(value, Path) else value for value in task.arguments)
        return executor.submit(run_task, replace(task, arguments=arguments), key=f"{task.name} {run_id}")

    def check() -> None:
        nonlocal without_workers_since
        if client.status != "running":
            raise CancelledError
        now = time.monotonic()
        without_workers_since = None if client.scheduler_info()["workers"] else without_workers_since or now
        if without_workers_since and now - without_workers_since > GRACE_SECONDS:
            if names := list(shards_in_progress(folder)):
                raise WorkerDiedError(stage, names, folder)
            raise ResumableError(f"scheduler {address}", "has no workers", do=f"start some: dask worker {address}")

    try:
        yield WorkerPool(submit, max_pending=MAX_PENDING, check=check)
    except KilledWorker as error:
        # Dask may report any shard that the worker had received; the marks say which one it was working on
        names = [name for name, pid in shards_in_progress(folder).items() if pid == error.last_worker.pid]
        raise WorkerDiedError(stage, names or [str(error.task).rpartition(" ")[0]], folder) from error
    except CancelledError as error:
        do = "the same command continues"
        raise ResumableError(f"scheduler {address}", "the connection was lost", do=do) from error
    except (KeyboardInterrupt, GeneratorExit):
        # results in transit are cancelled too, and Dask's thread would print a traceback for each
        for logger in ("distributed.client", "tornado.application"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)
        raise
    finally:
        executor.shutdown(wait=False)
        client.close()
