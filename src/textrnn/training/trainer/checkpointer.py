"""What a training run needs to go on exactly where it was: kept in a file from time to time, read back after a stop.

A file is safetensors, with the plain values as JSON in its metadata. It is a shard of a working folder (see
textrnn.common.storage.resumable), so it has a marker, which holds the file's SHA-256.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import time
from pathlib import Path

from textrnn.common.storage.markers import MARKERS, finished_shards, mark_finished, read_result
from textrnn.common.storage.resumable import RetentionPolicy
from textrnn.errors import ResumableError
from textrnn.stage import output_file
from textrnn.training.trainer.run_state import DivergedError, RunState, encode_run_state

SECONDS = "TEXTRNN_CHECKPOINT_SECONDS"


class Checkpointer:
    """Keeps the latest state of a run in its working folder, every TEXTRNN_CHECKPOINT_SECONDS (60; 0: after each step).

    teacher: the number, from 1, of a run that another is distilled from in the same folder; each has its own states.
    Raises Unfinished for a value of that variable that is no number from 0 up.
    """

    def __init__(self, folder: Path, teacher: int | None = None) -> None:
        self._folder, self._every = folder, checkpoint_seconds()
        self._prefix = "" if teacher is None else f"teacher-{teacher}-"
        self._last = time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self._last >= self._every

    def keep(self, step: int, data: bytes) -> None:
        """Write the bytes of the state after `step`. The one before goes when they are whole, and not earlier."""
        name = self._name(step)
        file = f"{MARKERS}/{name}.safetensors"
        with output_file(self._folder / file) as made, made.open("wb") as out:
            out.write(data)
            out.flush()
            _sync(made)  # here and below: as the one before goes, a power failure must not leave neither
        mark_finished(self._folder, name, {"files": [file], "sha256": hashlib.sha256(data).hexdigest()})
        _sync(self._folder / MARKERS / f"{name}.json")
        _sync(self._folder / MARKERS)
        for other in self._steps():
            if other != step:
                self._remove(other)
        self._last = time.monotonic()

    def save_final(self, state: RunState) -> None:
        """Keep of a run that has ended its best weights alone: one that goes on from there takes no step."""
        # where the state of its last step is kept that is enough, and is not put at risk
        if state.step not in self._steps():
            self.keep(state.step, encode_run_state(state, {}))

    def latest(self) -> bytes | None:
        """The latest whole state, or None. One that is damaged is told of and removed."""
        for step in sorted(self._steps(), reverse=True):
            data = (self._folder / MARKERS / f"{self._name(step)}.safetensors").read_bytes()
            if hashlib.sha256(data).hexdigest() == read_result(self._folder, self._name(step)).get("sha256"):
                return data
            print(f"the checkpoint of step {step} is damaged and left out", flush=True)
            self._remove(step)
        return None

    def _remove(self, step: int) -> None:
        for suffix in ("json", "safetensors"):  # the marker first: without its file it would be a lie
            (self._folder / MARKERS / f"{self._name(step)}.{suffix}").unlink(missing_ok=True)

    def _name(self, step: int) -> str:
        return f"{self._prefix}step-{step}"

    def _steps(self) -> set[int]:
        names = re.compile(rf"{self._prefix}step-(\d+)")
        return {int(found[1]) for found in map(names.fullmatch, finished_shards(self._folder)) if found}


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def checkpoint_seconds() -> float:
    """TEXTRNN_CHECKPOINT_SECONDS, 60 where it is not set."""
    given = os.environ.get(SECONDS, "") or "60"
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ResumableError(SECONDS, "must be a number of seconds from 0 up", got=repr(given))
    return seconds


def _note(names: set[str]) -> str:
    """Of the latest state: the student's, which comes after all teachers', or that of the latest teacher."""
    found = [re.fullmatch(r"(?:teacher-(\d+)-)?step-(\d+)", name) for name in names]
    teacher, step = max((float(each[1] or "inf"), int(each[2])) for each in found if each)
    whose = "" if teacher == math.inf else f" of teacher {teacher:.0f}"
    return f"step {step}{whose} is saved; the same command continues there"


# whatever else ends a run, a fault of the machine or a wrong variable, its state is what it was; runs of other params
# that were stopped keep theirs while another is tried
CHECKPOINT_RETENTION = RetentionPolicy(_note, by=(BaseException,), lost=(DivergedError,), others=2)
