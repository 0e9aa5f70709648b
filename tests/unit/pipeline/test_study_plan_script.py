"""The script study_plan: what is left to run, and options that do not fit together."""

import re
import shutil
from types import SimpleNamespace

import pytest

from factories.imports import ROOT
from textrnn.errors import UserError
from textrnn.study.schedule import run_claims


@pytest.fixture
def plan(tmp_path, monkeypatch, import_stage, capsys):
    """A function that runs the script with options in a copy of the study without records; the lines it prints."""
    (tmp_path / "study" / "records").mkdir(parents=True)
    for name in ("params.yaml", "study/params.yaml", "study/costs.json"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)

    def run(*options):
        monkeypatch.setattr("sys.argv", ["study_plan.py", *options])
        import_stage("study_plan").main()
        return capsys.readouterr().out.splitlines()

    return run


def test_runs_with_a_record_are_not_in_the_hours_that_are_left(plan, tmp_path):
    before = next(line for line in plan() if "half_text" in line)
    assert re.search(r"half_text: 5 runs, 0\.\d\d h$", before)
    for seed in range(1, 6):
        (tmp_path / "study" / "records" / f"rnn_b256_p16-{seed}.json").touch()
    assert "half_text: no runs of its own" in next(line for line in plan() if "half_text" in line)


@pytest.mark.parametrize("options", [(), ("--again",)])
def test_claims_are_run_in_the_order_that_is_printed(plan, tmp_path, monkeypatch, options):
    (tmp_path / "study" / "records" / "rnn_b256_p16-1.json").touch()
    made = []

    def record(command, **_):
        names = [word.partition("study_run@")[2].rpartition("-") for word in command if "study_run@" in word]
        made.append([(variant, int(seed)) for variant, _, seed in names])
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(run_claims.subprocess, "run", record)
    with pytest.raises(SystemExit) as ended:
        plan("--run", "half_text", "batch_256", *options)
    assert ended.value.code == 0
    _, first, second = made  # after the comparison of cells
    assert first == [("rnn_b256_p16", seed) for seed in range(1, 6)]
    # runs of both claims are not repeated twice; without --again DVC skips those that are there
    others = [("rnn_b64_p16", seed) for seed in range(1, 6)]
    assert second == (others if options else first + others)


def test_again_is_for_runs(plan):
    with pytest.raises(UserError, match="--again: repeats the runs of --run only"):
        plan("--again")
