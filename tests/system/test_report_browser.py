"""The report in a browser: its scripts run without an error, and it fits a phone."""

import asyncio
import re
import subprocess

import pytest

from factories.browser import SMALLEST_TEXT, browsing, find_browser
from factories.report_files import result_folders, write_baselines, write_recipe
from factories.report_pages import ATTACK, CLASSES, CONFUSION, Page, error, recipes, write_results, write_study
from textrnn.evaluation.outputs.recipe_results import read_recipe_results
from textrnn.evaluation.outputs.training_times import TrainingTimes
from textrnn.evaluation.report.page import render
from textrnn.evaluation.report.report_content import ReportContent
from textrnn.evaluation.report.study_section import read_shown_study

TIMES = {"texts": TrainingTimes(300.0, "cpu", {"bag": 2.0})}


@pytest.fixture
def folder(tmp_path):
    return write_results(tmp_path)


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path)


@pytest.mark.slow
def test_a_browser_runs_the_page_without_an_error(folder, study, tmp_path):
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    page = render(ReportContent(recipes(folder), read_shown_study(study), TIMES))
    file = tmp_path / "page" / "index.html"
    file.parent.mkdir()
    results = []
    # the page, and one whose script fails, so that no error means something
    for source in (page, page.replace('"use strict";', '"use strict"; missing();')):
        file.write_text(source, encoding="utf-8")
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [find_browser(), "--headless", "--no-sandbox", "--disable-gpu", profile]
        command += ["--enable-logging=stderr", "--dump-dom", file.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        body = re.search(r"<body>.*</body>", done.stdout, re.S).group()
        results.append(("CONSOLE" in done.stderr, Page(body).all("button")[0][1:]))
    attributes = {"type": "button", "id": "theme"}
    assert results[0] == (False, (attributes, "Dark theme"))
    assert results[1] == (True, ({**attributes, "hidden": ""}, "Theme"))


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_need_not_scroll_sideways_and_text_can_be_read(study, tmp_path, theme):
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    name, folders = "a_recipe_whose_name_is_longer_than_a_phone_is_wide", result_folders(tmp_path / "files")
    write_recipe(folders, name, CONFUSION, CLASSES, [error(ATTACK, "体育", ["x" * 99])], {})
    write_baselines(folders, "e", "accuracy", linear_svm=(0.5, 0.6))
    content = ReportContent(
        [read_recipe_results(name, "e", "c", tmp_path / "files")],
        read_shown_study(study),
        {name: TrainingTimes(300.0, "cpu", {"linear_svm": 2.0})},
    )
    file = tmp_path / "index.html"
    file.write_text(render(content), encoding="utf-8")

    async def visit():
        async with browsing(find_browser(), tmp_path / "profile") as tab:
            await tab.emulate(390, 844, theme)
            await tab.open(file.as_uri())
            await tab.run("document.querySelectorAll('details').forEach(each => each.open = true)")
            ink, page = await tab.run("['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])")
            bright = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (ink, page)]
            return await tab.run("document.documentElement.scrollWidth"), await tab.run(SMALLEST_TEXT), bright

    width, (size, smallest), (ink, page) = asyncio.run(visit())
    assert width == 390
    assert size >= 15, smallest
    assert (ink < 200 < 650 < page) if theme == "light" else (page < 200 < 650 < ink)
