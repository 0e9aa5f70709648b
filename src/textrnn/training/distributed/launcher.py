"""Copies of a script that train together with it, and which group a process belongs to."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import IO

import torch
import torch.distributed as dist

from textrnn.errors import ResumableError, UserError
from textrnn.training.distributed.process_group import SINGLE_PROCESS, PeerLost, ProcessGroup

COUNT = "TEXTRNN_PROCESSES"
COPY = "TEXTRNN_COPY"  # set for the copies that this module starts
GRACE_SECONDS = 5.0  # for the process that waits for a dead one to notice by itself
POLL_SECONDS = 0.5


def process_count() -> int:
    """How many processes train, TEXTRNN_PROCESSES, 1 where it is not set."""
    given = os.environ.get(COUNT, "") or "1"
    if not (given.isascii() and given.isdecimal()) or int(given) < 1:
        raise ResumableError(COUNT, "must be a whole number from 1 up", got=repr(given))
    return int(given)


@contextlib.contextmanager
def launch_group() -> Iterator[ProcessGroup]:
    """The group of this process: torchrun's, or itself and the copies of this script that it starts, or itself alone.

    TEXTRNN_PROCESSES says how many there are in all where torchrun does not. Copies end with this process, however it
    ends. Process 0 alone tells what is wrong with what the user gave, as all find the same. Raises Unfinished when a
    copy ends before its time.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        with _member() as group:
            yield group
    elif (count := process_count()) > 1 and "RANK" not in os.environ:
        _share_cores(count)
        store = dist.TCPStore("127.0.0.1", 0, count, is_master=True, wait_for_workers=False)
        with _copies(count, store.port):
            yield ProcessGroup(0, count, 0, store)
    else:
        yield SINGLE_PROCESS


@contextlib.contextmanager
def _member() -> Iterator[ProcessGroup]:
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    _share_cores(int(os.environ.get("LOCAL_WORLD_SIZE", count)))
    store = None
    if COPY in os.environ:
        threading.Thread(target=_end_with_parent, daemon=True).start()
        address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        store = dist.TCPStore(*address, count, is_master=False, timeout=timedelta(seconds=60))
    try:
        yield ProcessGroup(rank, count, int(os.environ.get("LOCAL_RANK", rank)), store)
    except ResumableError:
        raise
    except UserError:
        if rank == 0:
            raise
        sys.exit(1)
    except KeyboardInterrupt:
        if rank == 0:
            raise
        sys.exit(130)


def _share_cores(processes: int) -> None:
    if not os.environ.get("OMP_NUM_THREADS"):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, cores // processes))


def _end_with_parent() -> None:
    os.read(0, 1)  # nothing is ever written to standard input: it ends with the process that holds the other end
    os._exit(1)


@dataclass(frozen=True, eq=False)
class _Copy:
    rank: int
    process: subprocess.Popen[bytes]
    said: IO[bytes]  # its standard error

    def failed(self) -> bool:
        # 130: it has stopped as all agreed to, while process 0 still saves
        return self.process.poll() not in (None, 0, 130)

    def fault(self) -> ResumableError:
        """What it ended with; what it said goes to our standard error where it is more than a line."""
        self.said.seek(0)
        said = self.said.read().decode(errors="replace").strip()
        if "Traceback" in said:
            print(said, file=sys.stderr, flush=True)
        last = said.rpartition("\n")[2].removeprefix(f"[rank{self.rank}]: ")  # which torch begins lines with
        got = f"exit code {self.process.returncode}" + (f", {last}" if last else "")
        do = "see whether memory ran out; the same command continues from the last checkpoint"
        return ResumableError(f"process {self.rank}", "ended before its time", got=got, do=do)


@contextlib.contextmanager
def _copies(count: int, port: int) -> Iterator[None]:
    # a group of their own: a Ctrl-C in the terminal reaches process 0, which tells them when to stop
    copies = [_start(rank, count, port) for rank in range(1, count)]
    over = threading.Event()
    threading.Thread(target=_watch, args=(copies, over), daemon=True).start()
    try:
        yield
        over.set()
        for copy in copies:
            with contextlib.suppress(subprocess.TimeoutExpired):
                copy.process.wait(60)
    except PeerLost as error:
        for copy in copies:
            with contextlib.suppress(subprocess.TimeoutExpired):
                copy.process.wait(GRACE_SECONDS / len(copies))
        over.set()
        for copy in copies:
            if copy.failed():
                raise copy.fault() from error
        raise
    finally:
        over.set()
        for copy in copies:
            copy.process.kill()
            copy.process.wait()
            copy.said.close()


def _start(rank: int, count: int, port: int) -> _Copy:
    own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, COPY: 1}
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environment = {**os.environ, **{name: str(value) for name, value in (own | place).items()}}
    said = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the copy)
    process = subprocess.Popen(
        [sys.executable, *sys.orig_argv[1:]],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=said,
        process_group=0,
    )
    return _Copy(rank, process, said)


def _watch(copies: list[_Copy], over: threading.Event) -> None:
    """End this process if a copy has died and the main thread, which may wait for it on a GPU, does not notice."""
    while not over.wait(POLL_SECONDS):
        for copy in copies:
            if copy.failed() and not over.wait(2 * GRACE_SECONDS):
                print(f"error: {copy.fault()}", file=sys.stderr, flush=True)
                os._exit(1)
