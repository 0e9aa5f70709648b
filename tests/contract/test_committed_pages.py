"""The pages of results in the repository: rendered from the saved results, with runs that params.yaml has."""

import json
import re

import pytest
from ruamel.yaml import YAML

from factories.imports import ROOT
from textrnn.common.params.check import ENTRY_SECTIONS
from textrnn.common.params.params_file import read_params

PAGES = ("results", "performance")


@pytest.fixture
def results(import_benchmark):
    return import_benchmark("results")


@pytest.fixture
def performance(import_benchmark):
    return import_benchmark("performance")


def test_runs_and_baselines_name_existing_params(results):
    params = read_params(ROOT / "params.yaml")
    assert {each.recipe for each in results.RUNS.values()} == set(params["recipes"])
    assert set(results.BASELINES) <= set(params["encodings"])
    names = {change.split("=")[0] for each in results.RUNS.values() for change in each.changes}
    assert any(name.startswith("encodings.") for name in names)
    for name in names:
        keys = name.removeprefix("++").split(".")
        assert keys[-1] in _known(params, keys[:-1], added=name.startswith("++")), name


def _known(params, keys, *, added):
    """The names that may stand at a place of params.yaml; added: also those that an entry need not state."""
    values = params
    for number, key in enumerate(keys):
        values = values.get(key, {}) if added and number >= 2 else values[key]
    if not added:
        return values
    table, _, *section = keys
    if not section:
        return ENTRY_SECTIONS[table]
    if section == ["parse", "files"]:
        return ("unlabelled",)
    return {**params[section[0]], **values}


def test_the_committed_pages_are_rendered_from_the_committed_results(results, import_benchmark, monkeypatch):
    monkeypatch.setattr(import_benchmark("results_measured"), "RESULTS", ROOT / "docs" / "results.json")
    runs = results.read_runs()
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == results.render_page(runs)
    for name, wording in results.READMES.items():
        readme = (ROOT / name).read_text(encoding="utf-8")
        assert results.render_readme(runs, readme, wording) == readme


def test_each_figure_in_the_text_of_a_readme_is_one_of_the_results():
    """What a README says outside of its table is not rendered: its scores and times are those of the pages."""
    results, performance = ((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in PAGES)
    for name in ("README.md", "README.zh-CN.md"):
        text = re.sub(r"(?ms)^```.*?^```$", "", (ROOT / name).read_text(encoding="utf-8"))
        scores, times = re.findall(r"\b\d\d\.\d\d\b", text), re.findall(r"\d\.\d\d (?:ms|毫秒)", text)
        assert (len(scores) > 10, len(times)) == (True, 2), name
        assert [score for score in scores if score not in results] == [], name
        assert [time for time in times if time.replace("毫秒", "ms") not in performance] == [], name


def test_the_committed_page_is_rendered_from_the_committed_results(performance, monkeypatch):
    monkeypatch.setattr(performance, "RESULTS", ROOT / "docs" / "performance.json")
    assert (ROOT / "docs" / "performance.md").read_text(encoding="utf-8") == performance.render(performance.read())


def test_the_study_page_is_of_the_kept_runs():
    """A run of a variant that was changed since, or that is not kept, is not on the page."""
    shown = json.loads((ROOT / "docs" / "study" / "verdicts.json").read_text(encoding="utf-8"))
    kept = {path.stem for path in (ROOT / "study" / "records").glob("*.json")}
    planned = YAML(typ="safe").load((ROOT / "study" / "runs.yaml").read_text(encoding="utf-8"))["runs"].keys()
    assert kept <= planned
    assert (shown["runs"], shown["planned_runs"]) == (len(kept), len(planned))
    lacking = {run for claim in shown["claims"] for run in claim["missing"]}
    assert lacking == planned - kept
