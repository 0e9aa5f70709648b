"""Run DVC as a process of its own, follow what it prints, and end it in an orderly way when interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from textrnn.interrupts import Terminated

KEPT = "finished stages are kept; the same command continues from there"


def run_dvc(
    arguments: Sequence[str], on_line: Callable[[str], None], log: Path, program: Sequence[str] = ("dvc",)
) -> int:
    """Run `dvc` with these arguments and return its exit status.

    on_line: gets each line of its standard output, without its end. log: a file for all of them. program: what runs as
    `dvc`. Standard error is that of this process. Ctrl-C, SIGTERM and the end of the terminal interrupt DVC and the
    stage that it runs, and are raised when both have ended; the second one kills them.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}
    # in a session of its own, so that an interrupt reaches DVC and its stage once, from here, whoever sends it
    with (
        _hangup_as_sigterm(),
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            [*program, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            preexec_fn=_heed_interrupts,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                file.write(line)
                on_line(line.rstrip("\n"))
            return process.wait()
        except BaseException as stop:
            _end(process)
            if isinstance(stop, KeyboardInterrupt):
                stop.add_note(KEPT)
            raise


@contextlib.contextmanager
def _hangup_as_sigterm() -> Iterator[None]:
    """Treat SIGHUP as SIGTERM, unless it is ignored, as under nohup."""
    previous = signal.getsignal(signal.SIGHUP)
    if previous is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(*_: object) -> NoReturn:
        raise Terminated

    signal.signal(signal.SIGHUP, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, previous)


def _heed_interrupts() -> None:
    """Have DVC end by an interrupt where this process ignores it, as in the background of a script."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt the process and all that it started, and wait for it; kill them if this is interrupted."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
    except ProcessLookupError:
        process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGKILL)
        raise
