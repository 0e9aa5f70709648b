"""The sweep of kills: what a hundred of them hit, and its last figures as the page on reliability shows them."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from factories.kill_record import MARKS, PAGE, read, record, render
from factories.kill_sweep import SIGNALS, VICTIMS, Figures, is_cut, plan
from textrnn.project.runner.lock_file import HEAD, LockFile

FIGURES = Figures(
    Counter(SIGKILL=2, SIGINT=1), Counter(stage=2, lock=1), Counter({"train": 2, "between stages": 1}), 1, 0, 4, 1, 90
)
A, B = (
    f"  {name}:\n    cmd: x\n    outs:\n    - path: {name}\n      hash: md5\n      md5: {name * 32}\n      size: 1\n"
    for name in "ab"
)
TABLE = """\
| | |
|---|---|
| kills | 3 in 4 runs of `names_gru` and `ner_gru`, seed 5 |
| by signal | SIGKILL 2, SIGINT 1 |
| by what was hit | the process of a stage 2, DVC while it writes `dvc.lock` 1 |
| by what ran then | `train` 2, between stages 1 |
| kills that did not end the run | 0 |
| `dvc.lock` cut, and put back by the next run | 1 |
| times all stages came to their end | 1 |
| files compared with an undisturbed run | 90 |
| files that differ | 0 |
"""


def test_a_sweep_hits_everything_by_every_signal_and_is_the_same_each_time():
    kills = plan(100, 21)
    assert kills == plan(100, 21) != plan(100, 22)
    assert {kill.victim for kill in kills} == VICTIMS.keys()
    assert {kill.signal for kill in kills} == set(SIGNALS)
    for victim in VICTIMS.keys() - {"lock"}:
        assert {kill.signal for kill in kills if kill.victim == victim} == set(SIGNALS)
    assert all(0 <= kill.moment < 1 for kill in kills)


@pytest.mark.parametrize(
    ("text", "cut"),
    [(HEAD + A + B, False), (HEAD + A, True), (HEAD + A + B[:-1], True), (HEAD + A + "  b:\n    cmd: b\n", True)],
)
def test_a_cut_at_a_line_end_counts(tmp_path, text, cut):
    sound = LockFile(tmp_path).sound
    sound.parent.mkdir(parents=True)
    sound.write_text(f"# commit\n{HEAD}{A}{B}", encoding="utf-8")
    assert not is_cut(tmp_path)  # DVC begins without one
    (tmp_path / "dvc.lock").write_text(text, encoding="utf-8")
    assert is_cut(tmp_path) == cut


def test_figures_are_recorded_and_shown_in_the_page(tmp_path):
    path, page = tmp_path / "a.json", tmp_path / "a.md"
    page.write_text(f"before\n{MARKS[0]}old\n{MARKS[1]}after\n", encoding="utf-8")
    for _ in range(2):
        record(FIGURES, 5, 1.4, path, page)
        assert page.read_text(encoding="utf-8") == f"before\n{MARKS[0]}{TABLE}{MARKS[1]}after\n"
    assert json.loads(path.read_text(encoding="utf-8"))["minutes"] == 1


def test_the_committed_page_shows_the_committed_figures():
    values, page = read(), PAGE.read_text(encoding="utf-8")
    assert render(values, page) == page
    if values is not None:
        assert values["different"] == []
        for kind in ("signals", "victims", "stages"):
            assert sum(values[kind].values()) == values["kills"], kind


@pytest.mark.parametrize("mark", MARKS)
def test_the_page_has_each_mark_once(mark):
    assert PAGE.read_text(encoding="utf-8").count(mark) == 1
