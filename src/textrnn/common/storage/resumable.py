"""Output folders that outlive a killed run: finished shards stay, each with a marker, for the same command to go on.

A run is the same when its key (params, checksums of inputs), the library's code and the versions of what cuts and
writes the data are. Then every shard comes out the same to the byte, so it does not matter which run wrote it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from textrnn.common.storage.code_version import _hash, fingerprint
from textrnn.common.storage.markers import NOTES, _read_marker, finished
from textrnn.errors import Unfinished
from textrnn.stage import put_in_place


def _kept_shards(names: set[str]) -> str:
    return f"the same command continues after the {len(names)} finished shards"


@dataclass(frozen=True)
class Kept:
    """What a folder that was not finished is worth.

    note: what a stop says of the names of its finished shards. by: the exceptions that leave them, all but those in
    `lost`. others: how many folders of other keys are left, the latest.
    """

    note: Callable[[set[str]], str] = _kept_shards
    by: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit, Unfinished, OSError, MemoryError)
    lost: tuple[type[BaseException], ...] = ()
    others: int = 0


@contextlib.contextmanager
def resumable_folder(path: Path, kept: Kept | None = None, /, **key: Any) -> Iterator[Path]:
    """A new folder to fill shard by shard, which takes the place of `path` when the block ends well.

    It is called `.<name>.<hash>` and stands beside `path`. An interrupt, an exit, an Unfinished, a full disk or a lack
    of memory leaves it with its finished shards, if there are any; the next run with the same key, code and versions
    goes on in it, and one with others removes it. Any other exception removes it at once. `kept` may say otherwise.

    key: all that the content hangs on besides code and versions, as values JSON has.
    Raises Unfinished when another run is writing `path`.
    """
    kept = kept or Kept()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        made = path.with_name(f".{path.name}.{_hash([key, fingerprint()])}")
        _remove_others(made, path, kept.others)
        made.mkdir(exist_ok=True)
        _keep_finished(made)
        try:
            yield made
            put_in_place(made, path)
            shutil.rmtree(path / NOTES, ignore_errors=True)
        except BaseException as stop:
            names = finished(made) if isinstance(stop, kept.by) and not isinstance(stop, kept.lost) else set()
            if names:
                stop.add_note(kept.note(names))
            else:
                shutil.rmtree(made, ignore_errors=True)
            raise


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(f".{path.name}.lock")
    while True:
        with lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Unfinished(path, "another run is writing it", do="wait for it, or stop it") from None
            # a run that has just ended has removed the file we opened: then the next one opens another
            if _is_at(file, lock):
                try:
                    yield
                finally:
                    lock.unlink(missing_ok=True)
                return


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remove_others(made: Path, path: Path, left: int) -> None:
    # nothing but a whole hash: `.a.*` is also how what belongs to a neighbour called `a.b` begins
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}")
    others = [other for other in path.parent.iterdir() if other != made and ours.fullmatch(other.name)]
    for other in sorted(others, key=lambda other: -other.stat().st_mtime)[left:]:
        shutil.rmtree(other)


def _keep_finished(folder: Path) -> None:
    names = finished(folder)
    kept = {folder / NOTES / f"{name}.json" for name in names}
    kept |= {folder / file for name in names for file in _read_marker(folder, name)["sizes"]}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept:
            path.unlink()


# Markers: `.finished/<shard>.json`, written when a shard's files are closed. Notes: `.finished/<shard>.<pid>.working`.
