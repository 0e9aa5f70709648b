"""The script study_plan: what is left to run, and options that do not fit together."""

import re
import shutil

import pytest

from factories.imports import ROOT
from textrnn.errors import UserError


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


def test_again_is_for_runs(plan):
    with pytest.raises(UserError, match="--again: repeats the runs of --run only"):
        plan("--again")
