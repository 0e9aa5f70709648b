"""What a training run writes while it runs: curves, DVCLive, TensorBoard where asked for, and a progress bar."""

from __future__ import annotations

import csv
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from textrnn.errors import UserError
from textrnn.training import Evaluation

COLUMNS = ("step", "split", "loss", "accuracy")


class Journal:
    """Receives a run's steps and evaluations; a context manager.

    curves: the CSV file to write, a row for each split at each evaluation: step, split, loss, accuracy.
    live: the folder of DVCLive's own files, or None to do without, as where dvclive is not installed.
    TEXTRNN_TENSORBOARD names a folder for TensorBoard files (needs the extra `tensorboard`).
    """

    def __init__(self, recipe: str, steps: int, batch_size: int, curves: Path, live: Path | None) -> None:
        self._recipe, self._steps, self._batch_size = recipe, steps, batch_size
        self._board = _open_board(recipe)  # first, as it may be refused
        self._file = curves.open("w", encoding="utf-8", newline="")
        self._curves = csv.writer(self._file, lineterminator="\n")
        self._curves.writerow(COLUMNS)
        self._live = _open_live(live) if live is not None else None
        self._bar = _open_bar(recipe, steps)
        self._started = time.perf_counter()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._file.close()
        for sink in (self._bar, self._board):
            if sink is not None:
                sink.close()
        if self._live is not None:
            self._live.end()

    def on_step(self, step: int) -> None:
        if self._bar is not None:
            self._bar.update(1)

    def report(self, point: Evaluation) -> None:
        """One evaluation, to every place."""
        if self._live is not None:
            self._live.step = point.step  # first: what is logged takes the step that stands
        for split, score in (("train", point.train), ("dev", point.dev)):
            self._curves.writerow((point.step, split, f"{score.loss:.6f}", f"{score.accuracy:.6f}"))
            for name, value in (("loss", score.loss), ("accuracy", score.accuracy)):
                if self._live is not None:
                    self._live.log_metric(f"{split}/{name}", round(value, 6))
                if self._board is not None:
                    self._board.add_scalar(f"{name}/{split}", value, point.step)
        if self._live is not None:
            self._live.make_summary()
        rate = point.step * self._batch_size / (time.perf_counter() - self._started)
        line = f"{self._recipe}: batch {point.step}/{self._steps}, epoch {point.epoch:.2f}, "
        line += (
            f"train loss {point.train.loss:.4f}, dev loss {point.dev.loss:.4f}, dev accuracy {point.dev.accuracy:.4f}"
        )
        if self._bar is not None:
            self._bar.set_postfix_str(f"dev loss {point.dev.loss:.4f}, dev accuracy {point.dev.accuracy:.4f}")
        else:
            print(f"{line}, {rate:.0f} rows/s", flush=True)


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
        raise UserError("TEXTRNN_TENSORBOARD", "tensorboard is not installed", do=do) from error
    return SummaryWriter(str(Path(folder) / recipe))


def _open_bar(recipe: str, steps: int) -> Any:
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=steps, unit="batch", desc=f"train {recipe}", dynamic_ncols=True)
