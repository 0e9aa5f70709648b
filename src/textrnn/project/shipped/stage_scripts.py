"""Runs a stage's script, which the package carries, in a project that has no copy of it.

The scripts call the library's functions, so they must be of the same version as the library: a copy in each project
would fail with the next one.
"""

from __future__ import annotations

import runpy
import sys

from textrnn.project.shipped.project_files import SCRIPTS


def run_script(name: str) -> None:
    """Run the script as the main module, with the arguments of this process; it exits as the script does."""
    sys.path.insert(0, str(SCRIPTS))  # of `checkout`, which the scripts import
    runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")
