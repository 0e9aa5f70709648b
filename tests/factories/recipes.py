"""The recipe `tiny`: its prepared data, in memory or as a project's files, and stage scripts run on it."""

from __future__ import annotations

import dataclasses
import json
import runpy
import sys

import numpy as np

from factories.imports import ROOT
from factories.networks import PLAIN
from factories.settings import SETTINGS
from factories.shards import write_padded
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.lexicon_table import LEXICON, save_lexicon
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES
from textrnn.preparation.artifacts.recipe_embedding import save_matrix
from textrnn.training.trainer.recipe import PreparedData, Recipe

LABELS = Labels("classify", ["even", "odd"], None, [])
TYPES = Labels("tag", ["O", "LOC"], "type", ["LOC"])
TEXTS = [([2 + at % 7, 3, 2 + at % 3], at % 2) for at in range(10)] + [([2 + at % 7], at % 2) for at in range(10)]
SPLITS = {"train": TEXTS, "dev": TEXTS[::3]}


def matrix(vocabulary_size=9, width=4):
    values = np.random.default_rng(0).standard_normal((vocabulary_size, width), dtype=np.float32)
    values[0] = 0
    values.flags.writeable = False  # as load_matrix returns it
    return values


def recipe_of(
    padded,
    *,
    labels=LABELS,
    model=PLAIN,
    train=SETTINGS,
    vectors=None,
    lexicon=None,
    linear=None,
    caps=(),
    max_epochs=None,
):
    """The recipe `tiny` on padded shards."""
    data = PreparedData(padded, matrix() if vectors is None else vectors, labels, lexicon, linear=linear)
    return Recipe("tiny", "recipes.tiny", model, train, data, caps, max_epochs)


def prepare(project, splits, **limits):
    """Write params.yaml and the prepared data of the recipe `tiny` into a folder; return the params."""
    preparation = project / "data" / "encoded" / "letters" / "preparation"
    for folder in (project / "data" / "padded", project / "data" / "embedded" / "tiny", preparation):
        folder.mkdir(parents=True)
    padded = write_padded(project, "classify", splits, size=3).folder
    padded.rename(project / "data" / "padded" / "tiny")
    save_matrix(project / "data" / "embedded" / "tiny" / "embedding.arrow", np.array(matrix()))
    for name in ("lexicon", "bigrams"):
        save_lexicon(project / "data" / "embedded" / "tiny" / f"{name}.arrow", LEXICON.empty_table())
    for name in PREPARATION_FILES:
        (preparation / name).write_text(name)
    LABELS.save(preparation / "labels.json")
    params = {
        "limits": {"rows": None, "epochs": None, "hidden_size": None, **limits},
        "model": dataclasses.asdict(PLAIN),
        "train": dataclasses.asdict(SETTINGS),
        "recipes": {"tiny": {"encoding": "letters", "model": {}, "train": {"batch_size": 4}}},
    }
    (project / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    return params


def run_script(monkeypatch, project, name, *arguments):
    """Run a script of `pipeline` in the folder of a project."""
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(str(ROOT / "pipeline"))
    monkeypatch.delitem(sys.modules, "checkout", raising=False)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(ROOT / "pipeline" / name), run_name="__main__")
