"""Model cards: the whole text of one, the inputs of the script, and the names under which DVC knows models."""

import ast
import importlib
import json
import logging
import pathlib
import shutil

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from imports import ROOT
from project import RECIPES, set_params
from test_checkpoints import options, save
from textrnn.common.config.model import BigramOptions
from textrnn.common.storage.shards import file_sha256
from textrnn.errors import UserError
from textrnn.evaluation.card.model_card import CardFacts, render
from textrnn.preparation.artifacts.labels import Labels

GOLDEN = ROOT / "tests" / "card.golden.md"
PADDED = {"rows": 2700, "longest": 468, "truncated_rows": 12}
SCORES = {"loss": 0.5, "accuracy": 0.875, "macro_f1": 0.25}
FACTS = CardFacts(
    folder="models/tiny",
    config={
        "recipe": "tiny",
        "tokens": 4762,
        "embedding_size": 300,
        "pairs": 0,
        "words": {"words": 2345, "rows": 67, "longest": 4},
        "widths": [16, 1024],
        "pad_side": "right",
        "truncates": True,
        "model": {
            "cell": "gru",
            "bigrams": {"width": 3, "min_count": 1},
            "readout": ["max", "mean"],
            "head_size": None,
        },
    },
    labels=Labels("tag", ["O", "北"], "type", ["北"]),
    weights=1_234_567,
    size=4_938_268,
    sha256="ab" * 32,
    data={"encoding": "own_chars", "corpus": "own", "clean": []},
    padded=dict.fromkeys(("train", "dev", "test"), PADDED),
    encoded={"unknown_share": {"train": 0.0, "dev": 0.01706, "test": 1}},
    trained={"steps": 60, "stopped_by": None},
    scores={"dev": SCORES, "test": SCORES | {"entity_f1": 0.125}},
    training={"seed": 1, "shuffle": True, "class_weights": {}},
    limits={"rows": None, "epochs": 5},
    versions={"textrnn": "0.1.0"},
)


def card(**changes):
    return render(CardFacts(**{**FACTS.__dict__, **changes}))


def test_a_card_equals_the_golden_file():
    assert render(FACTS) == GOLDEN.read_text(encoding="utf-8")


def test_a_run_without_limits_says_so():
    text = card(limits={"rows": None, "epochs": None})
    assert "No limit was set" in text
    assert "capped" not in text


def test_a_long_list_of_labels_is_shortened():
    names = [f"l{number}" for number in range(1234)]
    text = card(labels=Labels("classify", names, None, []))
    assert "`l49` and 1,184 more\n" in text
    assert "`l50`" not in text


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """The script's module, in a folder with all that it reads, and the saved network."""
    (tmp_path / "models").mkdir()
    (tmp_path / "source").mkdir()
    folder, _, network = save(tmp_path / "source", options(bigrams=BigramOptions(3, 1)), recipe="names_gru")
    shutil.move(folder, tmp_path / "models" / "names_gru")
    segmentation = tmp_path / "models" / "names_gru" / "segmentation.json"
    segmentation.write_text(json.dumps({"clean": [], "segment": "chars", "punkt": None}))
    shutil.copy(ROOT / "params.yaml", tmp_path)
    for key, values in {
        "names_gru/pad": FACTS.padded,
        "names_gru/train": FACTS.trained,
        "names_gru/dev": SCORES,
        "names_gru/test": SCORES | {"loss": 0.75},
        "names_chars/encode": FACTS.encoded,
    }.items():
        path = tmp_path / "metrics" / f"{key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "pipeline"))
    return importlib.import_module("card"), network


def test_the_script_writes_the_card_next_to_the_directory(stage):
    script, network = stage
    script.main("names_gru")
    path = pathlib.Path("models/names_gru.md")
    text = path.read_text(encoding="utf-8")
    assert f"* weights: {sum(value.numel() for value in network.parameters()):,}\n" in text
    assert f"* file, SHA-256: {file_sha256(pathlib.Path('models/names_gru/model.safetensors'))}\n" in text
    assert "| test | 0.75 | 0.875 | 0.25 |" in text
    assert 'textrnn.load("models/names_gru")' in text
    assert "* corpus: names\n" in text
    assert "* clip_norm: 5.0\n" in text  # overridden by the recipe
    assert "* rows are: generated, none is real\n* data.source: data/sample\n" in text
    assert "* word vectors: none\n" in text
    script.main("names_gru")
    assert path.read_text(encoding="utf-8") == text


def test_a_card_names_the_source_of_rows_and_vectors(stage):
    script, _ = stage
    set_params(pathlib.Path(), {"data.source": "data/web", "recipes.names_gru.vectors": "letters.vec"})
    script.main("names_gru")
    text = pathlib.Path("models/names_gru.md").read_text(encoding="utf-8")
    assert "* data.source: data/web\n* data.seed: 1\n* word vectors: letters.vec\n" in text
    assert "vectors of words and pairs" not in text
    set_params(pathlib.Path(), {"recipes.names_gru.lexicon": {"longest": 4, "vectors": "words.vec"}})
    script.main("names_gru")
    assert "* vectors of words and pairs: words.vec\n" in pathlib.Path("models/names_gru.md").read_text()
    assert "generated" not in text


def test_the_example_code_loads_the_model(stage, capsys):
    script, _ = stage
    script.main("names_gru")
    code = pathlib.Path("models/names_gru.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    exec(compile(code, "card", "exec"), {})
    (prediction,) = ast.literal_eval(capsys.readouterr().out)
    assert list(prediction["probabilities"]) == ["北", "south", "east"]


def test_without_metrics_there_is_no_card(stage):
    script, _ = stage
    pathlib.Path("metrics/names_gru/test.json").unlink()
    with pytest.raises(UserError, match=r"metrics/names_gru/test\.json: no such file; run the stage that writes it"):
        script.main("names_gru")
    assert not pathlib.Path("models/names_gru.md").exists()


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
        task = "tagging" if encoding["tags"] else "classification"
        assert (artifact.type, artifact.labels) == ("model", [task, encoding["corpus"]])
        assert artifact.desc
