"""What the local and the cluster executor share: a task of one shard, a pool of workers, the error of a dead one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.common.storage.markers import finished_shards
from textrnn.errors import ResumableError

ShardFunction = Callable[..., dict[str, Any]]


Call = Callable[["ShardTask"], dict[str, Any]]


PATIENCE_SECONDS = 60.0  # how long a cluster may be without workers, or its file system behind


@dataclass(frozen=True)
class ShardTask:
    """One shard's work: a name that is unique in the run and fit for a file name, rows, and the task's arguments."""

    name: str
    rows: int
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class WorkerPool:
    """Who does the work: how to submit to them, how many shards at a time, and a look at whether they are there."""

    submit: Callable[[Call, ShardTask], Future[dict[str, Any]]]
    ahead: int
    look: Callable[[], None]


class WorkerDied(ResumableError):
    """A worker process ended amid its work; the shards it worked on are named, and the finished ones stay."""

    def __init__(self, label: str, names: Sequence[str], folder: Path, *, got: str | None = None) -> None:
        shards = f", shard {', '.join(sorted(names))}" if names else ""
        do = f"the same command continues after the {len(finished_shards(folder))} finished shards"
        do = f"see whether memory ran out; lower TEXTRNN_WORKERS; {do}"
        super().__init__(f"{label}{shards}", "the worker process died", got=got, do=do)
