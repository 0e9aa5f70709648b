"""Output folders that outlive a killed run: finished shards stay, each with a marker, for the same command to go on.

A run is the same when its key (params, checksums of inputs), the library's code and the versions of what cuts and
writes the data are. Then every shard comes out the same to the byte, so it does not matter which run wrote it.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from textrnn.errors import Unfinished
from textrnn.stage import output_file, put_in_place

PACKAGE = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = ("nltk", "jieba", "rjieba", "numpy", "pyarrow", "regex")
NOTES = ".finished"


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


@functools.cache
def fingerprint() -> str:
    """The code of the library and the versions of what cuts and writes data, as a short hash.

    Taken once a process: a worker that has run for days answers for the modules it has loaded, not for the files that
    have been edited since.
    """
    code = {str(file.relative_to(PACKAGE)): _file_hash(file) for file in sorted(PACKAGE.rglob("*.py"))}
    return _hash([code, {name: _version(name) for name in DISTRIBUTIONS}, sys.version_info[:2]])


def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _hash(values: Any) -> str:
    text = json.dumps(values, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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


def finish(folder: Path, name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Write the marker of a shard; return its result as it will be read from there.

    result: values JSON has; `files` lists what the shard wrote, by names in `folder`, closed by now.
    """
    sizes = {file: (folder / file).stat().st_size for file in result["files"]}
    text = json.dumps({"result": result, "sizes": sizes}, ensure_ascii=False, allow_nan=False)
    with output_file(folder / NOTES / f"{name}.json") as made:
        made.write_text(text, encoding="utf-8")
    read: dict[str, Any] = json.loads(text)["result"]
    return read


def finished(folder: Path) -> set[str]:
    """Names of the shards whose marker is whole, and whose files are there with the sizes it gives."""
    names = {path.name.removesuffix(".json") for path in (folder / NOTES).glob("*.json")}
    return {name for name in names if _trusted(folder, name)}


def result_of(folder: Path, name: str) -> dict[str, Any]:
    """The result of a finished shard."""
    result: dict[str, Any] = _read_marker(folder, name)["result"]
    return result


def is_finished(folder: Path, name: str) -> bool:
    """Whether `finished` has the shard, without a look at the others."""
    return (folder / NOTES / f"{name}.json").is_file() and _trusted(folder, name)


def _read_marker(folder: Path, name: str) -> dict[str, Any]:
    marker: dict[str, Any] = json.loads((folder / NOTES / f"{name}.json").read_text(encoding="utf-8"))
    return marker


def _trusted(folder: Path, name: str) -> bool:
    try:
        sizes = _read_marker(folder, name)["sizes"]
    except ValueError:  # cut off, as after a power failure
        return False
    files = {file: folder / file for file in sizes}
    return all(path.is_file() and path.stat().st_size == sizes[file] for file, path in files.items())


@contextlib.contextmanager
def working(folder: Path, name: str) -> Iterator[None]:
    """A note that this process works on a shard, gone with the end of the block and not with that of the process."""
    note = folder / NOTES / f"{name}.{os.getpid()}.working"
    note.touch()
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def at_work(folder: Path) -> dict[str, int]:
    """Shards that have a note and are not finished, with the process that wrote it."""
    notes = (path.name.rsplit(".", 2) for path in (folder / NOTES).glob("*.working"))
    done = finished(folder)
    return {name: int(process) for name, process, _ in notes if name not in done}
