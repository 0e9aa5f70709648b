"""DVC's list of the paths in use, `.dvc/tmp/rwlock`: what a killed DVC left in it is removed.

DVC refuses a list that was cut. It takes an entry for alive as long as any process has its number, also one that has
only not been waited for, or another program that was given the number since.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil

_PROGRAMS = ("dvc", "dvc_script.py")
_FIRST_WORDS = 4  # of a command: what runs DVC names it there, as `python -m dvc` does


def remove_dead_entries(path: Path) -> None:
    """Leave only the entries of processes that run DVC; remove the list if DVC could not read it."""
    if not path.is_file():
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        writers = {name: info for name, info in found.get("write", {}).items() if _holds(info)}
        readers = {name: [info for info in infos if _holds(info)] for name, infos in found.get("read", {}).items()}
    except (ValueError, TypeError, KeyError, AttributeError):  # no JSON, or of another form
        path.unlink()
        return
    left = {"write": writers, "read": {name: infos for name, infos in readers.items() if infos}}
    if left != {"write": {}, "read": {}} | found:
        path.write_text(json.dumps(left), encoding="utf-8")


def _holds(info: dict[str, Any]) -> bool:
    """Whether the process of an entry runs and is DVC, or a program that calls it; true if that cannot be told."""
    number, command = int(info["pid"]), str(info["cmd"])
    try:
        process = psutil.Process(number)
        words = [] if process.status() == psutil.STATUS_ZOMBIE else process.cmdline()
    except (psutil.NoSuchProcess, ValueError, OverflowError):  # a zombie may be NoSuchProcess, too
        return False
    except psutil.AccessDenied:
        return True
    programs = {Path(word).name for word in words[:_FIRST_WORDS]}
    # DVC notes the arguments of the program that calls it
    return not programs.isdisjoint(_PROGRAMS) or (command != "" and command in " ".join(words))
