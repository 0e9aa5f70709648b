"""The report in a browser: its scripts run without an error, and it fits a phone."""

import asyncio
import re
import subprocess

import pytest

from factories.browser import browsing, find_browser
from factories.report_files import result_folders, write_recipe
from factories.report_pages import ATTACK, CLASSES, CONFUSION, Page, error, recipes, write_results, write_study
from textrnn.evaluation.outputs.recipe_results import read_recipe_results
from textrnn.evaluation.report.page import render
from textrnn.evaluation.report.study_section import read_shown_study


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
    page = render(recipes(folder), read_shown_study(study))
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
def test_a_phone_need_not_scroll_sideways(study, tmp_path):
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    name, folders = "a_recipe_whose_name_is_longer_than_a_phone_is_wide", result_folders(tmp_path / "files")
    write_recipe(folders, name, CONFUSION, CLASSES, [error(ATTACK, "体育", ["x" * 99])], {})
    file = tmp_path / "index.html"
    file.write_text(
        render([read_recipe_results(name, "e", "c", tmp_path / "files")], read_shown_study(study)), encoding="utf-8"
    )

    async def width():
        async with browsing(find_browser(), tmp_path / "profile") as tab:
            await tab.emulate(375, 800, "dark")
            await tab.open(file.as_uri())
            await tab.run("document.querySelectorAll('details').forEach(each => each.open = true)")
            return await tab.run("document.documentElement.scrollWidth")

    assert asyncio.run(width()) == 375
