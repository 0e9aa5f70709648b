"""Checks names of files that params.yaml gives: each must lie in the folder that DVC tracks for it."""

from __future__ import annotations

from pathlib import PurePath

from textrnn.errors import require


def check_file_name(name: str, where: str, folder: str) -> None:
    """Raise UserError for a file name that leads out of its folder: DVC tracks changes in that folder alone."""
    path = PurePath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    require(inside, where, f"must be the name of something inside {folder}", name)
