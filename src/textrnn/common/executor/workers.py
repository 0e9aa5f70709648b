"""What local and cluster workers share: a task for one shard, a pool of workers, and the error of a dead worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.common.storage.markers import finished_shards
from textrnn.errors import ResumableError

ShardFunction = Callable[..., dict[str, Any]]
RunTask = Callable[["ShardTask"], dict[str, Any]]

GRACE_SECONDS = 60.0  # how long a cluster may have no workers, and how long its file system may lag


@dataclass(frozen=True)
class ShardTask:
    """The work on one shard.

    name: unique in the run and valid as a file name. rows: for progress and to decide on a pool.
    arguments: of the function that is called.
    """

    name: str
    rows: int
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class WorkerPool:
    """A pool of workers.

    submit: starts a task. max_pending: how many tasks may be submitted and not yet yielded.
    check: raises an error if the workers cannot be reached; called while no task finishes.
    """

    submit: Callable[[RunTask, ShardTask], Future[dict[str, Any]]]
    max_pending: int
    check: Callable[[], None]


class WorkerDiedError(ResumableError):
    """A worker process ended while it worked on the shards that the message names; finished shards are kept."""

    def __init__(self, stage: str, names: Sequence[str], folder: Path, *, got: str | None = None) -> None:
        shards = f", shard {', '.join(sorted(names))}" if names else ""
        do = f"the same command continues after the {len(finished_shards(folder))} finished shards"
        do = f"see whether memory ran out; lower TEXTRNN_WORKERS; {do}"
        super().__init__(f"{stage}{shards}", "the worker process died", got=got, do=do)
