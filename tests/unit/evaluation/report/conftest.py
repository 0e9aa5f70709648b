"""Projects with the results of recipes and of a study, and the report of them."""

import pytest

from factories.report_pages import recipes, write_results, write_study
from textrnn.evaluation.report.page import render


@pytest.fixture
def folder(tmp_path):
    return write_results(tmp_path)


@pytest.fixture
def page(folder):
    return render(recipes(folder), None)


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path)
