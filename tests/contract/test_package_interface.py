"""What `import textrnn` gives: light, with types, and whole in a wheel."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import textrnn
from factories.imports import ROOT, SOURCE

PACKAGE = SOURCE / "textrnn"
HEAVY = ("torch", "sklearn", "scipy", "pyarrow", "numpy")


def python(code: str, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_import_is_light(tmp_path):
    code = f"import sys, textrnn; dir(textrnn); print(*({HEAVY!r} & sys.modules.keys()))"
    assert python(code.replace(repr(HEAVY), repr(set(HEAVY))), tmp_path) == "\n"


def test_an_estimator_is_made_without_torch(tmp_path):
    code = "import sys, textrnn; print(textrnn.TextClassifier(epochs=3), 'torch' in sys.modules)"
    assert python(code, tmp_path) == "TextClassifier(epochs=3) False\n"


def test_its_names_are_those_of_the_stub():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    public = next(node.value for node in stub.body if isinstance(node, ast.Assign))
    assert ast.literal_eval(public) == textrnn.__all__
    imported = {
        alias.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("textrnn.estimator")
        for alias in node.names
    }
    for name in textrnn.__all__:
        assert hasattr(textrnn, name)
        assert name in dir(textrnn)
    assert imported == textrnn._ESTIMATORS
    for name, module in imported.items():
        assert getattr(textrnn, name).__module__ == module
    with pytest.raises(AttributeError, match="module 'textrnn' has no attribute 'TextRegressor'"):
        _ = textrnn.TextRegressor


def test_the_files_that_are_no_code_go_into_a_wheel():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packaged = project["tool"]["setuptools"]["package-data"]
    found = {
        path.relative_to(PACKAGE)
        for name, patterns in packaged.items()
        for pattern in patterns
        for path in PACKAGE.joinpath(*name.split(".")[1:]).glob(pattern)
    }
    others = {
        path.relative_to(PACKAGE)
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.name != "README.md"
    }
    files, linked = Path("project/shipped/files"), set()
    for link, folder, suffix in (("pipeline", "pipeline", ".py"), ("plots", ".dvc/plots", ".json")):
        inside = {path for path in found if path.parent == files / link}  # rglob does not follow a link
        assert {path.name for path in inside} == {path.name for path in (ROOT / folder).glob(f"*{suffix}")}
        linked |= inside | {files / link}
    assert found - linked == others
    assert {Path("py.typed"), Path("__init__.pyi"), Path("project/shipped/files/params.yaml")} <= others
