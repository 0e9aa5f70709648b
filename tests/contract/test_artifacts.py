"""The artifacts of dvc.yaml name the model of every recipe."""

import logging
import shutil

from dvc.repo import Repo
from ruamel.yaml import YAML

from factories.imports import ROOT
from factories.params import RECIPES


def test_dvc_names_the_model_of_every_recipe(tmp_path, caplog):
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    Repo.init(str(tmp_path), no_scm=True).close()
    with Repo(str(tmp_path)) as repo:
        artifacts = repo.artifacts.read()["dvc.yaml"]
        outs = {out.def_path for stage in repo.index.stages for out in stage.outs}
    # DVC warns about a name that a registry does not accept
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert tuple(artifacts) == RECIPES
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for name, artifact in artifacts.items():
        assert artifact.path == f"models/{name}"
        assert {artifact.path, f"{artifact.path}.md"} <= outs
        encoding = params["encodings"][params["recipes"][name]["encoding"]]
        task = "tagging" if encoding["encode"].get("tags") else "classification"
        assert (artifact.type, artifact.labels) == ("model", [task, encoding["corpus"]])
        assert artifact.desc
