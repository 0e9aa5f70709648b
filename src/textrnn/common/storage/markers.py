"""Markers of finished shards in a working folder, from which an interrupted run resumes.

All files are in the subfolder `.finished`. `<shard>.json` is the marker of a shard, written after the shard's files are
closed. `<shard>.<pid>.working` says that a process works on the shard. `packages` lists the packages whose code the run
depends on, one per line; it is absent if that is the whole library.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TypedDict

from textrnn.common.integrity.checksums import named
from textrnn.common.integrity.json_files import read_json
from textrnn.errors import UserError
from textrnn.stage import output_file
from textrnn.unfinished import sync

MARKERS = ".finished"
PACKAGES = "packages"


class _Marker(TypedDict):
    result: dict[str, Any]
    sizes: dict[str, int]
    sha256: str


def mark_finished(folder: Path, name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Write the marker of a shard and return its result as `read_result` will return it.

    result: JSON values; `files` lists the files of the shard, by names in `folder`, which must be closed. They and
    their names are on the disk before the marker is: a marker that outlives a power failure is of whole files.
    """
    sizes = {file: (folder / file).stat().st_size for file in result["files"]}
    for path in dict.fromkeys([*(folder / file for file in sizes), *((folder / file).parent for file in sizes)]):
        sync(path)
    checksum = _checksum(json.loads(json.dumps(result)), sizes)  # as it will be read
    text = json.dumps({"result": result, "sizes": sizes, "sha256": checksum}, ensure_ascii=False, allow_nan=False)
    with output_file(folder / MARKERS / f"{name}.json") as temporary:
        temporary.write_text(text, encoding="utf-8")
    result_from_json: dict[str, Any] = json.loads(text)["result"]
    return result_from_json


def finished_shards(folder: Path) -> set[str]:
    """The names of the shards whose marker is complete and whose files exist with the sizes in the marker."""
    names = {path.name.removesuffix(".json") for path in (folder / MARKERS).glob("*.json")}
    return {name for name in names if _is_valid(folder, name)}


def read_result(folder: Path, name: str) -> dict[str, Any]:
    """The result of a finished shard."""
    result: dict[str, Any] = _read_marker(folder, name)["result"]
    return result


def is_finished(folder: Path, name: str) -> bool:
    """Whether `finished_shards` has the shard; the other shards are not checked."""
    return (folder / MARKERS / f"{name}.json").is_file() and _is_valid(folder, name)


def files_of(folder: Path, name: str) -> list[str]:
    """The files of a finished shard, by names in `folder`."""
    return list(_read_marker(folder, name)["sizes"])


def _read_marker(folder: Path, name: str) -> _Marker:
    path = folder / MARKERS / f"{name}.json"
    marker = read_json(path, _Marker)
    with named(path):
        if marker["sha256"] != _checksum(marker["result"], marker["sizes"]):
            raise ValueError("its content does not have its checksum")
    return marker


def _checksum(result: dict[str, Any], sizes: dict[str, int]) -> str:
    """The SHA-256 of a marker's content: a changed number in it would become one of the stage's statistics."""
    return hashlib.sha256(json.dumps([result, sizes], sort_keys=True).encode()).hexdigest()


def _is_valid(folder: Path, name: str) -> bool:
    try:
        sizes = _read_marker(folder, name)["sizes"]
    except UserError:  # truncated, as after a power failure, or damaged
        return False
    files = {file: folder / file for file in sizes}
    return all(path.is_file() and path.stat().st_size == sizes[file] for file, path in files.items())


@contextlib.contextmanager
def mark_in_progress(folder: Path, name: str) -> Iterator[None]:
    """Mark a shard as being worked on by this process; the mark outlives a process that dies in the block."""
    mark = folder / MARKERS / f"{name}.{os.getpid()}.working"
    mark.touch()
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def shards_in_progress(folder: Path) -> dict[str, int]:
    """The shards that are marked as in progress and are not finished, each with the process id in its mark."""
    marks = (path.name.rsplit(".", 2) for path in (folder / MARKERS).glob("*.working"))
    finished = finished_shards(folder)
    return {name: int(pid) for name, pid, _ in marks if name not in finished}


def write_packages(folder: Path, packages: Collection[str] | None) -> None:
    """Write for the run's workers which packages of the library the run depends on; None is the whole library."""
    if packages is not None:
        (folder / MARKERS).mkdir(exist_ok=True)
        (folder / MARKERS / PACKAGES).write_text("".join(f"{package}\n" for package in packages), encoding="utf-8")


def read_packages(folder: Path) -> tuple[str, ...] | None:
    """The packages that `write_packages` wrote; None is the whole library."""
    path = folder / MARKERS / PACKAGES
    return tuple(path.read_text(encoding="utf-8").split()) if path.is_file() else None
