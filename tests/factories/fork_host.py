"""Run as a script: stage scripts one after another, each in a child forked after the slow imports are done.

Standard input: JSON {"runs": [[kill_at, [script, argument, ...]], ...], "until": "failed" or "succeeded"}. The working
directory is the project. A child is killed before its `kill_at`-th call of a function that creates, removes or syncs
files; null: it is not. Standard output: JSON [[return code, standard output, standard error], ...] of the children, up
to the first that failed or succeeded. A return code is that of `subprocess`: negative for a signal.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from typing import IO, Any

LATE_IMPORTS = ("torch", "nltk", "sklearn.linear_model")  # the slow ones, some of which scripts import when needed
CREATE_OR_REMOVE = ("replace", "fsync", "unlink", "rename", "mkdir", "link")


def kill_before(number: int) -> None:
    """Have this process killed before its n-th call, from now on, of what creates, removes or syncs files."""
    left = number

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **keywords)

        return call

    for name in CREATE_OR_REMOVE:
        setattr(os, name, counted(getattr(os, name)))


def run_script(command: Sequence[str]) -> int:
    """Run a script as Python runs it, and return its exit code."""
    sys.argv = list(command)
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def run_forked(command: Sequence[str], kill_at: int | None) -> tuple[int, str, str]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            if kill_at is not None:
                kill_before(kill_at)
            code = run_script(command)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # no clean-up of what belongs to the parent
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code, content(out), content(err)


def main() -> None:
    asked = json.load(sys.stdin)
    sys.path.insert(0, os.path.abspath("pipeline"))
    scripts = {os.path.basename(command[0]).removesuffix(".py") for _, command in asked["runs"]}
    for name in (*LATE_IMPORTS, *sorted(scripts)):
        importlib.import_module(name)
    done = []
    for kill_at, command in asked["runs"]:
        done.append(run_forked(command, kill_at))
        if (done[-1][0] == 0) == (asked["until"] == "succeeded"):
            break
    json.dump(done, sys.stdout)


if __name__ == "__main__":
    main()
