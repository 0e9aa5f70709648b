"""Log a training run while it runs: curves, DVCLive, TensorBoard if asked for, and a progress bar."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from textrnn.errors import ResumableError
from textrnn.training.trainer.run_state import EvaluationPoint, RunState

COLUMNS = ("step", "split", "loss", "accuracy")


class RunLogger:
    """Receives a run's steps and evaluations and logs them; a context manager.

    steps, rows: totals over all epochs. curves_file: the CSV file to write, with one row per evaluation and split
    (step, split, loss, accuracy). Without it the logger writes no file, and prints only if it is `verbose`: another
    process of the run logs everything. dvclive_folder: for DVCLive's own files, or None; it is skipped if dvclive is
    not installed. state: the progress so far. Its evaluations are written again; its rows count neither for the
    throughput nor for the time left. TEXTRNN_TENSORBOARD names a folder for TensorBoard files.
    Raises ResumableError if that variable is set and tensorboard is not installed.
    """

    def __init__(
        self,
        title: str,
        steps: int,
        rows: int,
        curves_file: Path | None,
        dvclive_folder: Path | None,
        state: RunState,
        *,
        verbose: bool = False,
    ) -> None:
        self._title, self._steps, self._verbose = title, steps, verbose or curves_file is not None
        self._tensorboard = _open_tensorboard(title) if curves_file is not None else None  # first, as it may be refused
        self._file = open(curves_file or os.devnull, "w", encoding="utf-8", newline="")  # noqa: SIM115
        self._curves = csv.writer(self._file, lineterminator="\n")
        self._curves.writerow(COLUMNS)
        self._live = _open_live(dvclive_folder) if dvclive_folder is not None else None
        self._write(state.points)
        self._bar = _open_bar(title, rows, state.rows) if self._verbose else None
        self._started, self._rows, self._rows_left = time.perf_counter(), 0, rows - state.rows

    def __enter__(self) -> RunLogger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._file.close()
        for sink in (self._bar, self._tensorboard):
            if sink is not None:
                sink.close()
        if self._live is not None:
            self._live.end()

    def on_step(self, step: int, rows: int) -> None:
        """Count the rows of one step."""
        self._rows += rows
        self._rows_left -= rows
        if self._bar is not None:
            self._bar.update(rows)

    def on_evaluation(self, point: EvaluationPoint) -> None:
        """Log one evaluation to every sink."""
        self._write([point])
        if self._bar is not None:
            self._bar.set_postfix_str(f"dev loss {point.dev.loss:.4f}, dev accuracy {point.dev.accuracy:.4f}")
        elif self._verbose:
            self._print(point)

    def rows_per_second(self) -> float:
        """The throughput of training since the logger was created, with the time of evaluations included."""
        return self._rows / max(time.perf_counter() - self._started, 1e-9)

    def _print(self, point: EvaluationPoint) -> None:
        line = f"{self._title}: batch {point.step}/{self._steps}, epoch {point.epoch:.2f}, "
        line += f"train loss {point.train.loss:.4f}, dev loss {point.dev.loss:.4f}, "
        line += f"dev accuracy {point.dev.accuracy:.4f}"
        minutes = self._rows_left / max(self.rows_per_second(), 1e-9) / 60
        print(f"{line}, {self.rows_per_second():.0f} rows/s, {minutes:.1f} min left", flush=True)

    def _write(self, points: Sequence[EvaluationPoint]) -> None:
        for point in points:
            if self._live is not None:
                self._live.step = point.step  # first: DVCLive logs a metric at its current step
            for split, score in (("train", point.train), ("dev", point.dev)):
                self._curves.writerow((point.step, split, f"{score.loss:.6f}", f"{score.accuracy:.6f}"))
                for name, value in (("loss", score.loss), ("accuracy", score.accuracy)):
                    if self._live is not None:
                        self._live.log_metric(f"{split}/{name}", round(value, 6))
                    if self._tensorboard is not None:
                        self._tensorboard.add_scalar(f"{name}/{split}", value, point.step)
        if self._live is not None and points:
            self._live.make_summary()


def _open_live(folder: Path) -> Any:
    try:
        from dvclive import Live
    except ImportError:
        return None
    # no DVC experiment and no dvc.yaml: the stage has both
    return Live(str(folder), dvcyaml=False, save_dvc_exp=False, monitor_system=False, report=None)


def _open_tensorboard(title: str) -> Any:
    folder = os.environ.get("TEXTRNN_TENSORBOARD")
    if not folder:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        do = "pip install -c constraints.txt -e '.[tensorboard]', or unset it"
        raise ResumableError("TEXTRNN_TENSORBOARD", "tensorboard is not installed", do=do) from error
    # purge_step 0 hides what an earlier run, stopped or not, left in the folder: all points are written again
    return SummaryWriter(str(Path(folder) / title), purge_step=0)


def _open_bar(title: str, rows: int, done: int) -> Any:
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=rows, initial=done, unit=" rows", desc=f"train {title}", dynamic_ncols=True)
