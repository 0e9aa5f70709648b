"""Shards finished in a folder, and a process that takes its lock again and again."""

from __future__ import annotations

import functools

from filelock import FileLock

from textrnn.common.storage import resumable as module
from textrnn.common.storage.markers import (
    MARKERS,
    mark_finished,
)
from textrnn.errors import ResumableError

ROUNDS, PROCESSES = 30, 8


def hold_alone(path, holder, count):
    """Take and release the lock many times; fails if another process holds it at the same time."""
    module.FileLock = functools.partial(FileLock, poll_interval=0.001)  # more collisions than with 0.05
    rounds = 0
    while rounds < ROUNDS:
        try:
            with module._locked(path):
                holder.touch(exist_ok=False)
                count.write_text(str(int(count.read_text()) + 1))
                holder.unlink()
                rounds += 1
        except ResumableError:
            pass


def finish_shard(folder, name, text="xyz"):
    """Write a shard as a worker does: its file, then its marker."""
    (folder / MARKERS).mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return mark_finished(folder, name, {"files": [f"{name}.txt"], "counts": {"a": 1}})


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
