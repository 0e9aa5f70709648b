"""Start the worker processes of data-parallel training, and find the process group that this process belongs to."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, NoReturn

import torch
import torch.distributed as dist

from textrnn.errors import ResumableError, UserError
from textrnn.modeling.devices.device import check_device_per_process
from textrnn.training.distributed.exchange_errors import PeerLostError, report_exchange_errors
from textrnn.training.distributed.process_group import SINGLE_PROCESS, TIMEOUT, ProcessGroup

PROCESSES_VARIABLE = "TEXTRNN_PROCESSES"
WORKER_VARIABLE = "TEXTRNN_COPY"  # set for the workers that this module starts
GRACE_SECONDS = 5.0  # for a failed process to exit, and for others to notice that one has failed
POLL_SECONDS = 0.5


def process_count() -> int:
    """How many processes train: TEXTRNN_PROCESSES, or 1 if it is unset.

    Raises ResumableError if the variable is not a whole number of at least 1.
    """
    value = os.environ.get(PROCESSES_VARIABLE, "") or "1"
    if not (value.isascii() and value.isdecimal()) or int(value) < 1:
        raise ResumableError(PROCESSES_VARIABLE, "must be a whole number, at least 1", got=repr(value))
    return int(value)


@contextlib.contextmanager
def launch_group() -> Iterator[ProcessGroup]:
    """The group of this process: torchrun's, or this process and the workers it starts, or this process alone.

    Unless torchrun started this process, TEXTRNN_PROCESSES is the number of processes. Workers run this very script,
    and end with this process, however it ends. The first process of a machine reports a UserError for all processes
    there, as they raise the same one.
    Raises ResumableError if processes would share a GPU, or if a worker ends unexpectedly.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        with _join_from_environment() as group:
            yield group
    elif (count := process_count()) > 1 and "RANK" not in os.environ:
        check_device_per_process(count)
        _share_cores(count)
        with report_exchange_errors():
            store = dist.TCPStore("127.0.0.1", 0, count, is_master=True, wait_for_workers=False, timeout=TIMEOUT)
        with _run_workers(count, store.port):
            yield ProcessGroup(0, count, 0, store)
    else:
        yield SINGLE_PROCESS


@contextlib.contextmanager
def _join_from_environment() -> Iterator[ProcessGroup]:
    """The group that torchrun's environment variables describe, for torchrun's processes and for our own workers."""
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    local_rank, local_count = int(os.environ.get("LOCAL_RANK", rank)), int(os.environ.get("LOCAL_WORLD_SIZE", count))
    _share_cores(local_count)
    try:
        check_device_per_process(local_count)
    except ResumableError as error:
        _report_once(error, local_rank)
    store = None
    if WORKER_VARIABLE in os.environ:
        threading.Thread(target=_exit_with_parent, daemon=True).start()
        address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        with report_exchange_errors():
            store = dist.TCPStore(*address, count, is_master=False, timeout=TIMEOUT)
    try:
        yield ProcessGroup(rank, count, local_rank, store)
    except ResumableError:
        raise
    except UserError as error:
        _report_once(error, local_rank)
    except KeyboardInterrupt:
        if rank == 0:
            raise
        sys.exit(130)


def _report_once(error: UserError, local_rank: int) -> NoReturn:
    """Raise the error in the first process of a machine, and in another one only if the first does not have it.

    The others wait to be stopped: torchrun stops all processes once one has ended, whether it has said why or not.
    """
    if local_rank:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(GRACE_SECONDS)
    raise error


def _share_cores(processes: int) -> None:
    """Give each process an equal part of the cores as torch's threads, unless OMP_NUM_THREADS is set."""
    if not os.environ.get("OMP_NUM_THREADS"):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, cores // processes))


def _exit_with_parent() -> None:
    os.read(0, 1)  # nothing is ever written to standard input: it closes when the process at the other end exits
    os._exit(1)


@dataclass(frozen=True, eq=False)
class _Worker:
    rank: int
    process: subprocess.Popen[bytes]
    stderr: IO[bytes]

    def failed(self) -> bool:
        # 130: the worker stopped because all processes agreed to, while process 0 is still saving
        return self.process.poll() not in (None, 0, 130)

    def error(self) -> ResumableError:
        """How the worker ended. Its standard error is printed on ours if it holds a traceback."""
        self.stderr.seek(0)
        text = self.stderr.read().decode(errors="replace").strip()
        if "Traceback" in text:
            print(text, file=sys.stderr, flush=True)
        last_line = text.rpartition("\n")[2].removeprefix(f"[rank{self.rank}]: ")  # torch begins lines with this
        got = f"exit code {self.process.returncode}" + (f", {last_line}" if last_line else "")
        do = "see whether memory ran out; the same command continues from the last checkpoint"
        return ResumableError(f"process {self.rank}", "ended unexpectedly", got=got, do=do)


@contextlib.contextmanager
def _run_workers(count: int, port: int) -> Iterator[None]:
    """Run workers 1 to count - 1 for as long as the block runs; raise the error of a worker that fails."""
    # Workers have process groups of their own: a Ctrl-C in the terminal reaches process 0 alone, which then agrees
    # with them on when to stop.
    workers = [_start_worker(rank, count, port) for rank in range(1, count)]
    finished = threading.Event()
    threading.Thread(target=_watch_workers, args=(workers, finished), daemon=True).start()
    try:
        yield
        finished.set()
        for worker in workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(60)
    except PeerLostError as error:
        for worker in workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(GRACE_SECONDS / len(workers))
        finished.set()
        for worker in workers:
            if worker.failed():
                raise worker.error() from error
        raise
    finally:
        finished.set()
        for worker in workers:
            worker.process.kill()
            worker.process.wait()
            worker.stderr.close()


def _start_worker(rank: int, count: int, port: int) -> _Worker:
    """Start this script once more, with the environment variables that torchrun would set."""
    variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, WORKER_VARIABLE: 1}
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environment = {**os.environ, **{name: str(value) for name, value in (variables | address).items()}}
    stderr = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the worker)
    process = subprocess.Popen(
        [sys.executable, *sys.orig_argv[1:]],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        process_group=0,
    )
    return _Worker(rank, process, stderr)


def _watch_workers(workers: list[_Worker], finished: threading.Event) -> None:
    """Exit if a worker has died and the main thread, which may be waiting for it on a GPU, does not notice."""
    while not finished.wait(POLL_SECONDS):
        for worker in workers:
            if worker.failed() and not finished.wait(2 * GRACE_SECONDS):
                print(f"error: {worker.error()}", file=sys.stderr, flush=True)
                os._exit(1)
