"""What a run logs while it runs, and what it writes again when it is resumed."""

import json
import os
import sys
import types

import pytest

from textrnn.errors import UserError
from textrnn.modeling.models.running_metrics import Score
from textrnn.training.trainer import logger as logger_module
from textrnn.training.trainer.logger import RunLogger
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


POINTS = [EvaluationPoint(at, at / 4, Score(1 / at, 0.25), Score(2 / at, 0.75)) for at in (2, 4)]


HEADER = "step,split,loss,accuracy"
LINES = ["2,train,0.500000,0.250000", "2,dev,1.000000,0.750000", "4,train,0.250000,0.250000", "4,dev,0.500000,0.750000"]


def open_logger(folder, state=None, dvclive_folder=None):
    """The logger of a run of 8 steps of 10 rows."""
    return RunLogger("tiny", 8, 80, folder / "curves.csv", dvclive_folder, state or RunState())


def lines(folder):
    return (folder / "curves.csv").read_text(encoding="utf-8").splitlines()


def test_tensorboard_gets_every_score(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    monkeypatch.setattr(Writer, "instances", [])
    with open_logger(tmp_path) as logger:
        logger.on_evaluation(POINTS[0])
    (board,) = Writer.instances
    assert board.folder == str(tmp_path / "tiny")
    scores = [("loss/train", 0.5), ("accuracy/train", 0.25), ("loss/dev", 1.0), ("accuracy/dev", 0.75)]
    assert board.scalars == [(name, value, 2) for name, value in scores]
    assert board.closed


def test_curves_are_written_also_when_training_fails(tmp_path):
    def failing():
        with open_logger(tmp_path) as logger:
            logger.on_evaluation(POINTS[0])
            raise UserError("training", "the loss is no longer finite")

    with pytest.raises(UserError, match="no longer finite"):
        failing()
    assert lines(tmp_path) == [HEADER, *LINES[:2]]


def test_dvclive_files_have_the_steps_of_the_evaluations(tmp_path, monkeypatch):
    pytest.importorskip("dvclive")
    monkeypatch.chdir(tmp_path)
    with open_logger(tmp_path, dvclive_folder=tmp_path / "live") as logger:
        for point in POINTS:
            logger.on_evaluation(point)
    written = (tmp_path / "live" / "plots" / "metrics" / "dev" / "loss.tsv").read_text(encoding="utf-8")
    assert [line.split("\t") for line in written.splitlines()] == [["step", "loss"], ["2", "1.0"], ["4", "0.5"]]
    summary = json.loads((tmp_path / "live" / "metrics.json").read_text(encoding="utf-8"))
    assert summary["step"] == 4
    assert summary["train"] == {"loss": 0.25, "accuracy": 0.25}


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(logger_module.time, "perf_counter", lambda: self.now)


def test_evaluations_of_a_stopped_run_are_written_again_but_not_printed_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    monkeypatch.setattr(Writer, "instances", [])
    with open_logger(tmp_path, RunState(step=3, rows=30, points=POINTS[:1])) as logger:
        logger.on_step(4, 10)
        logger.on_evaluation(POINTS[1])
    assert lines(tmp_path) == [HEADER, *LINES]
    assert [step for *_, step in Writer.instances[0].scalars] == [2] * 4 + [4] * 4
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("tiny: batch 4/8, epoch 1.00, train loss 0.2500, dev loss 0.5000, dev accuracy 0.7500, ")


def test_throughput_and_time_left_do_not_count_earlier_rows(tmp_path, capsys, monkeypatch):
    clock = Clock(monkeypatch)
    with open_logger(tmp_path, RunState(step=5, rows=50)) as logger:
        logger.on_step(6, 10)
        clock.now += 20  # 10 rows in 20 seconds; 20 rows are left
        logger.on_evaluation(POINTS[0])
        assert logger.rows_per_second() == 0.5
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


def test_the_progress_bar_counts_rows(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    with open_logger(tmp_path, RunState(step=5, rows=50)) as logger:
        logger.on_step(6, 10)
        logger.on_step(7, 7)
        logger.on_evaluation(POINTS[0])
    (bar,) = Bar.instances
    options = {"total": 80, "initial": 50, "unit": " rows", "desc": "train tiny", "dynamic_ncols": True}
    assert bar.options == options
    assert (bar.updates, bar.postfix, bar.closed) == ([10, 7], "dev loss 1.0000, dev accuracy 0.7500", True)
    assert capsys.readouterr().out == ""


def test_a_logger_without_curves_is_silent(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path / "board"))
    with RunLogger("tiny", 8, 80, None, None, RunState()) as logger:
        logger.on_step(1, 10)
        logger.on_evaluation(POINTS[0])
    assert capsys.readouterr() == ("", "")
    assert os.listdir(tmp_path) == []
