"""Where tests lie: unit tests mirror the packages, tests/pipeline alone runs DVC, and test files share factories."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from factories.imports import ROOT, SOURCE, TESTS

FOLDERS = {"unit", "contract", "pipeline", "system", "exhaustive", "factories"}
SCRIPTS = {"pipeline", "benchmarks"}  # folders of scripts, whose unit tests call them in process
TEST_FILES = sorted(TESTS.rglob("test_*.py"))
FILES = sorted(TESTS.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(TESTS).as_posix()


def imported_names(path: Path) -> set[str]:
    """All parts of the dotted names of modules that a file imports, and what it takes from them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom):
            found |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
    return found


def runs_dvc(path: Path) -> bool:
    """Whether a file makes projects, in which commands of DVC or stages are run."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    makers = {"factories.projects", "factories.forked_stages"}
    return any(isinstance(node, ast.ImportFrom) and node.module in makers for node in ast.walk(tree))


def test_the_folders_of_tests_are_these():
    assert {path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__"} == FOLDERS
    assert [path.name for path in TESTS.glob("*.py")] == ["conftest.py"]


def test_no_file_imports_a_test_file_or_a_conftest():
    stems = {path.stem for path in TEST_FILES} | {"conftest"}
    imported = {name_of(path): imported_names(path) & stems for path in FILES}
    assert {name: found for name, found in imported.items() if found} == {}


def test_each_test_file_has_a_name_of_its_own():
    names = Counter(path.name for path in TEST_FILES)
    assert [name for name, count in names.items() if count > 1] == []


def test_unit_tests_mirror_the_packages():
    for folder in {path.parent for path in (TESTS / "unit").rglob("test_*.py")} - {TESTS / "unit"}:
        package = folder.relative_to(TESTS / "unit")
        modules = {path.stem for path in (SOURCE / "textrnn" / package).glob("*.py")} - {"__init__"}
        assert modules or str(package) in SCRIPTS, package
    for path in (TESTS / "unit").glob("test_*.py"):
        assert (SOURCE / "textrnn" / path.name.removeprefix("test_")).is_file(), path.name


def test_only_the_tests_of_the_pipeline_run_dvc():
    folder = TESTS / "pipeline"
    elsewhere = [path for path in FILES if not path.is_relative_to(folder) and path.parent.name != "factories"]
    assert [name_of(path) for path in elsewhere if runs_dvc(path)] == []
    assert [name_of(path) for path in folder.rglob("test_*.py") if not runs_dvc(path)] == []


def test_all_exhaustive_tests_are_marked():
    unmarked = [
        path.name
        for path in (TESTS / "exhaustive").glob("test_*.py")
        if "\npytestmark = pytest.mark.exhaustive\n" not in path.read_text(encoding="utf-8")
    ]
    assert unmarked == []


def test_factories_hold_no_tests():
    for path in (TESTS / "factories").glob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert {name for name in names if name.lower().startswith("test")} == set(), path.name
        assert path.name == "__init__.py" or isinstance(body[0], ast.Expr), f"{path.name} has no docstring"
    assert (ROOT / "tests" / "factories" / "__init__.py").is_file()
