"""Faults of the disk and of permissions for a process: as any user but root has them, with limits, on a full disk."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

RIGHTS_OF_ROOT = "-dac_override,-dac_read_search"  # by which root reads and writes what nobody may


def under_permissions(command: Sequence[str]) -> list[str]:
    """The command, run so that permissions count for it; skips the test where root cannot give up its rights."""
    if os.geteuid():
        return list(command)
    if shutil.which("setpriv") is None:
        pytest.skip("root cannot give up its rights here")
    return ["setpriv", f"--bounding-set={RIGHTS_OF_ROOT}", f"--inh-caps={RIGHTS_OF_ROOT}", *command]


def limit(files: int | None = None, size: int | None = None) -> Callable[[], None]:
    """What limits a process, called in it: how many files it has open, and how many bytes it writes to one."""

    def apply() -> None:
        for kind, value in ((resource.RLIMIT_NOFILE, files), (resource.RLIMIT_FSIZE, size)):
            if value is not None:
                resource.setrlimit(kind, (value, value))

    return apply


@contextlib.contextmanager
def mode(path: Path, value: int) -> Iterator[None]:
    """Give a file or folder this mode in the block."""
    before = path.stat().st_mode & 0o7777
    path.chmod(value)
    try:
        yield
    finally:
        path.chmod(before)


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """Have a folder be a disk of this size in the block; skips the test where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
