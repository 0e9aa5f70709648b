"""What CI runs: params that exist, targets that exist, and between them the whole of it on every version of Python."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from ruamel.yaml import YAML

from factories.imports import ROOT
from textrnn.common.params.params_file import read_params

GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: YAML(typ="safe").load(path) for path in sorted((GITHUB / "workflows").glob("*.yml"))}
JOBS = {f"{name}.{job}": spec for name, workflow in WORKFLOWS.items() for job, spec in workflow["jobs"].items()}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"(?m)^([a-z-]+):(?!=)", MAKEFILE))


def runs_of(*jobs: str) -> list[str]:
    return [step["run"] for job in jobs for step in JOBS[job]["steps"] if "run" in step]


def local_parts() -> list[str]:
    """The targets of .ci/run, in order."""
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    return re.findall(r"(?m)^(?:python \S+ \|\| )?part (\S+)$", text)


def test_the_overrides_of_ci_name_params_that_exist():
    params = read_params(ROOT / "params.yaml")
    lines = (ROOT / ".ci" / "overrides").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        dotted, _, value = line.partition("=")
        at = params
        for key in dotted.split("."):
            assert key in at, dotted
            at = at[key]
        assert type(at) is type(YAML(typ="safe").load(value)), dotted


def test_all_workflows_are_known():
    assert list(JOBS) == ["ci.lint", "ci.unit", "ci.pipeline", "ci.graph", "nightly.everything", "nightly.kills"]
    assert set(WORKFLOWS["ci"]["on"]) == {"push", "pull_request"}
    assert set(WORKFLOWS["nightly"]["on"]) == {"schedule", "workflow_dispatch"}


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_workflow_may_only_read(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    assert [job for job in workflow["jobs"].values() if "permissions" in job] == []


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_job_sets_up_and_runs_targets_of_make(job):
    assert 0 < job["timeout-minutes"] <= 90
    checkout, setup, *rest = job["steps"]
    assert re.fullmatch(r"actions/checkout@v\d+", checkout["uses"])
    assert setup["uses"] == "./.github/actions/setup"
    assert (ROOT / setup["uses"] / "action.yml").is_file()
    runs = [step for step in rest if "uses" not in step]
    assert runs
    assert rest[: len(runs)] == runs
    for step in runs:
        assert step.keys() == {"run"}
        make, target, *variables = step["run"].split()
        assert make == "make"
        assert target in TARGETS
        assert [each for each in variables if f"$({each.partition('=')[0]})" not in MAKEFILE] == []


def test_only_the_sweep_of_kills_keeps_something_and_only_if_it_fails():
    """What its runs have said, without which a failure at a random moment cannot be explained."""
    kept = {name: job["steps"][2:] for name, job in JOBS.items()}
    found = {name: step for name, steps in kept.items() for step in steps if "uses" in step}
    (step,) = found.values()
    assert found.keys() == {"nightly.kills"}
    assert re.fullmatch(r"actions/upload-artifact@v\d+", step["uses"])
    assert step["if"] == "failure()"
    assert step["with"] == {"name": "said.log", "path": "/tmp/pytest-of-*/pytest-*/**/said.log"}


def test_set_up_is_that_of_make_and_keeps_downloads():
    action: dict[str, Any] = YAML(typ="safe").load(GITHUB / "actions" / "setup" / "action.yml")
    python, setup = action["runs"]["steps"]
    assert re.fullmatch(r"actions/setup-python@v\d+", python["uses"])
    assert python["with"] == {
        "python-version": "${{ inputs.python }}",
        "cache": "pip",
        "cache-dependency-path": "constraints.txt",
    }
    assert setup == {"run": "make setup", "shell": "bash"}


def test_every_night_has_all_that_runs_locally_on_every_version_of_python():
    parts = local_parts()
    assert parts == ["setup", "lint", "test", "test-slow", "test-exhaustive", "test-graph"]
    assert [f"make {part}" for part in parts[1:]] == runs_of("nightly.everything")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    for job in ("ci.unit", "nightly.everything"):
        assert JOBS[job]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_every_night_has_the_kills():
    assert runs_of("nightly.kills") == ["make test-kills"]


def test_a_change_has_all_but_the_exhaustive_tests():
    assert runs_of("ci.lint", "ci.unit", "ci.pipeline", "ci.graph") == [
        "make lint",
        "make test-unit",
        "make test-pipeline",
        "make test-graph BASE=HEAD^1",
    ]
    rules = {target: re.findall(rf"(?m)^{target}: (.+)\n\t@\$\(PYTEST\)(.*)$", MAKEFILE) for target in sorted(TARGETS)}
    assert {target: rule[0] for target, rule in rules.items() if rule} == {
        "test": ("setup", ""),
        "test-exhaustive": ("setup", " -m exhaustive tests/exhaustive"),
        "test-kills": ("setup", " -m kills tests/exhaustive"),
        "test-pipeline": ("setup test-slow", " tests/pipeline tests/system"),
        "test-slow": ("setup", " -m slow"),
        "test-unit": ("setup", " tests/unit tests/contract"),
    }
    assert JOBS["ci.graph"]["steps"][0]["with"] == {"fetch-depth": 2}  # HEAD^1 too
