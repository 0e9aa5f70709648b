"""Hashes the code and the library versions that a stage depends on.

A stage lists the packages that it runs in dvc.yaml. Only these packages, the stage's script and a few distributions
decide whether an interrupted run can be resumed: an edit of anything else cannot change the stage's output, so it must
not discard finished work.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).resolve().parents[2]
LIBRARY_PREFIX = "src/textrnn/"  # of the library's packages in the deps of dvc.yaml
SCRIPTS_PREFIX = "pipeline/"
DVC_FILES = (Path("dvc.yaml"), Path("study/dvc.yaml"))  # of the project in the working directory
DISTRIBUTIONS = ("nltk", "jieba", "rjieba", "numpy", "pyarrow", "regex")


def stage_code(stage: str) -> tuple[str, ...] | None:
    """The packages and scripts in the deps of a stage, as paths in the project; None if no dvc.yaml has the stage."""
    for path in DVC_FILES:
        if path.is_file():
            definition = _read_stages(path, path.stat().st_mtime_ns).get(stage)
            if definition is not None:
                deps = definition.get("do", definition)["deps"]
                return tuple(dep for dep in deps if dep.startswith((LIBRARY_PREFIX, SCRIPTS_PREFIX)))
    return None


@functools.lru_cache(maxsize=4)
def _read_stages(path: Path, _mtime: int) -> dict[str, Any]:
    from ruamel.yaml import YAML

    stages: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8")).get("stages") or {}
    return stages


def packages_of(code: Collection[str] | None) -> tuple[str, ...] | None:
    """The library packages in the result of `stage_code`, as paths in the library; None is the whole library.

    That is also what a stage depends on that lists none.
    """
    packages = tuple(dep.removeprefix(LIBRARY_PREFIX) for dep in code or () if dep.startswith(LIBRARY_PREFIX))
    return packages or None


def scripts_hash(code: Collection[str] | None) -> str | None:
    """The hash of the scripts in the result of `stage_code`, which are not part of the library; None without any."""
    scripts = [dep for dep in code or () if dep.startswith(SCRIPTS_PREFIX) and Path(dep).is_file()]
    return hash_values({dep: _hash_file(Path(dep)) for dep in scripts}) if scripts else None


def fingerprint(packages: Collection[str] | None = None) -> str:
    """The hash of the packages' code (None: the whole library) and of the versions of DISTRIBUTIONS and Python.

    The files are hashed once, at the process's first call. A worker that has run for days must use the hash of
    the modules that it has loaded, not of files that were edited since.
    """
    files = {
        file: digest
        for file, digest in _hash_library().items()
        if packages is None or any(_is_in(file, package) for package in packages)
    }
    return hash_values([files, {name: _version(name) for name in DISTRIBUTIONS}, sys.version_info[:2]])


@functools.cache
def _hash_library() -> dict[str, str]:
    """The hash of each module by its path in the library, without hidden files, such as an editor's locks."""
    files = {file.relative_to(LIBRARY).as_posix(): file for file in sorted(LIBRARY.rglob("*.py"))}
    return {name: _hash_file(file) for name, file in files.items() if "/." not in f"/{name}"}


def _is_in(file: str, listed: str) -> bool:
    """Whether a file of the library is what a stage lists, a package or a single module, or lies in it."""
    return file == listed or file.startswith(f"{listed}/")


def _hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def hash_values(values: Any) -> str:
    """A short hash of JSON values."""
    text = json.dumps(values, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
