"""When the exhaustive tests are needed: what is hashed, what counts as changed, and which runs are recorded."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from exhaustive.recorder import PassRecorder, all_tests
from exhaustive.state import DECIDING, RECORD, changed_files, file_hashes, write_record
from factories.imports import ROOT, SOURCE, TESTS

FOLDER = Path("tests/exhaustive")
NLTK_WORDS = "src/textrnn/preparation/segmentation/nltk_words.py"


TEST = """
import pytest

pytestmark = pytest.mark.exhaustive


@pytest.mark.parametrize("frame", ["{0}. x", "y"])
def test_a_frame(frame):
    assert frame
"""
SETTINGS = """
[pytest]
pythonpath = tests
markers =
    exhaustive
addopts = --import-mode=importlib -m 'not exhaustive'
"""
IDS = {f"{FOLDER}/test_{name}.py::test_a_frame[{frame}]" for name in ("one", "two") for frame in ("{0}. x", "y")}


@pytest.fixture
def project(tmp_path):
    """A folder with a few of the files that decide, and two files of exhaustive tests."""
    files = {
        "pytest.ini": SETTINGS,
        "constraints.txt": "nltk==3.9\n",
        NLTK_WORDS: "A = 1\n",
        **{f"{FOLDER}/test_{name}.py": TEST for name in ("one", "two")},
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name in ("state.py", "recorder.py", "conftest.py"):
        shutil.copy(ROOT / FOLDER / name, tmp_path / FOLDER / name)
    return tmp_path


def state(project: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, FOLDER / "state.py"], cwd=project, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_a_hash_for_each_file_that_decides(project):
    names = ["constraints.txt", NLTK_WORDS, f"{FOLDER}/test_one.py", f"{FOLDER}/test_two.py"]
    assert file_hashes(project) == {name: hashlib.sha256((project / name).read_bytes()).hexdigest() for name in names}


def test_what_has_changed_since_is_named(project):
    assert changed_files(project) == list(file_hashes(project))
    write_record(project, file_hashes(project))
    assert json.loads((project / RECORD).read_text(encoding="utf-8")) == file_hashes(project)
    assert changed_files(project) == []
    assert state(project) == (0, "exhaustive tests: not needed, they have passed on this code and these libraries\n")

    with (project / NLTK_WORDS).open("a", encoding="utf-8") as file:
        file.write("# a comment\n")
    (project / "constraints.txt").unlink()
    new = project / "src/textrnn/preparation/segmentation/new.py"
    new.touch()
    changed = ["constraints.txt", str(new.relative_to(project)), NLTK_WORDS]
    assert changed_files(project) == changed
    says = f"exhaustive tests: needed, since they last passed these have changed: {', '.join(changed)}\n"
    assert state(project) == (1, says)


def report(test: str, outcome: str = "passed", when: str = "call") -> SimpleNamespace:
    return SimpleNamespace(nodeid=test, passed=outcome == "passed", when=when)


def said_at_the_end(project: Path, reports: list[SimpleNamespace], exit_status: int = 0) -> list[str]:
    """What is said at the end of a run with these reports, of a project whose tests are IDS."""
    said: list[str] = []
    recorder = PassRecorder(project, collect=lambda root: IDS)
    for each in reports:
        recorder.pytest_runtest_logreport(each)
    recorder.pytest_terminal_summary(SimpleNamespace(write_line=said.append), exit_status)
    return said


def test_only_a_run_in_which_all_passed_is_recorded(project):
    all_passed = [report(test, when=when) for test in sorted(IDS) for when in ("setup", "call", "teardown")]
    one = min(IDS)
    runs = {
        "deselected": ([each for each in all_passed if each.nodeid != one], 0),
        "skipped": ([each for each in all_passed if each.nodeid != one] + [report(one, "skipped", "setup")], 0),
        "failed": ([report(one, "failed"), *(each for each in all_passed if each.nodeid != one)], 1),
        "failed at its end": ([*all_passed, report(one, "failed", "teardown")], 1),
    }
    for name, (reports, status) in runs.items():
        said = [f"3 of the 4 exhaustive tests passed: not recorded in {RECORD}"]
        assert said_at_the_end(project, reports, status) == said, name
    interrupted = [f"4 of the 4 exhaustive tests passed: not recorded in {RECORD}"]
    assert said_at_the_end(project, all_passed, 2) == interrupted
    assert said_at_the_end(project, []) == []  # another folder's tests
    assert not (project / RECORD).exists()
    assert said_at_the_end(project, all_passed) == [f"all 4 exhaustive tests passed: recorded in {RECORD}"]
    assert changed_files(project) == []


def test_a_run_in_two_processes_is_recorded(project):
    command = [sys.executable, "-m", "pytest", "-n", "2", "-m", "exhaustive", str(FOLDER)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert f"all 4 exhaustive tests passed: recorded in {RECORD}" in done.stdout
    assert changed_files(project) == []
    assert all_tests(project) == IDS


def library_imports(path: Path) -> set[Path]:
    """The files of textrnn and of the tests' factories that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            top = SOURCE if node.module.startswith("textrnn.") else TESTS
            found.add(top.joinpath(*node.module.split(".")).with_suffix(".py"))
    return {each for each in found if each.is_file()}


def test_all_that_the_tests_reach_is_hashed():
    """Except `common`, `errors` and `names`: names of types, of errors and of files, and how files are read."""
    reached: set[Path] = set()
    new = set((TESTS / "exhaustive").glob("test_*.py"))
    while new:
        reached |= new
        new = {each for path in new for each in library_imports(path)} - reached
    names = {path.relative_to(ROOT).as_posix() for path in reached}
    assert NLTK_WORDS in names
    others = names - file_hashes(ROOT).keys()
    decide_nothing = ("src/textrnn/common/", "src/textrnn/errors.py", "src/textrnn/names.py")
    assert [name for name in others if not name.startswith(decide_nothing)] == []
    assert all(list(ROOT.glob(pattern)) for pattern in DECIDING)
