"""The code and the library versions that a stage depends on, as a hash.

A stage lists the packages it runs in dvc.yaml; only these, the stage's script and a few distributions decide whether
an interrupted run can be continued. An edit of anything else loses nothing.
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
LIBRARY_IN_PROJECT = "src/textrnn/"  # as deps of dvc.yaml begin
SCRIPTS = "pipeline/"
GRAPHS = (Path("dvc.yaml"), Path("study/dvc.yaml"))  # of the project in the working directory
DISTRIBUTIONS = ("nltk", "jieba", "rjieba", "numpy", "pyarrow", "regex")


def stage_code(stage: str) -> tuple[str, ...] | None:
    """The code that a stage lists in dvc.yaml, as paths inside the project; None where no dvc.yaml has the stage."""
    for graph in GRAPHS:
        if graph.is_file():
            definition = _read_stages(graph, graph.stat().st_mtime_ns).get(stage)
            if definition is not None:
                deps = definition.get("do", definition)["deps"]
                return tuple(dep for dep in deps if dep.startswith((LIBRARY_IN_PROJECT, SCRIPTS)))
    return None


@functools.lru_cache(maxsize=4)
def _read_stages(graph: Path, _mtime: int) -> dict[str, Any]:
    from ruamel.yaml import YAML

    stages: dict[str, Any] = YAML(typ="safe").load(graph.read_text(encoding="utf-8"))["stages"]
    return stages


def packages_of(code: Collection[str] | None) -> tuple[str, ...] | None:
    """Of the code of `stage_code` the library's packages, as paths inside the library; None is all of the library."""
    if code is None:
        return None
    return tuple(dep.removeprefix(LIBRARY_IN_PROJECT) for dep in code if dep.startswith(LIBRARY_IN_PROJECT))


def scripts_hash(code: Collection[str] | None) -> str | None:
    """The hash of the stage's script, which is no part of the library."""
    scripts = [dep for dep in code or () if dep.startswith(SCRIPTS)]
    return hash_values({dep: _hash_file(Path(dep)) for dep in scripts}) if scripts else None


def fingerprint(packages: Collection[str] | None = None) -> str:
    """The hash of these packages' code (None: of the whole library) and of the versions of DISTRIBUTIONS and Python.

    The code is that of the process's first call: a worker that has run for days answers for the modules it may have
    loaded, not for the files that have been edited since.
    """
    chosen = {
        file: digest
        for file, digest in _library_files().items()
        if packages is None or any(file.startswith(f"{package}/") for package in packages)
    }
    return hash_values([chosen, {name: _version(name) for name in DISTRIBUTIONS}, sys.version_info[:2]])


@functools.cache
def _library_files() -> dict[str, str]:
    return {file.relative_to(LIBRARY).as_posix(): _hash_file(file) for file in sorted(LIBRARY.rglob("*.py"))}


def _hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def hash_values(values: Any) -> str:
    """A short hash of values that JSON has."""
    text = json.dumps(values, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
