"""What a run costs: measured steps and evaluations, times their number; kept in a file."""

import itertools
import time

import pytest

from factories.recipes import TEXTS
from factories.study_projects import tiny_study
from textrnn.study.schedule.costs import WARM_UP_STEPS, StepClock, measure_missing, measure_run, read_costs

SPLITS = {"train": TEXTS, "dev": TEXTS[::3], "test": TEXTS[::2]}


class Run:
    """A trainer that counts how often it is stopped."""

    stopped = 0

    def stop(self, _reason):
        self.stopped += 1


def test_the_clock_leaves_out_the_first_steps(monkeypatch):
    times = itertools.chain([50.0] * WARM_UP_STEPS, itertools.count(52.0, 2.0))
    monkeypatch.setattr(time, "process_time", lambda: next(times))
    clock, run = StepClock(6.0), Run()
    for _ in range(WARM_UP_STEPS + 2):
        clock.on_step_end(run, None)
    assert run.stopped == 0
    clock.on_step_end(run, None)
    assert run.stopped == 1
    assert clock.step_seconds == 2.0


def test_a_run_costs_its_steps_and_its_evaluations(tmp_path, monkeypatch):
    tiny_study(tmp_path, SPLITS)  # 3 epochs of 5 steps, with an evaluation after each step
    monkeypatch.chdir(tmp_path)
    ticks = itertools.count(0.0, 0.5)
    monkeypatch.setattr(time, "process_time", lambda: next(ticks))
    # 15 steps of half a second each; an evaluation takes half a second for 7 rows of dev, and test has 10
    assert measure_run("wide", 1e9) == pytest.approx(15 * 0.5 + 15 * 0.5 + 0.5 * 10 / 7)


def test_what_is_measured_is_not_measured_again(tmp_path, monkeypatch, capsys):
    tiny_study(tmp_path, SPLITS)
    monkeypatch.chdir(tmp_path)
    assert read_costs() == {}
    measure_missing(["wide"])
    assert read_costs().keys() == {"wide"}
    assert capsys.readouterr().out.startswith("wide: ")
    measure_missing(["wide"])
    assert capsys.readouterr().out == ""
