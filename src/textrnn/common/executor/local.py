"""Worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textrnn.common.executor.workers import WorkerDied, WorkerPool
from textrnn.common.storage.markers import shards_in_work


class _ProcessPool(ProcessPoolExecutor):
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
def local_workers(count: int, folder: Path, label: str) -> Iterator[WorkerPool]:
    pool = _ProcessPool(count)
    try:
        yield WorkerPool(pool.submit, 4 * count, lambda: None)
        pool.shutdown()
    except BrokenProcessPool:
        pool.shutdown()
        codes = {pid: child.exitcode for pid, child in pool.started.items()}
        # the pool ends the others by SIGTERM as soon as it misses one
        dead = {pid: code for pid, code in codes.items() if code not in (0, None, -signal.SIGTERM)} or codes
        names = [name for name, pid in shards_in_work(folder).items() if pid in dead]
        got = ", ".join(sorted({_ending(code) for code in dead.values()}))
        raise WorkerDied(label, names, folder, got=got) from None
    except BaseException:
        pool.end()
        raise


def _ending(code: int | None) -> str:
    if code is not None and -code in set(signal.Signals):
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
