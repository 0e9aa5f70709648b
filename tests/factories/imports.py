"""Which modules of the library a script or module imports, read from the source alone."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE, TESTS = ROOT / "src", ROOT / "tests"


def module_file(name: str) -> Path | None:
    """The file of a dotted `textrnn…` name, or None where it names something inside a module."""
    path = SOURCE.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def direct_imports(path: Path) -> frozenset[Path]:
    """The library files that a file imports, wherever in it the import stands."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        files = (module_file(name) for name in names if name.split(".")[0] == "textrnn")
        found |= {file for file in files if file is not None}
    return frozenset(found)


def all_imports(path: Path) -> set[Path]:
    """The library files that running a file can import, through any number of others."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        for file in direct_imports(waiting.pop()) - seen:
            seen.add(file)
            waiting.append(file)
    return seen
