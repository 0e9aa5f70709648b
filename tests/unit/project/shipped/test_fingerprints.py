"""Hashes of installed code: each stage's file changes with the code that the stage runs, and with no other."""

import json
import shutil

import pytest

from factories.graph import STAGES, dvc_yaml
from factories.imports import ROOT, SOURCE
from textrnn.project.shipped import fingerprints
from textrnn.project.shipped.fingerprints import hash_code, write_fingerprints
from textrnn.project.shipped.project_files import DVCIGNORE, GRAPH, PARAMS, SCRIPTS


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A copy of the library's code, to be edited."""
    folder = tmp_path_factory.mktemp("site") / "textrnn"
    return shutil.copytree(SOURCE / "textrnn", folder, ignore=shutil.ignore_patterns("__pycache__", "files"))


def written(folder, library, monkeypatch):
    monkeypatch.setattr(fingerprints, "LIBRARY", library)
    write_fingerprints(folder)
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


def test_the_package_carries_the_repositorys_own_files():
    for carried, name in ((GRAPH, "dvc.yaml"), (PARAMS, "params.yaml"), (DVCIGNORE, ".dvcignore")):
        assert carried.read_bytes() == (ROOT / name).read_bytes()
    assert {path.name for path in SCRIPTS.glob("*.py")} == {path.name for path in (ROOT / "pipeline").glob("*.py")}


def test_a_file_for_each_stage_has_its_packages(tmp_path, library, monkeypatch):
    files = written(tmp_path / "code", library, monkeypatch)
    assert set(files) == {"check", *STAGES, "report"}
    for stage, content in files.items():
        definition = dvc_yaml()[stage].get("do", dvc_yaml()[stage])
        packages = [dep.removeprefix("src/textrnn/") for dep in definition["deps"] if dep.startswith("src/")]
        assert list(json.loads(content)) == [f"{stage}.py", *packages]


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("training/optimization/row_adam.py", {"train"}),
        ("preparation/parsing/formats/bio.py", {"parse"}),
        ("evaluation/metrics/precision_recall.py", {"evaluate", "baseline", "analyze", "report"}),
        ("evaluation/report/templates/page.html", {"report"}),
        ("common/config/train.py", {"check"}),
        ("inference/serving/app.py", set()),
        ("stage.py", set()),
        ("modeling/nn/README.md", set()),
        ("modeling/nn/.#kernels.py", set()),
    ],
)
def test_an_edit_changes_the_files_of_the_stages_that_run_it(file, stages, tmp_path, library, monkeypatch):
    before = written(tmp_path / "before", library, monkeypatch)
    path = library / file
    text = path.read_bytes() if path.is_file() else None
    path.write_bytes((text or b"") + b"\n# edited\n")
    try:
        after = written(tmp_path / "after", library, monkeypatch)
    finally:
        path.unlink() if text is None else path.write_bytes(text)
    assert {stage for stage in before if before[stage] != after[stage]} == stages


def test_the_hash_is_of_paths_and_content(tmp_path):
    (tmp_path / "a.py").write_text("x")
    one = hash_code(tmp_path)
    (tmp_path / "notes.txt").write_text("y")
    assert hash_code(tmp_path) == one
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    other = hash_code(tmp_path)
    assert other != one
    (tmp_path / "b.py").rename(tmp_path / "a.py")
    assert hash_code(tmp_path) == one
