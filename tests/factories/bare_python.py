"""A Python that has some distributions and no others, as a machine where nothing else was installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def with_required(names: Iterable[str]) -> dict[str, Distribution]:
    """The distributions of these names and all that they require, as pip would install them; by canonical name."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found[name] = distribution(name)
            required = map(Requirement, found[name].requires or ())
            waiting += [each.name for each in required if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def link_distributions(folder: Path, names: Iterable[str]) -> Path:
    """Make a folder that holds these distributions, and what they require, as links to where they are installed."""
    folder.mkdir()
    for installed in with_required(names).values():
        files = {Path(file) for file in installed.files or () if ".." not in file.parts}
        for part in sorted({file.parts[0] for file in files} - {"__pycache__"}):
            _link(folder / part, Path(str(installed.locate_file(part))), files, Path(part))
    return folder


def _link(link: Path, target: Path, files: set[Path], part: Path) -> None:
    """Link a module, a package or a folder of metadata; a package that others share is made, and its parts linked."""
    shared = target.is_dir() and "." not in part.name and part / "__init__.py" not in files
    if not shared:
        link.symlink_to(target)
        return
    link.mkdir(exist_ok=True)
    for inner in sorted({file.parts[len(part.parts)] for file in files if file.is_relative_to(part)} - {"__pycache__"}):
        _link(link / inner, target / inner, files, part / inner)


def run_bare(packages: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder with the packages of `link_distributions` and the standard library alone."""
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    environment |= {"PYTHONPATH": str(packages), "TEXTRNN_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-S", "-B", *arguments]  # -S: without the folder of installed packages
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
