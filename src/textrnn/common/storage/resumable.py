"""Output folders that survive an interrupt: finished shards are kept, and the same command resumes after them.

Two runs are the same if they agree in their key (params and checksums of the inputs), in the code of the stage, and in
the versions of the libraries that segment and write the data. Every shard then has the same bytes in both, so it does
not matter which of them wrote it.
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

from textrnn.common.integrity.checksums import write_checksums
from textrnn.common.storage.code_version import fingerprint, hash_values, packages_of, scripts_hash, stage_code
from textrnn.common.storage.markers import MARKERS, files_of, finished_shards, write_packages
from textrnn.common.storage.shards import listed_files
from textrnn.errors import ResumableError
from textrnn.interrupts import uninterrupted
from textrnn.stage import replace_folder
from textrnn.unfinished import create_in, private_folder

LOCK_SECONDS = 0.2  # long enough for a lock file that is being removed, short enough for one that stays locked


def _describe_finished(names: set[str]) -> str:
    return f"the same command continues after the {len(names)} finished shards"


@dataclass(frozen=True)
class RetentionPolicy:
    """When the folder of a run that did not finish is kept.

    describe: the note for the exception that ended the run, made from the names of the finished shards.
    keep_on: exceptions that keep the folder. discard_on: exceptions among these that remove it nevertheless.
    keep_others: how many folders of runs with other keys are kept, the latest ones.
    """

    describe: Callable[[set[str]], str] = _describe_finished
    keep_on: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit, ResumableError, OSError, MemoryError)
    discard_on: tuple[type[BaseException], ...] = ()
    keep_others: int = 0

    def keeps(self, error: BaseException) -> bool:
        """Whether the folder is kept after this exception."""
        return isinstance(error, self.keep_on) and not isinstance(error, self.discard_on)


@contextlib.contextmanager
def resumable_folder(
    path: Path, policy: RetentionPolicy | None = None, /, *, stage: str | None = None, **key: Any
) -> Iterator[Path]:
    """Yield a working folder to fill shard by shard; it replaces `path`, with its checksums, if the block succeeds.

    The working folder is `.textrnn/<name>.<hash>` next to `path`. After an interrupt, an exit, a ResumableError, a full
    disk or a lack of memory it is kept with its finished shards, if there are any. The next run with the same key, code
    and versions resumes in it; a run with others removes it. Any other exception removes it at once. `policy` changes
    this.

    stage: the stage of dvc.yaml whose listed code decides whether two runs are the same; None is the whole library.
    key: everything else that the content depends on, as JSON values.
    Raises ResumableError if another run is writing `path`.
    """
    policy = policy or RetentionPolicy()
    with _locked(path) as private:
        code = stage_code(stage) if stage else None
        packages = packages_of(code)
        folder = private / f"{path.name}.{hash_values([key, fingerprint(packages), scripts_hash(code)])}"
        _remove_other_runs(folder, path.name, policy.keep_others)
        folder.mkdir(exist_ok=True)
        _remove_unfinished(folder)
        write_packages(folder, packages)
        try:
            yield folder
            write_checksums(folder, leave_out=listed_files(folder))
            with uninterrupted(f"{path} was written"):
                replace_folder(folder, path)
                shutil.rmtree(path / MARKERS, ignore_errors=True)
        except BaseException as error:
            names = finished_shards(folder) if policy.keeps(error) else set()
            if names:
                error.add_note(policy.describe(names))
            else:
                shutil.rmtree(folder, ignore_errors=True)
            raise


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """Hold the lock `<name>.lock` in the private folder next to `path`, which is yielded.

    The lock file is removed while the lock is held. A process that waits for the removed file cannot hold it together
    with the owner of a new one: filelock gives up a lock whose file has no name any more and opens the path again.
    Raises ResumableError if another run holds the lock.
    """
    with private_folder(path) as private:
        lock = FileLock(private / f"{path.name}.lock", timeout=LOCK_SECONDS)
        try:
            with create_in(private, lock.acquire):
                try:
                    yield private
                finally:
                    Path(lock.lock_file).unlink(missing_ok=True)
        except Timeout as error:
            if error.lock_file != lock.lock_file:
                raise
            raise ResumableError(path, "another run is writing it", do="wait for it, or stop it") from None


def _remove_other_runs(folder: Path, name: str, keep: int) -> None:
    # The whole hash must match: names that begin with `a.` also belong to an output called `a.b`.
    pattern = re.compile(rf"{re.escape(name)}\.[0-9a-f]{{16}}")
    others = [other for other in folder.parent.iterdir() if other != folder and pattern.fullmatch(other.name)]
    for other in sorted(others, key=lambda other: -other.stat().st_mtime)[keep:]:
        shutil.rmtree(other)


def _remove_unfinished(folder: Path) -> None:
    """Remove every file that is not a finished shard's or its marker, and folders that are then empty."""
    names = finished_shards(folder)
    keep = {folder / MARKERS / f"{name}.json" for name in names}
    keep |= {folder / file for name in names for file in files_of(folder, name)}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in keep:
            path.unlink()
