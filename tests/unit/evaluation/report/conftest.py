"""Projects with the results of recipes and of a study, and the report of them."""

import pytest

from factories.report_pages import recipes, write_results, write_study
from textrnn.evaluation.report.page import render
from textrnn.evaluation.report.report_content import ReportContent


@pytest.fixture
def folder(tmp_path):
    return write_results(tmp_path)


@pytest.fixture
def page(folder):
    return render(ReportContent(recipes(folder)))


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path)
