"""The study as a user runs it: `make study-small` twice, records kept and restored, `make study` and its pages."""

import json
import re
import shutil

import pytest
from ruamel.yaml import YAML

from factories.projects import SMALL, commit, dvc, make_project, run, stages_run
from textrnn.common.params.params_file import read_values

pytestmark = pytest.mark.slow

MAKE = ("make", "-o", ".venv/.done")  # with the existing environment
CELLS = {"steps": 3, "batch_size": 4, "input_size": 5, "hidden_size": 6, "repeats": 2, "seeds": 2}
VARIANTS = ("rnn_b64_p16", "rnn_b64_p32", "names_clipped", "names_unclipped")
FIRST = ("rnn_b64_p16", "rnn_b64_p32")  # of the small study


def write_study(project, *, seeds):
    """Only these variants, with so many seeds each."""
    path = project / "study" / "params.yaml"
    values = read_values(path)
    variants = {name: values["variants"][name] | {"seeds": seeds} for name in VARIANTS}
    values |= {"variants": variants, "small": {"variants": list(FIRST), "seeds": seeds}, "cells": CELLS}
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(json.loads(json.dumps(values)), file)
    run(project, "python", "pipeline/study_plan.py", "--write")


def runs_of(output):
    return sorted(stage.partition("@")[2] for stage in stages_run(output) if "study_run@" in stage)


def facts_of(project, name):
    return (project / "data" / "study" / "runs" / f"{name}.json").read_bytes()


def test_the_study_from_end_to_end(tmp_path):
    project = make_project(tmp_path / "project", {**SMALL, "data.source": "data/sample"}, study=True)
    write_study(project, seeds=1)
    run(project, "git", "commit", "-qam", "a smaller study")
    # a study stopped after its first run goes on with the others; a run prepares its own corpus alone
    output = dvc(project, "repro", "study/dvc.yaml:study_run@rnn_b64_p32-1")
    assert runs_of(output) == ["rnn_b64_p32-1"]
    assert [stage for stage in stages_run(output) if "prepare" in stage] == ["study/dvc.yaml:study_prepare@news_rnn-32"]
    assert {path.name for path in (project / "data" / "parsed").iterdir()} == {"thucnews"}
    output = run(project, *MAKE, "study-small").stdout
    assert runs_of(output) == ["rnn_b64_p16-1"]
    assert re.search(r"^undecided +fails_at_32: .+\n +score on test: .+\(one seed\)", output, flags=re.MULTILINE)
    assert re.search(r"^supported +gates", output, flags=re.MULTILINE)
    assert re.search(r"^not run yet +class_weights", output, flags=re.MULTILINE)
    assert not (project / "docs").exists()
    shown = project / "study" / "shown"
    assert (shown / "verdicts.json").read_bytes() == (project / "study" / "verdicts.json").read_bytes()
    assert (shown / "plots" / "fails_at_32.svg").is_file()
    assert run(project, "git", "status", "--porcelain", "study/shown").stdout == ""
    assert runs_of(run(project, *MAKE, "study-small").stdout) == []

    # another seed runs that seed alone; a repeated run is the same to the byte
    before = facts_of(project, "rnn_b64_p16-1")
    write_study(project, seeds=2)
    output = run(project, *MAKE, "study-small").stdout
    assert runs_of(output) == ["rnn_b64_p16-2", "rnn_b64_p32-2"]
    assert not [stage for stage in stages_run(output) if not stage.startswith("study/")]
    dvc(project, "repro", "-f", "-s", "study/dvc.yaml:study_run@rnn_b64_p16-1")
    assert facts_of(project, "rnn_b64_p16-1") == before

    # with other limits all runs are others; those of the small study count no more
    commit(project)
    assert "SOURCE=<folder>" in run(project, *MAKE, "study", code=2).stderr
    output = run(
        project, *MAKE, "study", "SOURCE=data/sample", "EPOCHS=2", "CLAIMS=clipping_costs_nothing hundred_epochs"
    )
    assert runs_of(output.stdout) == ["names_unclipped-1", "names_unclipped-2"]  # the other claim has absent variants
    assert "left out, as they were made with other settings: rnn_b64_p16-1" in output.stdout
    page = (project / "docs" / "study.md").read_text(encoding="utf-8")
    assert "`make study SOURCE=<folder> VECTORS=<folder> ROWS=null EPOCHS=2` makes the runs" in page
    assert "2 of 8 training runs are done" in page
    assert "`names_gru` on 270 rows for 2 epochs" in page  # the limits of a first run were lifted
    assert "2 轮" in (project / "docs" / "study.zh-CN.md").read_text(encoding="utf-8")
    for name, folder in (("study.md", "study/en/"), ("study.zh-CN.md", "study/zh/")):
        plots = re.findall(r"\]\((study/\S+\.svg)\)", (project / "docs" / name).read_text(encoding="utf-8"))
        assert len(plots) > 3
        assert all(plot.startswith(folder) and (project / "docs" / plot).is_file() for plot in plots)

    # on a machine that has the records alone, DVC skips the runs that they are of
    kept = sorted(path.stem for path in (project / "study" / "records").iterdir())
    assert {"names_unclipped-1", "names_unclipped-2"} <= set(kept)
    facts = facts_of(project, "names_unclipped-1")
    for folder in ("data/study", "logs"):
        shutil.rmtree(project / folder)
    (project / "study" / "dvc.lock").unlink()
    run(project, "python", "pipeline/study_records.py", "restore")
    assert facts_of(project, "names_unclipped-1") == facts
    targets = [f"study/dvc.yaml:study_run@names_unclipped-{seed}" for seed in (1, 2)]
    assert runs_of(dvc(project, "repro", *targets)) == []
