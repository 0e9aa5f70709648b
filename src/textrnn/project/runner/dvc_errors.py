"""`dvc repro` for a run: what DVC says of its own errors, and of those of the disk one line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from textrnn.errors import UserError
from textrnn.machine_errors import of_machine
from textrnn.project.runner.dvc_command import run_dvc

MESSAGES = "dvc.log"  # next to the log of a run
TRACEBACK = "Traceback (most recent call last):"
_LAST = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt)\b.*", re.MULTILINE)
_OF_DISK = re.compile(r"\[Errno (\d+)\] [^:\n]*(?:: b?'([^'\n]*)')?(?: -> b?'([^'\n]*)')?")


def repro(targets: Sequence[str], on_line: Sequence[Callable[[str], None]], log: Path) -> None:
    """Run `dvc repro` for these targets as `run_dvc` does, each line to all of `on_line`; print DVC's messages.

    Raises UserError if it fails. If an error of the disk or a traceback of DVC's says why, DVC's messages stay in the
    file MESSAGES, and the error says it in one line.
    """
    messages = log.with_name(MESSAGES)
    log.parent.mkdir(parents=True, exist_ok=True)
    messages.write_text("", encoding="utf-8")
    program = (sys.executable, str(Path(__file__).with_name("dvc_script.py")), str(messages))

    def follow(line: str) -> None:
        for function in on_line:
            function(line)

    status = run_dvc(["repro", *targets], follow, log, program)
    said = messages.read_text(encoding="utf-8", errors="replace")
    if status and (told := _told_by(said, messages)) is not None:
        raise told
    print(said, end="", file=sys.stderr, flush=True)
    if status:
        raise UserError("dvc repro", f"exit status {status}", do=f"see the messages above, and {log}")


def _told_by(said: str, messages: Path) -> UserError | None:
    """The error of the disk that DVC tells last, else what a traceback of its ends in; None without either."""
    for number, path, other in reversed(_OF_DISK.findall(said)):
        error = OSError(int(number), os.strerror(int(number)), other or path or ".dvc")
        if (told := of_machine(error)) is not None:
            return told
    last = _LAST.findall(said)
    if TRACEBACK not in said or not last:
        return None
    return UserError("dvc repro", "an internal error of DVC", got=last[-1], do=f"see {messages}")
