"""Hashes the installed code that each stage runs, so that a project without the library's sources can depend on it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from textrnn.project.shipped.project_files import LIBRARY_PREFIX, SCRIPTS, read_stages
from textrnn.stage import write_json

LIBRARY = Path(__file__).resolve().parents[2]
CODE_SUFFIXES = (".py", ".html", ".css", ".js")  # what .dvcignore admits of a checkout's src


def write_fingerprints(folder: Path) -> None:
    """Write a file for each stage of the graph: the hash of its script and of each package that it lists.

    A stage depends on its file. So an upgraded or edited library runs the stages again whose own code differs, as an
    edit does in a checkout.
    """
    hashes: dict[str, str] = {}
    for stage, definition in read_stages().items():
        listed = [dep for dep in definition["deps"] if dep.startswith(LIBRARY_PREFIX)]
        packages = [dep.removeprefix(LIBRARY_PREFIX) for dep in listed]
        for package in packages:
            if package not in hashes:
                hashes[package] = hash_code(LIBRARY / package)
        script = {f"{stage}.py": _hash([SCRIPTS / f"{stage}.py"], SCRIPTS)}
        write_json(folder / f"{stage}.json", script | {package: hashes[package] for package in packages})


def hash_code(package: Path) -> str:
    """The hash of the code and page templates of a package, by path and content; hidden files are none of it."""
    files = [path for path in package.rglob("*") if path.suffix in CODE_SUFFIXES and path.is_file()]
    return _hash([path for path in files if "/." not in f"/{path.relative_to(package)}"], package)


def _hash(files: list[Path], folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
