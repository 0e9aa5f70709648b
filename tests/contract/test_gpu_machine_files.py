"""The files for a machine that only trains: the list of packages, the Dockerfile and what it copies; docs of both."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from factories.docker import copied_paths, instructions
from factories.graph import dvc_yaml
from factories.imports import ROOT, all_imports, outside_imports
from factories.requirements import GPU_LIST, read_requirements

SCRIPTS = [ROOT / "pipeline" / f"{stage}.py" for stage in ("train", "evaluate")]
OPTIONAL = {"tqdm"}  # of a terminal's progress bars, which are left out without it
OWN = {"textrnn", "checkout"}
PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n### A machine that only trains\n")[2].partition("\n## ")[0]


def pinned() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    return {pin.name: Version(str(pin.specifier).removeprefix("==")) for pin in pins}


def test_the_list_has_exactly_what_the_scripts_import():
    files = {path for script in SCRIPTS for path in (script, *all_imports(script))}
    imported = {name for path in files for name in outside_imports(path, late=True)}
    outside = imported - set(sys.stdlib_module_names) - OWN
    assert outside >= OPTIONAL
    modules = {name.split(".")[0] for name in read_requirements()}  # each is called as its module is
    assert outside - OPTIONAL == modules


def test_bounds_are_those_of_the_project_and_let_the_pins_in():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    of_project = {(own := Requirement(line)).name: own for line in project["dependencies"]}
    pins = pinned()
    for name, requirement in read_requirements().items():
        assert requirement == of_project[name]
        assert pins[name] in requirement.specifier


def test_the_image_has_the_torch_that_is_pinned():
    base = dict(instructions())["ARG"]
    assert dict(instructions())["FROM"] == "${BASE}"
    assert re.fullmatch(r"BASE=pytorch/pytorch:([\d.]+)-cuda[\d.]+-cudnn9-runtime", base)
    tags = re.findall(r"pytorch/pytorch:([\d.]+)-", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert {Version(tag) for tag in tags} == {pinned()["torch"]}


def test_the_image_installs_the_list_and_the_pins_and_nothing_else():
    (run,) = [value for name, value in instructions() if name == "RUN"]
    words = shlex.split(run)
    assert words[:4] == ["python", "-m", "pip", "install"]
    options = words[4:]
    assert [word for word in options if not word.startswith(("--", "/textrnn/"))] == []
    files = {
        option: options[at + 1] for at, option in enumerate(options) if option in ("--requirement", "--constraint")
    }
    assert files == {"--requirement": f"/textrnn/{GPU_LIST.name}", "--constraint": "/textrnn/constraints.txt"}
    first = next(index for index, (name, _) in enumerate(instructions()) if name == "RUN")
    before = {source for source, _ in copied_paths(instructions()[:first])}
    assert before == {GPU_LIST.name, "constraints.txt"}  # so that an edit of the code installs nothing again


def test_what_the_image_copies_is_tracked():
    for source, _ in copied_paths(instructions()):
        tracked = subprocess.run(["git", "ls-files", source], cwd=ROOT, capture_output=True, text=True, check=True)
        assert tracked.stdout != "", source


def test_nothing_but_what_is_copied_is_sent_to_the_builder():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    let_in = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    assert let_in == sorted({source for source, _ in copied_paths(instructions())})
    kept_out = {"data", "models", "metrics", "tests", ".venv", ".dvc", ".git"}
    templates = ".dvc/plots"  # a link of the library leads there; the cache is not in it
    assert {Path(name).parts[0] for name in let_in if name != templates} & kept_out == set()
    assert rules[1 + len(let_in) :] == ["**/__pycache__", "**/*.egg-info"]


def test_links_of_the_library_lead_to_what_is_copied_too():
    copied = [ROOT / source for source, _ in copied_paths(instructions())]
    links = [path for path in (ROOT / "src").rglob("*") if path.is_symlink()]
    assert links != []
    assert [link for link in links if link.resolve() not in copied] == []


def test_image_and_page_say_that_nothing_of_it_was_tried():
    head = (ROOT / "Dockerfile").read_text(encoding="utf-8").partition("\nARG")[0]
    assert "# Not tried yet: this image has never been built, and nothing has run in it." in head
    assert "never been built" in SECTION


def test_the_page_names_all_data_that_the_two_stages_read():
    """Their code and params are the checkout's."""
    stages = dvc_yaml()
    deps = {dep for stage in ("train", "evaluate") for dep in stages[stage]["do"]["deps"]}
    data = [re.sub(r"\$\{[^}]+\}", "*", dep) for dep in sorted(deps) if dep.startswith("data/")]
    assert data == ["data/embedded/*", "data/encoded/*/preparation", "data/linear/*", "data/padded/*"]
    for pattern in data:
        assert re.search(pattern.replace("*", r"(\w+|<encoding>)"), SECTION), pattern


def test_the_page_names_the_packages():
    shown = SECTION.partition("which are ")[2].partition(". ")[0]
    assert re.findall(r"`([\w.]+)`", shown) == list(read_requirements())
    assert f"pip install -r {GPU_LIST.name}" in SECTION


def test_the_page_has_the_commands_of_the_image():
    shown = [" ".join(command.split()) for command in re.findall(r"(?m)^ {4}(docker (?:.*\\\n)*.*)$", SECTION)]
    assert [command.split()[1] for command in shown] == ["build", "run"]
    head = " ".join((ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\n#", "\n").split())
    assert [command for command in shown if command not in head] == []
