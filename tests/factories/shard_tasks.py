"""Shards for workers: functions that finish, wait, fail or die, a stage that runs them, and what is seen of it."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

from textrnn.common.executor.workers import ShardTask

FUNCTIONS = '''\
import os
import signal
import time
from pathlib import Path

from textrnn.errors import UserError


def double(out, name, log):
    with log.open("a") as file:
        file.write(name + "\\n")
    (out / f"{name}.txt").write_text(name * 2)
    return {"files": [f"{name}.txt"], "name": name, "pair": (1, 2), "process": os.getpid()}


def slow_first(out, name, log):
    while name == "s0" and not (out / "s2.txt").exists():
        time.sleep(0.01)
    return double(out, name, log)


def held(out, name, log):
    """Finishes at once, except s2 and s3, which wait for a file `gate` next to the log."""
    with log.open("a") as file:
        file.write(f"{name} {os.getpid()}\\n")
    while name in ("s2", "s3") and not (log.parent / "gate").exists():
        time.sleep(0.01)
    (out / f"{name}.txt").write_text(name * 2)
    return {"files": [f"{name}.txt"], "name": name}


def dies_at_s2(out, name, log):
    if name == "s2" and not (log.parent / "gate").exists():
        while not (out / ".finished" / "s0.json").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    return double(out, name, log)


def slow_s0_failing_s1(out, name, log):
    """s0 takes ten seconds; s1 waits until s0 has begun, then raises an error if there is a gate and dies otherwise."""
    deadline = time.monotonic() + 10
    while name == "s0" and time.monotonic() < deadline:
        log.with_name("begun").touch()
        time.sleep(0.01)
    while name == "s1" and not log.with_name("begun").exists():
        time.sleep(0.01)
    if name == "s1" and log.with_name("gate").exists():
        raise UserError("s1", "is bad")
    if name == "s1":
        os.kill(os.getpid(), signal.SIGKILL)
    return double(out, name, log)


def exits_at_s1(out, name, log):
    if name == "s1":
        os._exit(3)
    return double(out, name, log)


def user_error_at_s2(out, name, log):
    if name == "s2":
        raise UserError("s2", "is bad", got=2)
    return double(out, name, log)


def raises_at_s2(out, name, log):
    return double(out, name, log) if name != "s2" else {}["lost"]


def removes_a_marker(out, name, log):
    if name == "s2":
        (out / ".finished" / "s1.json").unlink()
    return double(out, name, log)


def big(out, name, log, load):
    return {**double(out, name, log), "load": len(load)}
'''

STAGE = """\
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), SOURCE]

from textrnn.common.executor import tasks as executor
from textrnn.common.executor.tasks import run_shards
from textrnn.common.executor.workers import ShardTask
from textrnn.common.storage.resumable import resumable_folder
from textrnn.stage import run_command

import shard_functions

executor.MIN_ROWS_FOR_POOL = 0


def main():
    with resumable_folder(Path("out"), seed=1) as out:
        tasks = [ShardTask(f"s{i}", 10, (out, f"s{i}", HERE / "log")) for i in range(6)]
        with (out / "order").open("w") as file:
            for result in run_shards(getattr(shard_functions, sys.argv[1]), tasks, out, stage="cut"):
                file.write(result["name"] + "\\n")


if __name__ == "__main__":
    with (HERE / "mains").open("a") as file:
        file.write("main\\n")
    run_command(main)
"""

ALL = [f"s{i}" for i in range(6)]
CONTENT = {"order": "".join(f"{name}\n" for name in ALL), **{f"{name}.txt": name * 2 for name in ALL}}


def tasks(out, log, count=6, **more):
    return [ShardTask(f"s{i}", 10, (out, f"s{i}", log, *more.values())) for i in range(count)]


def names(log):
    """The sorted names of the shards that workers have begun."""
    return sorted(line.split()[0] for line in log.read_text().splitlines()) if log.exists() else []


def alive(process):
    """Whether a process runs; a zombie does not."""
    if not Path("/proc").is_dir():
        status = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout
        return status.strip()[:1] not in ("", "Z")
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)
