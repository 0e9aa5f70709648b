"""What a training run writes while it runs: curves, DVCLive, TensorBoard where asked for, and a progress bar."""

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
    """Receives a run's steps and evaluations; a context manager.

    steps, rows: of all epochs. curves: the CSV file to write, a row for each split at each evaluation: step, split,
    loss, accuracy; or None for a journal that writes nothing and, unless it is `verbose`, keeps silent, as another
    process of the run tells all. live: the folder of DVCLive's own files, or None to do without, as where dvclive is
    not installed. state: how far the run is; what it has evaluated is written anew, and its rows count neither for
    the rate nor for the time left. TEXTRNN_TENSORBOARD names a folder for TensorBoard files (needs the extra
    `tensorboard`).
    """

    def __init__(
        self,
        recipe: str,
        steps: int,
        rows: int,
        curves: Path | None,
        live: Path | None,
        state: RunState,
        *,
        verbose: bool = False,
    ) -> None:
        self._recipe, self._steps, self._told = recipe, steps, verbose or curves is not None
        self._board = _open_board(recipe) if curves is not None else None  # first, as it may be refused
        self._file = open(curves or os.devnull, "w", encoding="utf-8", newline="")  # noqa: SIM115
        self._curves = csv.writer(self._file, lineterminator="\n")
        self._curves.writerow(COLUMNS)
        self._live = _open_live(live) if live is not None else None
        self._write(state.points)
        self._bar = _open_bar(recipe, rows, state.rows) if self._told else None
        self._started, self._rows, self._left = time.perf_counter(), 0, rows - state.rows

    def __enter__(self) -> RunLogger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._file.close()
        for sink in (self._bar, self._board):
            if sink is not None:
                sink.close()
        if self._live is not None:
            self._live.end()

    def on_step(self, step: int, rows: int) -> None:
        self._rows += rows
        self._left -= rows
        if self._bar is not None:
            self._bar.update(rows)

    def report(self, point: EvaluationPoint) -> None:
        """One evaluation, to every place."""
        self._write([point])
        if self._bar is not None:
            self._bar.set_postfix_str(f"dev loss {point.dev.loss:.4f}, dev accuracy {point.dev.accuracy:.4f}")
        elif self._told:
            self._print(point)

    def rows_per_second(self) -> float:
        """Of the rows trained on since the journal was opened; evaluations take of the time too."""
        return self._rows / max(time.perf_counter() - self._started, 1e-9)

    def _print(self, point: EvaluationPoint) -> None:
        line = f"{self._recipe}: batch {point.step}/{self._steps}, epoch {point.epoch:.2f}, "
        line += (
            f"train loss {point.train.loss:.4f}, dev loss {point.dev.loss:.4f}, dev accuracy {point.dev.accuracy:.4f}"
        )
        minutes = self._left / max(self.rows_per_second(), 1e-9) / 60
        print(f"{line}, {self.rows_per_second():.0f} rows/s, {minutes:.1f} min left", flush=True)

    def _write(self, points: Sequence[EvaluationPoint]) -> None:
        for point in points:
            if self._live is not None:
                self._live.step = point.step  # first: what is logged takes the step that stands
            for split, score in (("train", point.train), ("dev", point.dev)):
                self._curves.writerow((point.step, split, f"{score.loss:.6f}", f"{score.accuracy:.6f}"))
                for name, value in (("loss", score.loss), ("accuracy", score.accuracy)):
                    if self._live is not None:
                        self._live.log_metric(f"{split}/{name}", round(value, 6))
                    if self._board is not None:
                        self._board.add_scalar(f"{name}/{split}", value, point.step)
        if self._live is not None and points:
            self._live.make_summary()


def _open_live(folder: Path) -> Any:
    try:
        from dvclive import Live
    except ImportError:
        return None
    # no experiment of its own and no dvc.yaml: the stage has both
    return Live(str(folder), dvcyaml=False, save_dvc_exp=False, monitor_system=False, report=None)


def _open_board(recipe: str) -> Any:
    folder = os.environ.get("TEXTRNN_TENSORBOARD")
    if not folder:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        do = "pip install -c constraints.txt -e '.[tensorboard]', or unset it"
        raise ResumableError("TEXTRNN_TENSORBOARD", "tensorboard is not installed", do=do) from error
    # what an earlier run, stopped or not, has left in the folder is hidden: all points are written anew
    return SummaryWriter(str(Path(folder) / recipe), purge_step=0)


def _open_bar(recipe: str, rows: int, done: int) -> Any:
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=rows, initial=done, unit=" rows", desc=f"train {recipe}", dynamic_ncols=True)
