"""What a run writes while it runs, and what it writes anew when it goes on after a stop."""

import json
import os
import sys
import types

import pytest

from textrnn.errors import UserError
from textrnn.modeling.models.loss import Score
from textrnn.training.trainer import logger as module
from textrnn.training.trainer.logger import RunLogger
from textrnn.training.trainer.run_state import EvaluationPoint, RunState


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch):
    monkeypatch.delenv("TEXTRNN_TENSORBOARD", raising=False)
    # stderr is then no terminal, whatever pytest was started from
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)


class Writer:
    """What torch.utils.tensorboard has, as far as it is used."""

    made: list["Writer"] = []  # noqa: RUF012

    def __init__(self, folder, purge_step):
        assert purge_step == 0  # what a stopped run left there is hidden
        self.folder, self.scalars, self.closed = folder, [], False
        self.made.append(self)

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def close(self):
        self.closed = True


POINTS = [EvaluationPoint(at, at / 4, Score(1 / at, 0.25), Score(2 / at, 0.75)) for at in (2, 4)]


HEADER = "step,split,loss,accuracy"
LINES = ["2,train,0.500000,0.250000", "2,dev,1.000000,0.750000", "4,train,0.250000,0.250000", "4,dev,0.500000,0.750000"]


def opened(folder, state=None, live=None):
    """The journal of a run of 8 steps of 10 rows."""
    return RunLogger("tiny", 8, 80, folder / "curves.csv", live, state or RunState())


def lines(folder):
    return (folder / "curves.csv").read_text(encoding="utf-8").splitlines()


def test_tensorboard_gets_every_score(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    monkeypatch.setattr(Writer, "made", [])
    with opened(tmp_path) as journal:
        journal.report(POINTS[0])
    (board,) = Writer.made
    assert board.folder == str(tmp_path / "tiny")
    scores = [("loss/train", 0.5), ("accuracy/train", 0.25), ("loss/dev", 1.0), ("accuracy/dev", 0.75)]
    assert board.scalars == [(name, value, 2) for name, value in scores]
    assert board.closed


def test_curves_are_written_also_when_training_fails(tmp_path):
    def failing():
        with opened(tmp_path) as journal:
            journal.report(POINTS[0])
            raise UserError("training", "the loss is no number any more")

    with pytest.raises(UserError, match="no number"):
        failing()
    assert lines(tmp_path) == [HEADER, *LINES[:2]]


def test_dvclive_files_have_the_steps_of_the_evaluations(tmp_path, monkeypatch):
    pytest.importorskip("dvclive")
    monkeypatch.chdir(tmp_path)
    with opened(tmp_path, live=tmp_path / "live") as journal:
        for point in POINTS:
            journal.report(point)
    written = (tmp_path / "live" / "plots" / "metrics" / "dev" / "loss.tsv").read_text(encoding="utf-8")
    assert [line.split("\t") for line in written.splitlines()] == [["step", "loss"], ["2", "1.0"], ["4", "0.5"]]
    summary = json.loads((tmp_path / "live" / "metrics.json").read_text(encoding="utf-8"))
    assert summary["step"] == 4
    assert summary["train"] == {"loss": 0.25, "accuracy": 0.25}


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(module.time, "perf_counter", lambda: self.now)


def test_what_a_stopped_run_has_evaluated_is_written_anew_and_not_told_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    monkeypatch.setattr(Writer, "made", [])
    with opened(tmp_path, RunState(step=3, rows=30, points=POINTS[:1])) as journal:
        journal.on_step(4, 10)
        journal.report(POINTS[1])
    assert lines(tmp_path) == [HEADER, *LINES]
    assert [step for *_, step in Writer.made[0].scalars] == [2] * 4 + [4] * 4
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("tiny: batch 4/8, epoch 1.00, train loss 0.2500, dev loss 0.5000, dev accuracy 0.7500, ")


def test_neither_rate_nor_time_left_count_what_was_done_earlier(tmp_path, capsys, monkeypatch):
    clock = Clock(monkeypatch)
    with opened(tmp_path, RunState(step=5, rows=50)) as journal:
        journal.on_step(6, 10)
        clock.now += 20  # 10 rows in 20 seconds, 20 rows are left
        journal.report(POINTS[0])
        assert journal.rows_per_second() == 0.5
    assert capsys.readouterr().out.endswith(", 0 rows/s, 0.7 min left\n")


class Bar:
    """What tqdm has, as far as it is used."""

    made: list["Bar"] = []  # noqa: RUF012

    def __init__(self, **options):
        self.options, self.moves, self.said, self.closed = options, [], "", False
        self.made.append(self)

    def update(self, rows):
        self.moves.append(rows)

    def set_postfix_str(self, text):
        self.said = text

    def close(self):
        self.closed = True


def test_the_progress_bar_is_in_rows(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    with opened(tmp_path, RunState(step=5, rows=50)) as journal:
        journal.on_step(6, 10)
        journal.on_step(7, 7)
        journal.report(POINTS[0])
    (bar,) = Bar.made
    options = {"total": 80, "initial": 50, "unit": " rows", "desc": "train tiny", "dynamic_ncols": True}
    assert bar.options == options
    assert (bar.moves, bar.said, bar.closed) == ([10, 7], "dev loss 1.0000, dev accuracy 0.7500", True)
    assert capsys.readouterr().out == ""


def test_a_journal_without_curves_keeps_silent(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setenv("TEXTRNN_TENSORBOARD", str(tmp_path / "board"))
    with RunLogger("tiny", 8, 80, None, None, RunState()) as journal:
        journal.on_step(1, 10)
        journal.report(POINTS[0])
    assert capsys.readouterr() == ("", "")
    assert os.listdir(tmp_path) == []
