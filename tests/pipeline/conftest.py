"""Projects in which a recipe has been run, made once for all processes that share the tests."""

from __future__ import annotations

import os
import shutil

import pytest
from filelock import FileLock

from factories.projects import commit, dvc, make_project


@pytest.fixture(scope="session")
def recipe_project(tmp_path_factory):
    """A function of a recipe: a project in which it has been run up to its scores, and committed. Copy it to change it.

    A copy has a cache of its own, so that what a test counts as run again does not depend on other tests.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def run_once(recipe: str):
        project, made = folder / "recipes" / recipe, folder / "recipes" / f"{recipe}.made"
        project.parent.mkdir(exist_ok=True)
        with FileLock(f"{project}.lock"):
            if not made.exists():
                shutil.rmtree(project, ignore_errors=True)
                make_project(project)
                dvc(project, "repro", f"evaluate@{recipe}")
                commit(project)
                made.touch()
        return project

    return run_once
