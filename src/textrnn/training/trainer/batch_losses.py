"""The loss of every batch of a run, as a CSV file that `textrnn losses` draws."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from textrnn.modeling.models.running_metrics import score_from_sums
from textrnn.names import path_of
from textrnn.training.batching.batches import Selected
from textrnn.training.distributed.process_group import ProcessGroup
from textrnn.training.trainer.loop import Callback, Trainer
from textrnn.training.trainer.run_state import Checkpoint, EvaluationPoint

FOLDER_VARIABLE = "TEXTRNN_BATCH_LOSSES"
HEADER = "step,loss,accuracy"


class BatchLosses(Callback):
    """Writes a CSV file with a row per batch: step, and the loss and accuracy of the batch before its update.

    No step waits for the device: the running sums are copied on it after each step, and read at the next evaluation or
    checkpoint. In a group all processes have this callback, as a row is of the whole batch; path is that of process 0,
    None in the others. A resumed run writes the rows before its start again, which are in its checkpoint.
    """

    def __init__(self, path: Path | None) -> None:
        self._path, self._step = path, 0
        self._sums: list[Tensor] = []  # before the next row, and after each step since

    def on_start(self, trainer: Trainer) -> None:
        """Write the header and the rows so far into a new file."""
        self._step, self._sums = trainer.state.step, [trainer.running_metrics.sums.clone()]
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(f"{HEADER}\n", encoding="utf-8")
            self._append(trainer.state.batch_rows)

    def on_step_end(self, trainer: Trainer, batch: Selected) -> None:
        """Keep the sums after the step."""
        self._sums.append(trainer.running_metrics.sums.clone())

    def on_evaluation(self, trainer: Trainer, point: EvaluationPoint) -> None:
        """Write the rows since the last ones; the evaluation has set the running sums to zero."""
        self._write(trainer)
        self._sums = [torch.zeros_like(trainer.running_metrics.sums)]

    def on_save(self, trainer: Trainer, checkpoint: Checkpoint) -> None:
        """Write the rows since the last ones; the checkpoint, which the checkpointer saves after this, holds all."""
        self._write(trainer)
        checkpoint.state.batch_rows = [*trainer.state.batch_rows]

    def on_end(self, trainer: Trainer) -> None:
        """Write the rows up to what ended the run, unless other processes of a group may have ended before it."""
        if trainer.group.world_size == 1:
            self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        if len(self._sums) < 2:
            return
        sums, rows = trainer.group.all_gather(torch.stack(self._sums)).sum(0), []
        for step, score in enumerate(map(score_from_sums, sums.diff(dim=0)), start=self._step + 1):
            rows.append(f"{step},{score.loss:.6f},{score.accuracy:.6f}")
        trainer.state.batch_rows += rows
        self._step, self._sums = self._step + len(rows), self._sums[-1:]
        self._append(rows)

    def _append(self, rows: Sequence[str]) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(f"{row}\n" for row in rows)


def batch_losses_from_environment(title: str, group: ProcessGroup, *, written: bool) -> list[BatchLosses]:
    """The callback that writes `<title>.csv` into TEXTRNN_BATCH_LOSSES; none if process 0 has no such variable.

    written: whether process 0 writes the curves of the run; of no effect in the others.
    """
    own = os.environ.get(FOLDER_VARIABLE, "") if written else ""
    folder = os.fsdecode(group.broadcast_bytes(os.fsencode(own)))
    path = path_of(Path(folder), title, ".csv") if group.rank == 0 else None
    return [BatchLosses(path)] if folder else []
