"""Save checkpoints of a training run, and find the latest one, so that a stopped run resumes exactly where it was.

A checkpoint is a safetensors file (see textrnn.training.trainer.run_state). It is a shard of a working folder (see
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
from textrnn.training.batching.batches import Selected
from textrnn.training.distributed.process_group import ProcessGroup
from textrnn.training.trainer.loop import Callback, Trainer
from textrnn.training.trainer.run_state import Checkpoint, DivergedError, RunState

SECONDS_VARIABLE = "TEXTRNN_CHECKPOINT_SECONDS"
SHARE = 0.05  # the largest fraction of a run's time that checkpoints take: those of large tables take seconds each


class Checkpointer(Callback):
    """Keeps the latest checkpoint of a run in its working folder, one every TEXTRNN_CHECKPOINT_SECONDS.

    If saving one takes longer than SHARE of these seconds, the next one waits longer; 0 seconds means every step. It
    also keeps the checkpoint of a run that is interrupted. In a group only process 0 has a checkpointer.

    teacher: the number (from 1) of a teacher that is trained in the same folder. refit: whether it is the run that
    follows on train and dev. Each run has its own checkpoints.
    Raises ResumableError if the variable is not a number of at least 0.
    """

    def __init__(self, folder: Path, teacher: int | None = None, *, refit: bool = False) -> None:
        self._folder, self._interval = folder, checkpoint_seconds()
        self._prefix = "refit-" if refit else "" if teacher is None else f"teacher-{teacher}-"
        self._saved_at, self._save_seconds = time.monotonic(), 0.0

    def on_step_end(self, trainer: Trainer, batch: Selected) -> None:
        """Request a checkpoint if one is due."""
        trainer.requests.save |= self.is_due()

    def on_save(self, trainer: Trainer, checkpoint: Checkpoint) -> None:
        """Save the checkpoint."""
        started = time.monotonic()
        self.save(checkpoint.state.step, checkpoint.encode())
        self._save_seconds = time.monotonic() - started

    def is_due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        interval = max(self._interval, self._save_seconds / SHARE) if self._interval else 0.0
        return time.monotonic() - self._saved_at >= interval

    def save(self, step: int, data: bytes) -> None:
        """Write the checkpoint after `step`. The previous one is removed once this one is complete, not before."""
        name = self._name(step)
        file = f"{MARKERS}/{name}.safetensors"
        with output_file(self._folder / file) as temporary:
            temporary.write_bytes(data)
        # on the disk when this returns: a power failure must not lose this one and the previous one, too
        mark_finished(self._folder, name, {"files": [file], "sha256": hashlib.sha256(data).hexdigest()})
        for other in self._steps():
            if other != step:
                self._remove(other)
        self._saved_at = time.monotonic()

    def save_final(self, state: RunState) -> None:
        """Save a finished run with its best weights alone; resuming it takes no step."""
        # a checkpoint of the last step holds as much already, and is not put at risk
        if state.step not in self._steps():
            self.save(state.step, Checkpoint(state, {}).encode())

    def load_latest(self) -> bytes | None:
        """The bytes of the latest intact checkpoint, or None. A damaged one is reported and removed."""
        for step in sorted(self._steps(), reverse=True):
            data = (self._folder / MARKERS / f"{self._name(step)}.safetensors").read_bytes()
            if hashlib.sha256(data).hexdigest() == read_result(self._folder, self._name(step)).get("sha256"):
                return data
            print(f"the checkpoint of step {step} is damaged and is ignored", flush=True)
            self._remove(step)
        return None

    def _remove(self, step: int) -> None:
        for suffix in ("json", "safetensors"):  # the marker first: without its file it would be wrong
            (self._folder / MARKERS / f"{self._name(step)}.{suffix}").unlink(missing_ok=True)

    def _name(self, step: int) -> str:
        return f"{self._prefix}step-{step}"

    def _steps(self) -> set[int]:
        """The steps that have a checkpoint."""
        pattern = re.compile(rf"{self._prefix}step-(\d+)")
        return {int(match[1]) for match in map(pattern.fullmatch, finished_shards(self._folder)) if match}


def load_checkpoint(checkpointer: Checkpointer | None, group: ProcessGroup) -> Checkpoint | None:
    """Process 0's latest checkpoint, in all processes of the group, or None; process 0 prints that the run resumes."""
    data = group.broadcast_bytes((checkpointer.load_latest() if checkpointer else None) or b"")
    if not data:
        return None
    checkpoint = Checkpoint.decode(data)
    checkpoint.state.resumed.append(checkpoint.state.step)
    if group.rank == 0:
        print(f"resumed from step {checkpoint.state.step}", flush=True)
    return checkpoint


def checkpoint_seconds() -> float:
    """Seconds between checkpoints: TEXTRNN_CHECKPOINT_SECONDS, or 60 if it is unset; 0 means after every step.

    Raises ResumableError if the variable is not a number of at least 0.
    """
    value = os.environ.get(SECONDS_VARIABLE, "") or "60"
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ResumableError(SECONDS_VARIABLE, "must be a number of seconds, at least 0", got=repr(value))
    return seconds


def _describe_latest(names: set[str]) -> str:
    """Which checkpoint is the latest: that of the refit, else of the recipe's own run, else of the latest teacher."""
    matches = [re.fullmatch(r"(refit-)?(?:teacher-(\d+)-)?step-(\d+)", name) for name in names]
    found = [(bool(match[1]), float(match[2] or "inf"), int(match[3])) for match in matches if match]
    refit, teacher, step = max(found)
    run = " of the refit" if refit else "" if teacher == math.inf else f" of teacher {teacher:.0f}"
    return f"step {step}{run} is saved; the same command continues there"


# Checkpoints survive any exception but DivergedError: a failure of the machine or a wrong environment variable does not
# make them worse. Those of the two latest stopped runs with other params survive too, while another param is tried.
CHECKPOINT_RETENTION = RetentionPolicy(
    _describe_latest, keep_on=(BaseException,), discard_on=(DivergedError,), keep_others=2
)
