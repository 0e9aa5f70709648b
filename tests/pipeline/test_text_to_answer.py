"""docs/text-to-answer.md and its picture are what the script makes of a run of the sample."""

import re
import shutil
import sys

import pytest

from factories.forked_stages import run_stages
from factories.imports import ROOT
from factories.projects import make_project, run

pytestmark = pytest.mark.slow

FILES = ("docs/text-to-answer.md", "docs/text-to-answer.svg")
NUMBER = re.compile(r"-?\d+(?:\.(\d+))?")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with the shipped params in which the recipe has been trained and the script has been run."""
    project = make_project(tmp_path_factory.mktemp("walk") / "project", {})
    shutil.copytree(ROOT / "metrics", project / "metrics")
    (project / "docs").mkdir()
    shutil.copy(ROOT / FILES[0], project / FILES[0])
    corpus, encoding, recipe = "thucnews", "thucnews_chars", "news_rnn"
    stages = ["check", f"sample@{corpus}", f"parse@{corpus}"]
    stages += [f"{stage}@{encoding}" for stage in ("segment", "encode", "vectorize", "baseline")]
    run_stages(project, [*stages, *(f"{stage}@{recipe}" for stage in ("embed", "pad", "train"))])
    run(project, sys.executable, str(ROOT / "benchmarks" / "text_to_answer.py"))
    return project


@pytest.mark.parametrize("name", FILES)
def test_the_committed_file_is_what_the_script_makes(project, name):
    """Of printed decimals the last digit may differ: rounding depends on the machine's arithmetic."""
    committed, made = ((folder / name).read_text(encoding="utf-8") for folder in (ROOT, project))
    assert NUMBER.sub("#", made) == NUMBER.sub("#", committed)
    for expected, found in zip(NUMBER.finditer(committed), NUMBER.finditer(made), strict=True):
        decimals = max(len(match[1] or "") for match in (expected, found))
        unit = 1.01 * 10**-decimals if decimals else 0
        assert float(found[0]) == pytest.approx(float(expected[0]), abs=unit, rel=0), found
