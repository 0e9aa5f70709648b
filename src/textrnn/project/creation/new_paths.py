"""Takes back what was written into a folder, and nothing else that is there."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path


class NewPaths:
    """The topmost paths of those given that are not there yet: who removes them removes all that is written to these.

    A file that is there already is put back as it was.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        given = list(paths)
        self.tops: Sequence[Path] = sorted({_first_missing(path) for path in given if not os.path.lexists(path)})
        self._contents = {path: path.read_bytes() for path in given if path.is_file()}

    def remove(self) -> None:
        """Remove all that is new; what cannot be removed stays."""
        for path in self.tops:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
        for path, content in self._contents.items():
            with contextlib.suppress(OSError):
                if path.read_bytes() != content:
                    path.write_bytes(content)


def _first_missing(path: Path) -> Path:
    return next(parent for parent in (*reversed(path.parents), path) if not os.path.lexists(parent))
