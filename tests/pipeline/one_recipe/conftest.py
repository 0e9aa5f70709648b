"""A project in which one recipe has been run, and a copy of it for a test to change."""

from __future__ import annotations

import shutil

import pytest

from factories.projects import GOAL, commit, dvc, make_project


@pytest.fixture(scope="session")
def first_run(tmp_path_factory):
    """A fresh project in which the recipe has been run, and what that said."""
    project = make_project(tmp_path_factory.mktemp("pipeline") / "project")
    said = dvc(project, "repro", GOAL)
    commit(project)
    return project, said


@pytest.fixture
def project(first_run, tmp_path):
    """A copy of the project after its first run, for one test to change."""
    return shutil.copytree(first_run[0], tmp_path / "project")
