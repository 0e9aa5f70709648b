"""The code and the library versions that a stage depends on, as a hash."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2]


DISTRIBUTIONS = ("nltk", "jieba", "rjieba", "numpy", "pyarrow", "regex")


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
