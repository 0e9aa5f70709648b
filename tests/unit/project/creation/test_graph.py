"""The dvc.yaml of a project is the repository's own, but for deps on packages, generated corpora and the study."""

import pytest
from ruamel.yaml import YAML

from factories.graph import STAGES, dvc_yaml
from factories.imports import ROOT
from textrnn.errors import UserError
from textrnn.project.creation.graph import project_graph, project_stages


def graph():
    return YAML(typ="safe").load(project_graph("mine", "a model", ["classification", "corpus"]))


@pytest.mark.parametrize("name", ["../x", "a b", "a; touch X", ""])
def test_an_artifact_has_the_name_of_a_recipe(name):
    with pytest.raises(UserError, match=r"^artifacts: the name of an artifact must have only letters, digits, _ and -"):
        project_graph(name, "a model", [])


def test_every_stage_with_a_name_in_its_command_follows_check():
    stages = graph()["stages"]
    assert "data/code" in stages["check"]["outs"]
    for name, definition in stages.items():
        if "${" in body(definition)["cmd"]:
            assert f"data/code/{name}.json" in body(definition)["deps"]


def body(definition):
    return definition.get("do", definition)


def test_its_stages_are_all_but_sample():
    assert project_stages() == [stage for stage in dvc_yaml() if stage != "sample"]
    assert list(graph()["stages"]) == project_stages()


def test_a_stage_differs_in_its_deps_on_code_alone():
    ours, theirs = graph()["stages"], dvc_yaml()
    for name, definition in ours.items():
        for key in theirs[name]:
            if key not in ("do", "deps", "outs"):
                assert definition[key] == theirs[name][key]
        own, shipped = body(definition), body(theirs[name])
        if name == "check":
            continue
        assert {key: value for key, value in own.items() if key != "deps"} == {
            key: value for key, value in shipped.items() if key != "deps"
        }
        left = [dep for dep in shipped["deps"] if not dep.startswith(("src/", "study/", "data/checked.json"))]
        assert [dep for dep in own["deps"] if dep != f"data/code/{name}.json"] == left
        assert own["deps"].count(f"data/code/{name}.json") == 1


def test_check_runs_always_and_writes_the_fingerprints():
    check, shipped = graph()["stages"]["check"], dvc_yaml()["check"]
    assert check["always_changed"] is True
    assert check["outs"] == ["data/code", *shipped["outs"]]
    assert check["cmd"] == shipped["cmd"]
    assert check["deps"] == ["params.yaml", "pipeline/check.py"]


def test_the_model_is_an_artifact():
    expected = {"path": "models/mine", "type": "model", "desc": "a model", "labels": ["classification", "corpus"]}
    assert graph()["artifacts"] == {"mine": expected}


def test_the_text_is_laid_out_as_the_repositorys():
    text = project_graph("mine", "a model", ["a"])
    lines = text.splitlines()
    shipped = set((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines())
    assert [line for line in lines if line.strip().startswith("- src/")] == []
    assert max(map(len, lines)) <= 150
    foreach = [line for line in lines if "foreach" in line]
    assert set(foreach) <= shipped
    assert len(foreach) == len(STAGES) - 1  # all but sample
