"""Markers of finished shards in a working folder, for an interrupted run to continue from."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from textrnn.stage import output_file

MARKERS = ".finished"
PACKAGES = "packages"  # a file of NOTES: the packages whose code the run depends on, one a line; absent: all of them


def mark_finished(folder: Path, name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Write the marker of a shard; return its result as it will be read from there.

    result: values JSON has; `files` lists what the shard wrote, by names in `folder`, closed by now.
    """
    sizes = {file: (folder / file).stat().st_size for file in result["files"]}
    text = json.dumps({"result": result, "sizes": sizes}, ensure_ascii=False, allow_nan=False)
    with output_file(folder / MARKERS / f"{name}.json") as made:
        made.write_text(text, encoding="utf-8")
    read: dict[str, Any] = json.loads(text)["result"]
    return read


def finished_shards(folder: Path) -> set[str]:
    """Names of the shards whose marker is whole, and whose files are there with the sizes it gives."""
    names = {path.name.removesuffix(".json") for path in (folder / MARKERS).glob("*.json")}
    return {name for name in names if _trusted(folder, name)}


def read_result(folder: Path, name: str) -> dict[str, Any]:
    """The result of a finished shard."""
    result: dict[str, Any] = _read_marker(folder, name)["result"]
    return result


def is_finished(folder: Path, name: str) -> bool:
    """Whether `finished` has the shard, without a look at the others."""
    return (folder / MARKERS / f"{name}.json").is_file() and _trusted(folder, name)


def files_of(folder: Path, name: str) -> list[str]:
    """The files of a finished shard, by names in `folder`."""
    return list(_read_marker(folder, name)["sizes"])


def _read_marker(folder: Path, name: str) -> dict[str, Any]:
    marker: dict[str, Any] = json.loads((folder / MARKERS / f"{name}.json").read_text(encoding="utf-8"))
    return marker


def _trusted(folder: Path, name: str) -> bool:
    try:
        sizes = _read_marker(folder, name)["sizes"]
    except ValueError:  # cut off, as after a power failure
        return False
    files = {file: folder / file for file in sizes}
    return all(path.is_file() and path.stat().st_size == sizes[file] for file, path in files.items())


@contextlib.contextmanager
def note_work(folder: Path, name: str) -> Iterator[None]:
    """A note that this process works on a shard, gone with the end of the block and not with that of the process."""
    note = folder / MARKERS / f"{name}.{os.getpid()}.working"
    note.touch()
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def shards_in_work(folder: Path) -> dict[str, int]:
    """Shards that have a note and are not finished, with the process that wrote it."""
    notes = (path.name.rsplit(".", 2) for path in (folder / MARKERS).glob("*.working"))
    done = finished_shards(folder)
    return {name: int(process) for name, process, _ in notes if name not in done}


def write_packages(folder: Path, packages: Collection[str] | None) -> None:
    """Note which packages of the library the run depends on, for its workers; None is all of the library."""
    if packages is not None:
        (folder / MARKERS).mkdir(exist_ok=True)
        (folder / MARKERS / PACKAGES).write_text("".join(f"{package}\n" for package in packages), encoding="utf-8")


def read_packages(folder: Path) -> tuple[str, ...] | None:
    """What `write_packages` noted."""
    note = folder / MARKERS / PACKAGES
    return tuple(note.read_text(encoding="utf-8").split()) if note.is_file() else None
