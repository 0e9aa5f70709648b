"""What the callbacks of a run show and write, and what they write again when it is resumed."""

import contextlib
import os
import sys
import types

import pytest

from textrnn.errors import UserError
from textrnn.modeling.models.running_metrics import Score
from textrnn.training.trainer import callbacks as module
from textrnn.training.trainer.callbacks import (
    CurvesFile,
    Progress,
    TensorBoard,
    early_stopping,
    tensorboard_from_environment,
)
from textrnn.training.trainer.run_state import EvaluationPoint, RunState


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.delenv("TEXTRNN_TENSORBOARD", raising=False)
    # so that stderr is no terminal, wherever pytest runs
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)


class Writer:
    """A fake SummaryWriter of torch.utils.tensorboard."""

    instances: list["Writer"] = []  # noqa: RUF012

    def __init__(self, folder, purge_step):
        assert purge_step == 0  # hides what a stopped run left there
        self.folder, self.scalars, self.closed = folder, [], False
        self.instances.append(self)

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def close(self):
        self.closed = True


@pytest.fixture
def writers(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    monkeypatch.setattr(Writer, "instances", [])
    return Writer.instances


POINTS = [EvaluationPoint(at, at / 4, Score(1 / at, 0.25), Score(2 / at, 0.75)) for at in (2, 4)]


HEADER = "step,split,loss,accuracy"
LINES = ["2,train,0.500000,0.250000", "2,dev,1.000000,0.750000", "4,train,0.250000,0.250000", "4,dev,0.500000,0.750000"]


def trainer_at(**state):
    """The trainer of a run of 8 steps of 10 rows, as far as callbacks read it."""
    data = types.SimpleNamespace(dev_f1=None)
    return types.SimpleNamespace(state=RunState(**state), total_steps=8, total_rows=80, data=data)


@contextlib.contextmanager
def started(callback, trainer):
    callback.on_start(trainer)
    try:
        yield callback
    finally:
        callback.on_end(trainer)


def step(callback, trainer, rows=10):
    """A step of so many rows."""
    trainer.state.step += 1
    trainer.state.rows += rows
    callback.on_step_end(trainer, range(rows))


def lines(folder):
    return (folder / "curves.csv").read_text(encoding="utf-8").splitlines()


def test_tensorboard_gets_every_score(tmp_path, monkeypatch, writers):
    assert tensorboard_from_environment("tiny") == []
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path))
    (callback,) = tensorboard_from_environment("tiny")
    with started(callback, trainer_at()):
        callback.on_evaluation(trainer_at(), POINTS[0])
    (board,) = writers
    assert board.folder == str(tmp_path / "tiny")
    scores = [("loss/train", 0.5), ("accuracy/train", 0.25), ("loss/dev", 1.0), ("accuracy/dev", 0.75)]
    assert board.scalars == [(name, value, 2) for name, value in scores]
    assert board.closed


def test_an_f1_score_of_dev_is_shown_and_written(tmp_path, capsys, monkeypatch, writers):
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path))
    trainer = trainer_at()
    trainer.data.dev_f1 = types.SimpleNamespace(name="entity_f1")
    point = EvaluationPoint(2, 0.5, Score(0.5, 0.25), Score(1.0, 0.75, entity_f1=0.625))
    (board,) = tensorboard_from_environment("tiny")
    for callback in (CurvesFile(tmp_path / "curves.csv"), Progress("tiny", verbose=True), board):
        with started(callback, trainer):
            callback.on_evaluation(trainer, point)
    wanted = [f"{HEADER},entity_f1", "2,train,0.500000,0.250000,", "2,dev,1.000000,0.750000,0.625000"]
    assert lines(tmp_path) == wanted
    assert ", dev loss 1.0000, dev accuracy 0.7500, dev entity F1 0.6250, " in capsys.readouterr().out
    assert ("entity_f1/dev", 0.625, 2) in writers[0].scalars
    assert "entity_f1/train" not in [name for name, *_ in writers[0].scalars]


def test_curves_are_written_also_when_training_fails(tmp_path):
    def failing():
        with started(CurvesFile(tmp_path / "curves.csv"), trainer_at()) as curves:
            curves.on_evaluation(trainer_at(), POINTS[0])
            raise UserError("training", "the loss is no longer finite")

    with pytest.raises(UserError, match="no longer finite"):
        failing()
    assert lines(tmp_path) == [HEADER, *LINES[:2]]


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(module.time, "perf_counter", lambda: self.now)


def test_evaluations_of_a_stopped_run_are_written_again_but_not_printed_again(tmp_path, capsys, writers):
    trainer = trainer_at(step=3, rows=30, points=POINTS[:1])
    for callback in (CurvesFile(tmp_path / "curves.csv"), TensorBoard(tmp_path), Progress("tiny", verbose=True)):
        with started(callback, trainer):
            callback.on_evaluation(trainer, POINTS[1])
    assert lines(tmp_path) == [HEADER, *LINES]
    assert [step for *_, step in writers[0].scalars] == [2] * 4 + [4] * 4
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("tiny: batch 4/8, epoch 1.00, train loss 0.2500, dev loss 0.5000, dev accuracy 0.7500, ")


def test_throughput_and_time_left_do_not_count_earlier_rows(capsys, monkeypatch):
    clock, trainer = Clock(monkeypatch), trainer_at(step=5, rows=50)
    with started(Progress("tiny", verbose=True), trainer) as progress:
        step(progress, trainer)
        clock.now += 20  # 10 rows in 20 seconds; 20 rows are left
        progress.on_evaluation(trainer, POINTS[0])
        assert progress.rows_per_second() == 0.5
    assert capsys.readouterr().out.endswith(", 0 rows/s, 0.7 min left\n")


class Bar:
    """A fake progress bar of tqdm."""

    instances: list["Bar"] = []  # noqa: RUF012

    def __init__(self, **options):
        self.options, self.updates, self.postfix, self.closed = options, [], "", False
        self.instances.append(self)

    def update(self, rows):
        self.updates.append(rows)

    def set_postfix_str(self, text):
        self.postfix = text

    def close(self):
        self.closed = True


def test_the_progress_bar_counts_rows(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setattr(Bar, "instances", [])
    trainer = trainer_at(step=5, rows=50)
    with started(Progress("tiny", verbose=True), trainer) as progress:
        step(progress, trainer)
        step(progress, trainer, 7)
        progress.on_evaluation(trainer, POINTS[0])
    (bar,) = Bar.instances
    options = {"total": 80, "initial": 50, "unit": " rows", "desc": "train tiny", "dynamic_ncols": True}
    assert bar.options == options
    assert (bar.updates, bar.postfix, bar.closed) == ([10, 7], "dev loss 1.0000, dev accuracy 0.7500", True)
    assert capsys.readouterr().out == ""


def test_progress_that_is_not_verbose_is_silent(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setattr(Bar, "instances", [])
    trainer = trainer_at()
    with started(Progress("tiny", verbose=False), trainer) as progress:
        step(progress, trainer)
        progress.on_evaluation(trainer, POINTS[0])
    assert capsys.readouterr() == ("", "")
    assert os.listdir(tmp_path) == []
    assert Bar.instances == []


def test_early_stopping_has_only_what_is_set():
    options = types.SimpleNamespace(patience=None, time_limit_seconds=None)
    assert early_stopping(options) == []
    options.patience = 1
    assert [type(each).__name__ for each in early_stopping(options)] == ["Patience"]
    options.time_limit_seconds = 2.0
    assert [type(each).__name__ for each in early_stopping(options)] == ["Patience", "TimeLimit"]
