"""Commands in the docs: their targets are there, and params.yaml accepts what they set."""

from __future__ import annotations

import functools
import json
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
from ruamel.yaml import YAML

from factories.doc_pages import PAGES, anchors
from factories.imports import ROOT
from textrnn.common.params.check import ENTRY_SECTIONS, SECTIONS, check_params
from textrnn.common.params.conversion import field_names
from textrnn.common.params.params_file import read_params
from textrnn.study.plan.variants import read_study

EXAMPLES = ("films_lstm", "mine")  # what docs/data.md and own-data.md have the reader add


def commands() -> Iterator[tuple[str, list[str]]]:
    """The page and the words of each `dvc exp run` and `dvc repro`, on indented lines and between backquotes."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in re.findall(r"(?m)^ {4}(dvc (?:exp run|repro) .*)|`(dvc (?:exp run|repro) [^`]*)`", text):
            command = next(filter(None, found))
            if "$(" not in command:
                filled_in = command.replace("<folder>", "folder").replace("\n", " ")
                yield page.name, shlex.split(filled_in, comments=True)


CHECKS = {"params.yaml": check_params, "study/params.yaml": read_study}  # by file, what refuses wrong values


def settings(words: list[str]) -> dict[str, list[str]]:
    """What is set, by the file that it is set in."""
    found: dict[str, list[str]] = {}
    for option, value in pairwise(words):
        if option in ("-S", "--set-param"):
            file, _, own = value.partition(":") if ".yaml:" in value else ("params.yaml", "", value)
            found.setdefault(file, []).append(own)
    return found


@functools.cache
def all_settings() -> dict[tuple[str, tuple[str, ...]], str]:
    """What is set together, with the file that it is set in: where it stands first, as pages say the same in places."""
    found: dict[tuple[str, tuple[str, ...]], str] = {}
    for page, words in commands():
        sweeps = get_hydra_sweeps(values) if (values := settings(words)) else []
        for file, overrides in (each for sweep in sweeps for each in sweep.items()):
            found.setdefault((file, tuple(overrides)), f"{page}: {shlex.join(words)}")
    return found


def values_with(folder: Path, file: str, overrides: Sequence[str]) -> dict[str, Any]:
    """The params of a file with some set as DVC sets them, in JSON, which it writes several times faster than YAML."""
    path = folder / "params.json"
    path.write_text(json.dumps(shipped(file)), encoding="utf-8")
    apply_overrides(path, list(overrides))
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


@functools.cache
def shipped(file: str) -> dict[str, Any]:
    return read_params(ROOT / file)


def test_there_are_commands_to_look_at():
    found = list(commands())
    assert len(found) > 20
    assert {"README.md", "experiments.md", "training.md", "results.md"} <= {page for page, _ in found}
    assert {file for file, _ in all_settings()} == CHECKS.keys()


def test_what_they_set_is_accepted(tmp_path):
    for (file, overrides), command in all_settings().items():
        try:
            CHECKS[file](values_with(tmp_path, file, overrides))
        except Exception as error:
            raise AssertionError(command) from error


@pytest.mark.parametrize("file", CHECKS)
def test_each_value_that_they_set_is_read_as_it_was_set(tmp_path, file):
    """Through YAML, as DVC writes it and textrnn reads it: each value once, with those of other params."""
    by_param: dict[str, list[str]] = {}
    for override in dict.fromkeys(each for name, together in all_settings() if name == file for each in together):
        by_param.setdefault(override.lstrip("+").partition("=")[0], []).append(override)
    assert by_param
    for overrides in zip_longest(*by_param.values()):
        given = [override for override in overrides if override is not None]
        path = tmp_path / "params.yaml"
        shutil.copyfile(ROOT / file, path)
        apply_overrides(path, given)
        read, asked = read_params(path), values_with(tmp_path, file, given)
        assert read == asked
        assert json.dumps(read, sort_keys=True) == json.dumps(asked, sort_keys=True)  # 1 is not 1.0 there


def test_their_targets_are_stages():
    with Repo(str(ROOT)) as repo:
        stages = {stage.name for stage in repo.index.stages}
    for page, words in commands():
        targets = [word for word in words if re.fullmatch(r"\w+@\w+", word) and not word.endswith(EXAMPLES)]
        assert set(targets) <= stages, (page, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_headings_that_are_there(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        assert anchor in anchors((page.parent / target) if target else page), target


def test_the_entries_and_sections_of_the_page_on_data_are_accepted():
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    examples = [YAML(typ="safe").load(block) for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", text)]
    entries, of_table, whole, of_dictionary = examples[:3], examples[3], examples[5], examples[-1]
    sections = [examples[4], *examples[6:-1]]
    assert [len(entry) for entry in (*entries, of_table, of_dictionary)] == [1, 1, 1, 1, 1]
    assert list(whole) == list(ENTRY_SECTIONS)
    params = read_params(ROOT / "params.yaml")
    params["corpora"] |= of_table
    params["encodings"] |= of_dictionary
    for table, entry in zip(ENTRY_SECTIONS, entries, strict=True):
        params[table] |= entry
        for name, parts in whole[table].items():
            for section, values in parts.items():
                params[table][name].setdefault(section, {}).update(values)
    check_params(params)
    assert [list(example) for example in sections] == [["embed"], ["embed", "model"], ["embed", "model"]]
    for example in sections:
        params = read_params(ROOT / "params.yaml")
        for table, entry in zip(ENTRY_SECTIONS, entries, strict=True):
            params[table] |= entry
        for section, values in example.items():
            params["recipes"]["names_bigru"][section] |= values
        check_params(params)


def documented(section: str, page: str) -> list[str]:
    """The params in the table under a heading of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    table = re.split(r"(?m)^## ", text.partition(f"\n## {section}\n")[2])[0]
    return [name.removeprefix(f"{section}.") for name in re.findall(r"(?m)^\| `([\w.]+)` \|", table)]


ALL_SECTIONS = SECTIONS | {name: cls for sections in ENTRY_SECTIONS.values() for name, cls in sections.items()}


@pytest.mark.parametrize("page", ["params.md", "params.zh-CN.md"])
@pytest.mark.parametrize("section", ALL_SECTIONS)
def test_the_page_of_params_has_each_param_of_a_section(section, page):
    assert sorted(documented(section, page)) == sorted(field_names(ALL_SECTIONS[section]))


@pytest.mark.parametrize("wrong", ["train.distil=null", "recipes.news_rnn.train.distill=null"])
def test_a_name_that_is_not_there_would_be_seen(tmp_path, wrong):
    path = tmp_path / "params.yaml"
    shutil.copyfile(ROOT / "params.yaml", path)
    with pytest.raises(Exception, match="set-param"):
        apply_overrides(path, [wrong])
    with pytest.raises(Exception, match="set-param"):
        values_with(tmp_path, "params.yaml", [wrong])
