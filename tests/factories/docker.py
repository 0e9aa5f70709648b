"""What the Dockerfile says, and the folder that an image made by it has."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from factories.imports import ROOT


@functools.cache
def instructions() -> tuple[tuple[str, str], ...]:
    """The instructions of the Dockerfile with what stands after each, continued lines joined."""
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8")).replace("\\\n", " ")
    return tuple((line.split()[0], line.partition(" ")[2].strip()) for line in text.splitlines() if line)


def copied_paths(of: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each path of the checkout that is copied, with where it goes: a folder's content into the target."""
    found = []
    for name, value in of:
        if name == "COPY":
            *sources, target = value.split()
            found += [(source, target if (ROOT / source).is_dir() else f"{target}{source}") for source in sources]
    return found


def copy_as_image(root: Path) -> None:
    """Lay out a folder as the root of the image's file system, with the paths that are copied and no others."""
    for source, target in copied_paths(instructions()):
        path = root / target.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / source, path, symlinks=True, ignore=ignored)
        else:
            shutil.copyfile(ROOT / source, path)
