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
def direct_imports(path: Path, *, late: bool = True) -> frozenset[Path]:
    """The library files that a file imports; late: wherever in it the import stands, and not at its top level alone."""
    found: set[Path] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if late else tree.body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        files = (module_file(name) for name in names if name.split(".")[0] == "textrnn")
        found |= {file for file in files if file is not None}
    return frozenset(found)


def all_imports(path: Path, *, late: bool = True) -> set[Path]:
    """The library files that running a file can import, through any number of others; late: as in `direct_imports`."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        for file in direct_imports(waiting.pop(), late=late) - seen:
            seen.add(file)
            waiting.append(file)
    return seen


@functools.cache
def outside_imports(path: Path, *, late: bool = False) -> frozenset[str]:
    """Top-level names of what a file imports when it is imported itself; late: also what functions import."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if late else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return frozenset(found)
