"""Output folders that outlive a killed run: finished shards stay, each with a marker, for the same command to go on.

A run is the same when its key (params, checksums of inputs), the library's code and the versions of what cuts and
writes the data are. Then every shard comes out the same to the byte, so it does not matter which run wrote it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from textrnn.common.storage.code_version import fingerprint, hash_values, packages_of, scripts_hash, stage_code
from textrnn.common.storage.markers import MARKERS, files_of, finished_shards, write_packages
from textrnn.errors import ResumableError
from textrnn.stage import replace_folder

LOCK_SECONDS = 0.2  # long enough for a lock file that is just being removed, short for one that is held


def _kept_shards(names: set[str]) -> str:
    return f"the same command continues after the {len(names)} finished shards"


@dataclass(frozen=True)
class RetentionPolicy:
    """What a folder that was not finished is worth.

    note: what a stop says of the names of its finished shards. by: the exceptions that leave them, all but those in
    `lost`. others: how many folders of other keys are left, the latest.
    """

    note: Callable[[set[str]], str] = _kept_shards
    by: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit, ResumableError, OSError, MemoryError)
    lost: tuple[type[BaseException], ...] = ()
    others: int = 0


@contextlib.contextmanager
def resumable_folder(
    path: Path, kept: RetentionPolicy | None = None, /, *, stage: str | None = None, **key: Any
) -> Iterator[Path]:
    """A new folder to fill shard by shard, which takes the place of `path` when the block ends well.

    It is called `.<name>.<hash>` and stands beside `path`. An interrupt, an exit, an Unfinished, a full disk or a lack
    of memory leaves it with its finished shards, if there are any; the next run with the same key, code and versions
    goes on in it, and one with others removes it. Any other exception removes it at once. `kept` may say otherwise.

    stage: whose code, as dvc.yaml lists it, decides whether the run is the same; None for the whole library.
    key: all that the content depends on besides code and versions, as values JSON has.
    Raises Unfinished when another run is writing `path`.
    """
    kept = kept or RetentionPolicy()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        code = stage_code(stage) if stage else None
        packages = packages_of(code)
        made = path.with_name(f".{path.name}.{hash_values([key, fingerprint(packages), scripts_hash(code)])}")
        _remove_others(made, path, kept.others)
        made.mkdir(exist_ok=True)
        _keep_finished(made)
        write_packages(made, packages)
        try:
            yield made
            replace_folder(made, path)
            shutil.rmtree(path / MARKERS, ignore_errors=True)
        except BaseException as stop:
            names = finished_shards(made) if isinstance(stop, kept.by) and not isinstance(stop, kept.lost) else set()
            if names:
                stop.add_note(kept.note(names))
            else:
                shutil.rmtree(made, ignore_errors=True)
            raise


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(f".{path.name}.lock")
    try:
        with FileLock(lock, timeout=LOCK_SECONDS):
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)  # held: whoever waits for this file then makes another
    except Timeout as error:
        if error.lock_file != str(lock):
            raise
        raise ResumableError(path, "another run is writing it", do="wait for it, or stop it") from None


def _remove_others(made: Path, path: Path, left: int) -> None:
    # nothing but a whole hash: `.a.*` is also how what belongs to a neighbour called `a.b` begins
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}")
    others = [other for other in path.parent.iterdir() if other != made and ours.fullmatch(other.name)]
    for other in sorted(others, key=lambda other: -other.stat().st_mtime)[left:]:
        shutil.rmtree(other)


def _keep_finished(folder: Path) -> None:
    names = finished_shards(folder)
    kept = {folder / MARKERS / f"{name}.json" for name in names}
    kept |= {folder / file for name in names for file in files_of(folder, name)}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept:
            path.unlink()


# Markers: `.finished/<shard>.json`, written when a shard's files are closed. Notes: `.finished/<shard>.<pid>.working`.
