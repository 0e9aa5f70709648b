"""Callbacks of training runs: progress, the file of curves, TensorBoard, and early stopping."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from textrnn.common.config.train import Train
from textrnn.errors import ResumableError, install_extra
from textrnn.modeling.models.running_metrics import Score
from textrnn.training.batching.batches import Selected
from textrnn.training.trainer.loop import Callback, Trainer
from textrnn.training.trainer.run_state import EvaluationPoint

COLUMNS = ("step", "split", "loss", "accuracy")
TENSORBOARD_VARIABLE = "TEXTRNN_TENSORBOARD"


class Progress(Callback):
    """Measures the throughput, and shows a progress bar, or without a terminal prints a line at each evaluation.

    verbose: False shows and prints nothing. Rows before a resumed run's start count neither for the throughput nor for
    the time left.
    """

    def __init__(self, title: str, *, verbose: bool) -> None:
        self.title, self._verbose = title, verbose
        self._bar: Any = None
        self._rows, self._started = 0, time.perf_counter()

    def on_start(self, trainer: Trainer) -> None:
        """Open the bar."""
        if self._verbose:
            self._bar = open_bar(f"train {self.title}", trainer.total_rows, initial=trainer.state.rows, unit=" rows")
        self._rows, self._started = 0, time.perf_counter()

    def on_step_end(self, trainer: Trainer, batch: Selected) -> None:
        """Count the rows of the batch."""
        self._rows += len(batch)
        if self._bar is not None:
            self._bar.update(len(batch))

    def on_evaluation(self, trainer: Trainer, point: EvaluationPoint) -> None:
        """Show the scores."""
        if self._bar is not None:
            self._bar.set_postfix_str(_describe_dev(point.dev))
        elif self._verbose:
            line = f"{self.title}: batch {point.step}/{trainer.total_steps}, epoch {point.epoch:.2f}, "
            line += f"train loss {point.train.loss:.4f}, {_describe_dev(point.dev)}"
            speed = self.rows_per_second()
            minutes = (trainer.total_rows - trainer.state.rows) / max(speed, 1e-9) / 60
            print(f"{line}, {speed:.0f} rows/s, {minutes:.1f} min left", flush=True)

    def on_end(self, trainer: Trainer) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def rows_per_second(self) -> float:
        """The throughput of training since the run's start, with the time of evaluations included."""
        return self._rows / max(time.perf_counter() - self._started, 1e-9)


def _describe_dev(score: Score) -> str:
    f1 = [f", dev {name.replace('_f1', ' F1')} {value:.4f}" for name, value in score.f1().items()]
    return "".join([f"dev loss {score.loss:.4f}, dev accuracy {score.accuracy:.4f}", *f1])


def open_bar(description: str, total: int, *, initial: int = 0, unit: str) -> Any:
    """A progress bar of tqdm, or None if stderr is no terminal or tqdm is not installed."""
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, initial=initial, unit=unit, desc=description, dynamic_ncols=True)


class CurvesFile(Callback):
    """Writes a CSV file with a row per evaluation and split: step, split, loss, accuracy.

    Runs that count an F1 score of dev have it in a last column, which is empty for train. A resumed run writes the
    evaluations before its start again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._f1: list[str] = []

    def on_start(self, trainer: Trainer) -> None:
        """Open the file; write the header and the evaluations so far."""
        self._file = self._path.open("w", encoding="utf-8", newline="")
        f1 = trainer.data.dev_f1
        self._f1 = [] if f1 is None else [f1.name]
        self._write([(*COLUMNS, *self._f1)])
        for point in trainer.state.points:
            self.on_evaluation(trainer, point)

    def on_evaluation(self, trainer: Trainer, point: EvaluationPoint) -> None:
        """Write the rows of the evaluation."""
        for split, score in (("train", point.train), ("dev", point.dev)):
            counted = score.f1()
            f1 = [f"{counted[name]:.6f}" if name in counted else "" for name in self._f1]
            self._write([(point.step, split, f"{score.loss:.6f}", f"{score.accuracy:.6f}", *f1)])

    def on_end(self, trainer: Trainer) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, rows: Sequence[Sequence[object]]) -> None:
        assert self._file is not None, "the run has not started"
        csv.writer(self._file, lineterminator="\n").writerows(rows)


class TensorBoard(Callback):
    """Writes loss and accuracy of both splits as TensorBoard files into a folder; a resumed run writes all again.

    Raises ResumableError, when the run starts, if tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def on_start(self, trainer: Trainer) -> None:
        """Open the files; write the evaluations so far."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            do = f"{install_extra('tensorboard')}, or unset it"
            raise ResumableError(TENSORBOARD_VARIABLE, "tensorboard is not installed", do=do) from error
        # purge_step 0 hides what an earlier run, stopped or not, left in the folder: all points are written again
        self._writer = SummaryWriter(str(self._folder), purge_step=0)
        for point in trainer.state.points:
            self.on_evaluation(trainer, point)

    def on_evaluation(self, trainer: Trainer, point: EvaluationPoint) -> None:
        """Write the scores."""
        for split, score in (("train", point.train), ("dev", point.dev)):
            self._writer.add_scalar(f"loss/{split}", score.loss, point.step)
            self._writer.add_scalar(f"accuracy/{split}", score.accuracy, point.step)
            for name, value in score.f1().items():
                self._writer.add_scalar(f"{name}/{split}", value, point.step)

    def on_end(self, trainer: Trainer) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()


def tensorboard_from_environment(title: str) -> list[TensorBoard]:
    """The callback that writes into the folder `title` of TEXTRNN_TENSORBOARD; none if the variable is unset."""
    folder = os.environ.get(TENSORBOARD_VARIABLE)
    return [TensorBoard(Path(folder) / title)] if folder else []


class Patience(Callback):
    """Stops a run when its best score on dev is so many steps old."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def on_evaluation(self, trainer: Trainer, point: EvaluationPoint) -> None:
        """Stop if the patience has run out."""
        best = trainer.state.best
        if best is not None and point.step - best.step >= self._steps:
            trainer.stop("patience")


class TimeLimit(Callback):
    """Ends a run after so many seconds of training, those before a stop included; process 0's clock counts."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def on_step_end(self, trainer: Trainer, batch: Selected) -> None:
        """Request the end of the run if the time is over."""
        trainer.requests.out_of_time |= trainer.group.rank == 0 and trainer.state.seconds >= self._seconds


def early_stopping(settings: Train) -> list[Callback]:
    """The callbacks that stop a run early by `patience` and `time_limit_seconds`, for those that are set."""
    patience = [] if settings.patience is None else [Patience(settings.patience)]
    time_limit = [] if settings.time_limit_seconds is None else [TimeLimit(settings.time_limit_seconds)]
    return [*patience, *time_limit]
