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

from textrnn.common.executor.workers import PATIENCE_SECONDS, Call, ShardTask, WorkerDied, WorkerPool
from textrnn.common.storage.markers import shards_in_work
from textrnn.errors import ResumableError

AHEAD_ON_A_CLUSTER = 1_000  # shards submitted and not yet yielded; workers may join at any time


CONNECT_SECONDS = 10.0


@contextmanager
def cluster_workers(address: str, folder: Path, label: str) -> Iterator[WorkerPool]:
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        do = "pip install -c constraints.txt -e '.[cluster]', or unset it"
        raise ResumableError("TEXTRNN_SCHEDULER", "needs Dask, which is not installed", do=do) from None
    if ":" not in address:
        do = "give it as the scheduler prints it, tcp://host:8786"
        raise ResumableError("TEXTRNN_SCHEDULER", "is no address of a Dask scheduler", got=repr(address), do=do)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        do = "start it, or unset TEXTRNN_SCHEDULER"
        raise ResumableError("TEXTRNN_SCHEDULER", "no Dask scheduler answers there", got=address, do=do) from error
    executor = client.get_executor()
    run = uuid.uuid4().hex
    alone_since: float | None = None

    def submit(call: Call, job: ShardTask) -> Future[dict[str, Any]]:
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
            if names := list(shards_in_work(folder)):
                raise WorkerDied(label, names, folder)
            raise ResumableError(f"scheduler {address}", "has no workers", do=f"start some: dask worker {address}")

    try:
        yield WorkerPool(submit, AHEAD_ON_A_CLUSTER, look)
    except KilledWorker as error:
        # Dask blames every shard that the worker had been given; its note tells which one it was at
        names = [name for name, pid in shards_in_work(folder).items() if pid == error.last_worker.pid]
        raise WorkerDied(label, names or [str(error.task).rpartition(" ")[0]], folder) from error
    except CancelledError as error:
        raise ResumableError(
            f"scheduler {address}", "the connection was lost", do="the same command continues"
        ) from error
    except (KeyboardInterrupt, GeneratorExit):
        # results on their way are cancelled too, and Dask's thread would print a traceback for each
        for logger in ("distributed.client", "tornado.application"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)
        raise
    finally:
        executor.shutdown(wait=False)
        client.close()
