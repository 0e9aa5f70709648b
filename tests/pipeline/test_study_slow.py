"""The study as a user runs it: `make study-small` interrupted and resumed, another seed, `make study` and its page."""

import json
import re

import pytest

from factories.projects import SMALL, dvc, make_project, run, stages_run
from textrnn.common.params.params_file import read_params

pytestmark = pytest.mark.slow

MAKE = ("make", "-o", ".venv/.done")  # with the existing environment
CELLS = {"steps": 3, "batch_size": 4, "input_size": 5, "hidden_size": 6, "repeats": 2}
VARIANTS = ("rnn_b64_p16", "rnn_b64_p32")


def write_study(project, **changes):
    path = project / "study" / "params.yaml"
    values = read_params(path) | {"runs": list(VARIANTS), "seeds": [1], "cells": CELLS} | changes
    path.write_text(json.dumps(values), encoding="utf-8")


def runs_of(output):
    return sorted(stage.partition("@")[2] for stage in stages_run(output) if "study_run@" in stage)


def test_the_study_from_end_to_end(tmp_path):
    project = make_project(tmp_path / "project", {**SMALL, "data.source": "data/sample"}, study=True)
    write_study(project)
    run(project, "git", "commit", "-qam", "a smaller study")
    # a study interrupted after its first run resumes with the others
    output = dvc(project, "repro", "study/dvc.yaml:study_run@rnn_b64_p32-1")
    assert runs_of(output) == ["rnn_b64_p32-1"]
    output = run(project, *MAKE, "study-small").stdout
    assert runs_of(output) == ["rnn_b64_p16-1"]
    assert re.search(r"^undecided +fails_at_32: .+\n +test accuracy, .+\(one seed\)", output, flags=re.MULTILINE)
    assert re.search(r"^supported +scratch_equal", output, flags=re.MULTILINE) is None  # one seed here too
    assert not (project / "docs").exists()
    shown = project / "study" / "shown"
    assert (shown / "verdicts.json").read_bytes() == (project / "study" / "verdicts.json").read_bytes()
    assert (shown / "plots" / "fails_at_32.svg").is_file()
    assert run(project, "git", "status", "--porcelain", "study/shown").stdout == ""
    assert runs_of(run(project, *MAKE, "study-small").stdout) == []

    before = (project / "data" / "study" / "runs" / "rnn_b64_p16-1.json").read_bytes()
    write_study(project, seeds=[1, 2])
    output = run(project, *MAKE, "study-small").stdout
    assert runs_of(output) == ["rnn_b64_p16-2", "rnn_b64_p32-2"]
    assert re.search(r"^supported +scratch_equal", output, flags=re.MULTILINE)
    assert not [stage for stage in stages_run(output) if not stage.startswith("study/")]

    # a repeated run is the same to the byte; its times are in another file
    dvc(project, "repro", "-f", "-s", "study/dvc.yaml:study_run@rnn_b64_p16-1")
    assert (project / "data" / "study" / "runs" / "rnn_b64_p16-1.json").read_bytes() == before

    assert "SOURCE=<folder>" in run(project, *MAKE, "study", code=2).stderr
    output = run(project, *MAKE, "study", "SOURCE=data/sample").stdout
    assert len(runs_of(output)) == 4
    page = (project / "docs" / "study.md").read_text(encoding="utf-8")
    assert "Made by `make study SOURCE=<folder> ROWS=null EPOCHS=null`" in page
    assert "300 rows of train, 7 epochs, 2 seeds" in page  # the limits of a first run were lifted
    plots = re.findall(r"\]\((study/\S+\.svg)\)", page)
    assert len(plots) > 5
    assert all((project / "docs" / plot).is_file() for plot in plots)
    verdicts = json.loads((project / "docs" / "study" / "verdicts.json").read_text(encoding="utf-8"))
    assert verdicts == json.loads((project / "study" / "verdicts.json").read_text(encoding="utf-8"))
