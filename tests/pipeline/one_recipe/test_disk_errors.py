"""Each stage on a disk that is full or may not be written: one line, nothing half-written, and then it goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from factories.faults import limit, mode, small_disk, under_permissions
from factories.projects import RECIPE, environment, run, written
from textrnn.unfinished import PRIVATE

pytestmark = pytest.mark.slow

ENCODING = "names_chars"
IDS, PREPARATION = f"data/encoded/{ENCODING}/ids", f"data/encoded/{ENCODING}/preparation"
SEGMENTED = f"data/segmented/{ENCODING}"
BASELINES = [f"data/linear/{ENCODING}", f"data/baselines/{ENCODING}.arrow", f"metrics/{ENCODING}/baseline.json"]
# of each stage its argument, a file that it reads, and what it writes
STAGES = {
    "sample": ("names", None, ["data/sample/names"]),
    "parse": ("names", "data/sample/names/names_train.csv.gz", ["data/parsed/names"]),
    "segment": (ENCODING, "data/parsed/names/index.json", [SEGMENTED]),
    "encode": (ENCODING, f"{SEGMENTED}/index.json", [IDS, PREPARATION]),
    "vectorize": (ENCODING, f"{SEGMENTED}/index.json", [f"data/vectorized/{ENCODING}"]),
    "baseline": (ENCODING, f"{IDS}/index.json", BASELINES),
    "embed": (RECIPE, f"{PREPARATION}/vocabulary.arrow", [f"data/embedded/{RECIPE}"]),
    "pad": (RECIPE, f"{IDS}/index.json", [f"data/padded/{RECIPE}"]),
    "train": (RECIPE, f"data/padded/{RECIPE}/index.json", [f"models/{RECIPE}", f"metrics/{RECIPE}/curves.csv"]),
    "evaluate": (RECIPE, f"models/{RECIPE}/config.json", [f"data/evaluated/{RECIPE}", f"metrics/{RECIPE}/scores.json"]),
}


def public(project: Path) -> dict[str, str]:
    """What stages have written, by path, without the private folders of what is not finished."""
    return {name: digest for name, digest in written(project).items() if PRIVATE not in Path(name).parts}


def told(project: Path, stage: str, fault: Callable[[], None] | None = None) -> str:
    """The one line with which a stage ends under a fault; nothing is there that was not, finished shards excepted."""
    key, _, outputs = STAGES[stage]
    before = public(project)
    done = subprocess.run(
        under_permissions([sys.executable, f"pipeline/{stage}.py", key]),
        cwd=project,
        env=environment(project),
        preexec_fn=fault,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert public(project) == before
    assert [name for name in outputs if (project / name).exists()] == []
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert len(line) < 500
    return line


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_on_a_faulty_disk_says_so_in_one_line_and_then_goes_on(project, stage):
    key, source, outputs = STAGES[stage]
    whole = written(project)
    for path in (project / name for name in outputs):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    place = (project / outputs[0]).parent
    with mode(place, 0o555):
        assert f"{place.relative_to(project)}" in told(project, stage)
    if stage != "evaluate":  # which reads none
        with mode(project / "params.yaml", 0):
            line = told(project, stage)
        assert line.startswith("error: params.yaml: permission denied; give this user permission to read and write it")
    if source is not None:
        with mode(project / source, 0):
            assert "ermission denied" in told(project, stage)
        with mode((project / source).parent, 0):
            assert "ermission denied" in told(project, stage)
    assert "file too large; raise the limit of the size of files" in told(project, stage, limit(size=100))
    moved = place.rename(place.with_name("moved"))
    place.write_text("a file of the user's", encoding="utf-8")
    assert str(place.relative_to(project)) in told(project, stage)
    assert place.read_text(encoding="utf-8") == "a file of the user's"
    place.unlink()
    moved.rename(place)
    run(project, "python", f"pipeline/{stage}.py", key)
    assert written(project) == whole


def test_a_full_disk_is_told_and_what_had_finished_stays(project):
    whole = written(project)
    shutil.rmtree(project / "data" / "parsed")
    with small_disk(project / "data" / "parsed", 16):
        line = told(project, "parse")
        assert line.startswith("error: data/parsed/names: no space left on device; free some space or raise the quota")
    (project / "data" / "parsed").rmdir()
    run(project, "python", "pipeline/parse.py", "names")
    assert written(project) == whole


def test_too_many_open_files_are_told(project):
    shutil.rmtree(project / "data" / "parsed" / "names")
    assert "oo many open files" in told(project, "parse", limit(files=5))


@pytest.mark.parametrize("folder", [".dvc/tmp", ".dvc/cache", ".dvc", "logs"])
def test_a_folder_of_dvc_that_cannot_be_written_is_one_line_of_a_run(project, folder):
    (project / folder).mkdir(exist_ok=True)
    shutil.rmtree(project / "data" / "evaluated" / RECIPE)
    command = under_permissions(["python", "pipeline/run.py", RECIPE])
    before = (project / "dvc.lock").read_bytes()
    inner = [path for path in (project / folder).rglob("*") if path.is_dir()]
    for path in (*inner, project / folder):
        path.chmod(0o555)
    if folder == "logs":
        for path in (project / folder).glob("*"):
            path.chmod(0o444)
    done = subprocess.run(command, cwd=project, env=environment(project), capture_output=True, text=True)
    for path in (project / folder, *inner):
        path.chmod(0o755)
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "permission denied; give this user permission to read and write it, then the same command again" in line
    assert folder.partition("/")[0] in line
    if folder == ".dvc/tmp":
        assert (project / "dvc.lock").read_bytes() == before
    for path in (project / "logs").glob("*"):
        path.chmod(0o644)
    run(project, "python", "pipeline/run.py", RECIPE)
