"""`make run`: part of the graph, a line for each stage, a report and a table of what ran, and a lock that survives."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time

import pytest
from ruamel.yaml import YAML

from factories.projects import RECIPE, commit, environment, make_project, run, set_params

pytestmark = pytest.mark.slow

RUN = ("python", "pipeline/run.py")
COMMIT = "git -c user.name=tests -c user.email=tests@localhost commit"
LINE = re.compile(r"^\[ *(\d+)/(\d+)\] (\S+) +(?:\d+ min )?\d+ s left$")


def _entries(project):
    """The entries of the lock by stage, in their order."""
    return YAML(typ="safe").load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A project in a folder whose name has a blank and is not ASCII, in which a recipe was run, and what that said."""
    project = make_project(tmp_path_factory.mktemp("run") / "我的 project")
    said = run(project, *RUN, RECIPE)
    commit(project)
    return project, said.stdout


def test_each_stage_has_a_numbered_line_and_the_plan_is_that_of_dvc(first):
    _, said = first
    lines = [match.groups() for match in map(LINE.match, said.splitlines()) if match]
    assert [int(number) for number, _, _ in lines] == list(range(1, len(lines) + 1))
    assert {int(total) for _, total, _ in lines} == {len(lines)}
    stages = {stage for _, _, stage in lines}
    assert {"check", f"train@{RECIPE}", f"analyze@{RECIPE}", "baseline@names_chars"} < stages
    assert not any(stage.startswith("report") for stage in stages)


def test_it_ends_with_a_table_and_a_report_of_what_ran_and_the_command_for_the_rest(first):
    project, said = first
    table = said[said.index("Test scores on generated corpora of 300 rows") :]
    assert re.findall(r"^│ names \(generated\) +(\S+) ", table, re.M) == [RECIPE]
    assert "news_rnn" not in table
    assert re.search(r"the other \d+ recipes: `source .venv/bin/activate`, then `dvc repro`", table)
    page = (project / "reports" / "run.html").read_text(encoding="utf-8")
    assert set(re.findall(r'id="recipe-(\w+)"', page)) == {RECIPE}


def test_it_says_before_anything_runs_what_fails_in_such_a_path(first):
    assert first[1].startswith("note: the path of this folder is not ASCII: ")


def test_a_second_run_does_nothing_and_from_an_empty_cache_everything_is_as_it_was(first, tmp_path):
    project = shutil.copytree(first[0], tmp_path / "project", symlinks=True)
    assert not any(map(LINE.match, run(project, *RUN, RECIPE).stdout.splitlines()))
    run(project, "git", "clean", "-fdxq")
    shutil.rmtree(project.with_name(f"{project.name}.site"), ignore_errors=True)
    assert any(map(LINE.match, run(project, *RUN, RECIPE).stdout.splitlines()))
    assert run(project, "git", "status", "--porcelain").stdout == ""


def test_the_entries_of_other_stages_stay_in_the_lock(first, tmp_path):
    project = shutil.copytree(first[0], tmp_path / "project", symlinks=True)
    set_params(project, {"train.seed": 2})
    before = _entries(project)
    run(project, *RUN, "names_bigru")
    after = _entries(project)
    assert list(after)[: len(before)] == list(before)
    assert "train@names_bigru" in after
    assert {name: after[name] for name in before if name.endswith(f"@{RECIPE}")} == {
        name: entry for name, entry in before.items() if name.endswith(f"@{RECIPE}")
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_keeps_the_lock_and_goes_on(first, tmp_path, number):
    project = shutil.copytree(first[0], tmp_path / "project", symlinks=True)
    set_params(project, {"recipes.names_gru.train.epochs": 4000, "limits.epochs": None, "train.seed": 3})
    stages = list(_entries(project))
    with subprocess.Popen(
        [*RUN, RECIPE],
        cwd=project,
        env=environment(project, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # it is ignored where pytest has nohup
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if f"train@{RECIPE}" in line and LINE.match(line):
                break
        # the training itself has begun when it prints
        while f"{RECIPE}: batch" not in (project / "logs" / "run.log").read_text(encoding="utf-8"):
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == (130 if number == signal.SIGINT else 143)
    assert "finished stages are kept; the same command continues from there" in said
    assert "Traceback" not in said
    assert list(_entries(project)) == stages
    assert not (project / ".dvc" / "tmp" / "whole_dvc.lock").exists()
    # what DVC keeps can be taken back, the report of a run is none of it
    run(project, "git", "checkout", "-q", ".")
    run(project, "dvc", "checkout", "--allow-missing")


def test_a_cut_lock_is_put_back(first, tmp_path):
    project = shutil.copytree(first[0], tmp_path / "project", symlinks=True)
    lock = project / "dvc.lock"
    whole = lock.read_bytes()
    lock.write_bytes(whole[: whole.index(b"\n    deps:") + 9])
    said = run(project, *RUN, RECIPE).stdout
    assert "dvc.lock was cut off by an interrupt: restored from the last commit" in said
    assert lock.read_bytes() == whole


def test_a_failing_stage_ends_it_with_one_line_and_the_log(first, tmp_path):
    project = shutil.copytree(first[0], tmp_path / "project", symlinks=True)
    set_params(project, {"model.hidden_size": 0})
    done = run(project, *RUN, RECIPE, code=1)
    assert done.stderr.splitlines()[-1].startswith("error: dvc repro: exit status ")
    assert "logs/run.log" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_folder_from_a_zip_file_is_told_what_to_do(first, tmp_path):
    project = shutil.copytree(first[0], tmp_path / "project", symlinks=True)
    shutil.rmtree(project / ".git")
    done = run(project, *RUN, RECIPE, code=1, GIT_CEILING_DIRECTORIES=str(tmp_path))
    (line,) = done.stderr.splitlines()
    assert "DVC needs a git repository of this folder" in line
    run(project, "sh", "-c", line.partition("`")[2].partition("`")[0].replace("git commit", COMMIT))
    assert "Test scores" in run(project, *RUN, RECIPE).stdout
