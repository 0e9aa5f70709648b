"""DVC puts the names of entries into the commands of a shell: no such command runs before `check` refuses a name."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from factories.projects import STUDY, dvc, make_project, run, stages_run

pytestmark = pytest.mark.slow

WRONG = "the name of an entry must have only letters, digits, _ and -, at most 64 of them, and not begin with -"


def rename(path: Path, table: str, old: str, new: str) -> None:
    """Another name for an entry, everywhere in the file."""
    params = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    params[table] = {new if name == old else name: entry for name, entry in params[table].items()}
    for entry in [*params["encodings"].values(), *params["recipes"].values()]:
        for key, value in entry.items():
            entry[key] = new if value == old else value
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(params, file)


@pytest.fixture
def project(tmp_path):
    """A project, and beside it a folder of the user's."""
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "thesis.txt").write_text("the only copy", encoding="utf-8")
    return make_project(tmp_path / "project")


@pytest.mark.parametrize(
    ("table", "old"), [("corpora", "names"), ("encodings", "names_chars"), ("recipes", "names_gru")]
)
def test_a_name_with_a_command_in_it_runs_nothing(project, table, old):
    name = "a; touch INJECTED; #"
    rename(project / "params.yaml", table, old, name)
    for arguments in (["repro"], ["repro", "--keep-going"], ["repro", "--force"]):
        said = dvc(project, *arguments, code=255)
        assert f"error: {table}: {WRONG}; got '{name}'" in said
        assert stages_run(said) == []
        assert "> touch" not in said
    assert list(project.parent.rglob("INJECTED*")) == []
    assert not (project / "data/sample").exists()


@pytest.mark.parametrize("where", ["absolute", "up"])
def test_a_name_that_leads_to_a_folder_of_the_users_leaves_it(project, where):
    user = project.parent / "user"
    name = str(user) if where == "absolute" else "../../../user"
    rename(project / "params.yaml", "corpora", "names", name)
    assert stages_run(dvc(project, "repro", code=255)) == []
    checked = run(project, "textrnn", "check", code=1)
    assert f"corpora: {WRONG}; got '{name}'" in checked.stderr
    started = run(project, "python", "pipeline/run.py", code=1)
    assert f"error: corpora: {WRONG}; got '{name}'" in started.stderr
    assert [path.name for path in user.iterdir()] == ["thesis.txt"]
    assert (user / "thesis.txt").read_text(encoding="utf-8") == "the only copy"


@pytest.mark.parametrize("place", ["params.yaml", "runs.yaml"])
def test_the_study_runs_no_command_of_a_variant_either(tmp_path, place):
    value = "1; touch INJECTED; #"
    project = make_project(tmp_path / "project", study=True)
    yaml = YAML(typ="safe")
    names = ("params.yaml", "runs.yaml")
    params, runs = (yaml.load((project / "study" / name).read_text(encoding="utf-8")) for name in names)
    runs["runs"]["x-1"] = {"variant": value, "seed": value, "inputs": "news_rnn-16", "encoding": "thucnews_chars"}
    if place == "params.yaml":
        params["variants"][value] = copy.deepcopy(params["variants"]["rnn_b64_p16"])  # YAML would have an alias
    for name, values in (("params.yaml", params), ("runs.yaml", runs)):
        with (project / "study" / name).open("w", encoding="utf-8") as file:
            yaml.dump(values, file)
    wrong = "variants: the name of a variant must have only letters, digits, _ and -"
    if place == "runs.yaml":
        wrong = "study/runs.yaml: is not that of study/params.yaml"
    (project / "data/study/inputs/news_rnn-16").mkdir(parents=True)  # as if all but the check had been made
    for target in ("study_check", "study_run@x-1"):
        said = dvc(project, "repro", f"{STUDY}:{target}", code=255)
        assert wrong in said
    assert list(project.parent.rglob("INJECTED*")) == []
