"""Which edits of a project's code discard the finished shards of an interrupted run, and which keep them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from factories.imports import ROOT
from textrnn.common.executor.tasks import _run_task
from textrnn.common.executor.workers import ShardTask
from textrnn.common.storage import code_version
from textrnn.common.storage.code_version import fingerprint, packages_of, stage_code
from textrnn.common.storage.markers import MARKERS, finished_shards, mark_finished, read_packages, write_packages
from textrnn.common.storage.resumable import resumable_folder
from textrnn.errors import ResumableError

FINISHED = {"s0", "s1"}
RESUMABLE_STAGES = ("parse", "segment", "encode", "vectorize", "pad", "train", "study_prepare")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project as the working directory: this checkout's code and stages. Its library stands in for the loaded one."""
    folder, ignore = tmp_path / "project", shutil.ignore_patterns("__pycache__")
    for name in ("src/textrnn", "pipeline"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    (folder / "study").mkdir()
    for name in ("dvc.yaml", "study/dvc.yaml"):
        shutil.copy(ROOT / name, folder / name)
    monkeypatch.setattr(code_version, "LIBRARY", folder / "src" / "textrnn")
    monkeypatch.chdir(folder)
    yield folder
    code_version._hash_library.cache_clear()


def interrupted_run(stage):
    """Finish two shards and stop, as a new process does; returns the shards that were finished before."""
    code_version._hash_library.cache_clear()
    with contextlib.suppress(KeyboardInterrupt), resumable_folder(Path("data/out"), stage=stage, seed=1) as folder:
        finished_before = finished_shards(folder)
        (folder / MARKERS).mkdir(exist_ok=True)
        for name in FINISHED:
            (folder / f"{name}.txt").write_text(name)
            mark_finished(folder, name, {"files": [f"{name}.txt"]})
        raise KeyboardInterrupt
    return finished_before


def edit(path):
    """Append a comment to a file of the project; a file that does not exist is created."""
    path = Path(path)
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("# an edit\n")


@pytest.mark.parametrize("stage", RESUMABLE_STAGES)
def test_a_run_without_an_edit_resumes(project, stage):
    assert interrupted_run(stage) == set()
    assert interrupted_run(stage) == FINISHED


@pytest.mark.parametrize(
    ("stage", "path"),
    [
        ("segment", "src/textrnn/inference/serving/app.py"),
        ("segment", "src/textrnn/preparation/padding/pad.py"),
        ("segment", "src/textrnn/common/files/lines.py"),
        ("segment", "src/textrnn/common/storage_of_others/new.py"),
        ("segment", "src/textrnn/preparation/segmentation/README.md"),
        ("segment", "src/textrnn/cli.py"),
        ("segment", "pipeline/train.py"),
        ("train", "src/textrnn/inference/serving/app.py"),
        ("train", "src/textrnn/evaluation/report/page.py"),
        ("train", "pipeline/segment.py"),
        ("study_prepare", "src/textrnn/study/verdicts/judging.py"),
        ("study_prepare", "src/textrnn/inference/serving/app.py"),
    ],
)
def test_an_edit_of_code_that_the_stage_does_not_list_keeps_the_finished_shards(project, stage, path):
    interrupted_run(stage)
    edit(path)
    assert interrupted_run(stage) == FINISHED


@pytest.mark.parametrize(
    ("stage", "path"),
    [
        ("segment", "src/textrnn/preparation/segmentation/segment.py"),
        ("segment", "src/textrnn/preparation/segmentation/new.py"),
        ("segment", "src/textrnn/common/storage/shards.py"),
        ("segment", "src/textrnn/common/executor/local.py"),
        ("parse", "src/textrnn/preparation/parsing/formats/bio.py"),
        ("train", "src/textrnn/modeling/nn/crf.py"),
        ("study_prepare", "src/textrnn/preparation/padding/pad.py"),
        *((stage, f"pipeline/{stage}.py") for stage in RESUMABLE_STAGES),
    ],
)
def test_an_edit_of_listed_code_or_of_the_script_starts_afresh(project, stage, path):
    interrupted_run(stage)
    edit(path)
    assert interrupted_run(stage) == set()
    assert interrupted_run(stage) == FINISHED


def test_a_package_that_dvc_yaml_lists_from_now_on_starts_afresh(project):
    interrupted_run("segment")
    text = Path("dvc.yaml").read_text(encoding="utf-8")
    listed = "- src/textrnn/preparation/segmentation\n"
    assert text.count(listed) == 2  # of segment and, after it, of vectorize
    changed = text.replace(listed, f"{listed}        - src/textrnn/preparation/padding\n", 1)
    Path("dvc.yaml").write_text(changed, encoding="utf-8")
    assert interrupted_run("segment") == set()


def test_a_single_module_that_a_stage_lists_counts(project):
    text = Path("dvc.yaml").read_text(encoding="utf-8")
    module = "src/textrnn/preparation/segmentation/segment.py"
    Path("dvc.yaml").write_text(text.replace("src/textrnn/preparation/segmentation\n", f"{module}\n"), encoding="utf-8")
    interrupted_run("segment")
    edit("src/textrnn/preparation/segmentation/punkt.py")
    assert interrupted_run("segment") == FINISHED
    edit(module)
    assert interrupted_run("segment") == set()


def test_an_editors_lock_is_no_code(project):
    interrupted_run("segment")
    Path("src/textrnn/preparation/segmentation/.#segment.py").symlink_to("user@host.1234:1")  # a dangling link
    assert interrupted_run("segment") == FINISHED


def without_dvc_yaml():
    Path("dvc.yaml").unlink()
    return "segment"


def without_stages():
    Path("dvc.yaml").write_text("artifacts: {}\n", encoding="utf-8")
    return "segment"


@pytest.mark.parametrize("stage_of", [without_dvc_yaml, without_stages, lambda: "no_such_stage", lambda: None])
def test_without_a_list_the_whole_library_counts(project, stage_of):
    stage = stage_of()
    interrupted_run(stage)
    assert interrupted_run(stage) == FINISHED
    edit("src/textrnn/inference/serving/app.py")
    assert interrupted_run(stage) == set()


def test_each_script_names_its_own_stage(project):
    texts = {path.stem: path.read_text(encoding="utf-8") for path in Path("pipeline").glob("*.py")}
    texts["study_prepare"] = Path("src/textrnn/study/inputs/prepare_inputs.py").read_text(encoding="utf-8")  # its code
    calls = {name: text for name, text in texts.items() if "resumable_folder(" in text}
    assert {name: re.findall(r'stage="(\w+)"', text) for name, text in calls.items()} == {
        stage: [stage] for stage in RESUMABLE_STAGES
    }
    for stage in RESUMABLE_STAGES:
        code = stage_code(stage)
        assert f"pipeline/{stage}.py" in code
        assert all((project / "src" / "textrnn" / package).is_dir() for package in packages_of(code))


def double(folder, name):
    (folder / f"{name}.txt").write_text(name * 2)
    return {"files": [f"{name}.txt"]}


@pytest.mark.parametrize(
    ("path", "accepted"),
    [
        (None, True),
        ("src/textrnn/inference/serving/app.py", True),
        ("src/textrnn/preparation/segmentation/segment.py", False),
        ("src/textrnn/common/storage/markers.py", False),
    ],
)
def test_a_worker_that_loaded_the_library_before_an_edit_of_listed_code_refuses(project, path, accepted):
    folder = project / "out"
    (folder / MARKERS).mkdir(parents=True)
    write_packages(folder, packages_of(stage_code("segment")))
    packages = read_packages(folder)
    code_version._hash_library.cache_clear()
    fingerprint(packages)  # this process is the worker, which has run a task before the edit
    if path:
        edit(path)
    code = packages, fingerprint_of_new_process(packages)
    task = ShardTask("s0", 1, (folder, "s0"))
    if accepted:
        assert _run_task(double, folder, code, task) == {"files": ["s0.txt"]}
    else:
        with pytest.raises(ResumableError, match=r"^worker \S+:\d+: runs different code or library versions"):
            _run_task(double, folder, code, task)
    assert finished_shards(folder) == ({"s0"} if accepted else set())


def fingerprint_of_new_process(packages):
    """What the main process of a run that starts now computes from the project's own library."""
    code = "import sys; from textrnn.common.storage.code_version import fingerprint; print(fingerprint(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(Path("src").absolute())}
    command = [sys.executable, "-c", code, *packages]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
