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

from textrnn.common.executor.workers import WorkerDiedError, WorkerPool
from textrnn.common.storage.markers import shards_in_progress


class _ProcessPool(ProcessPoolExecutor):
    """Worker processes that Ctrl-C does not reach, that end with their parent, and that it can kill at once."""

    def __init__(self, count: int) -> None:
        # spawned, not forked: the parent already runs Arrow's threads, and a fork would copy their locks
        super().__init__(count, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent)
        self.started: dict[int | None, multiprocessing.process.BaseProcess] = {}

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        # Workers are started in this call and inherit the blocked signals, so Ctrl-C never reaches them.
        previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            return super().submit(*args, **kwargs)
        finally:
            self.started |= {child.pid: child for child in multiprocessing.active_children()}
            signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)

    def kill(self) -> None:
        for child in self.started.values():
            child.kill()
        self.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    threading.Thread(target=_exit_after_parent, daemon=True).start()


def _exit_after_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def local_workers(count: int, folder: Path, stage: str) -> Iterator[WorkerPool]:
    """Yield a pool of `count` processes, which are killed if the block fails.

    folder: the run's working folder. stage: the stage's name, for messages.
    Raises WorkerDiedError if one of the processes dies.
    """
    pool = _ProcessPool(count)
    try:
        yield WorkerPool(pool.submit, max_pending=4 * count, check=lambda: None)
        pool.shutdown()
    except BrokenProcessPool:
        pool.shutdown()
        codes = {pid: child.exitcode for pid, child in pool.started.items()}
        # when one worker dies, the pool ends the others with SIGTERM
        dead = {pid: code for pid, code in codes.items() if code not in (0, None, -signal.SIGTERM)} or codes
        names = [name for name, pid in shards_in_progress(folder).items() if pid in dead]
        got = ", ".join(sorted({_describe_exit(code) for code in dead.values()}))
        raise WorkerDiedError(stage, names, folder, got=got) from None
    except BaseException:
        pool.kill()
        raise


def _describe_exit(code: int | None) -> str:
    if code is not None and -code in set(signal.Signals):
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
