"""A model whose labels were renamed: its weights are kept, and anything else that changes trains it again."""

import dataclasses
import json

import pytest

from factories.imports import ROOT
from factories.networks import PLAIN
from factories.recipes import LABELS, SPLITS, prepare, recipe_of, run_script
from factories.settings import SETTINGS
from factories.shards import write_padded
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES, Preparation
from textrnn.preparation.artifacts.result_files import RecipeFiles
from textrnn.training.trainer.recipe import PreparedFiles
from textrnn.training.trainer.renamed_labels import hash_run
from textrnn.training.trainer.train_recipe import make_resume_key

KEPT = "tiny: only names of labels have changed; the weights are kept\n"
BIOES = Labels("tag", ["O", "B-PER", "I-PER", "E-PER", "S-PER", "B-LOC", "I-LOC"], "bioes", ["PER", "LOC"])


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """A function that runs the stage, and returns what it printed and the files of the model by name."""
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    prepare(tmp_path, SPLITS)
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())

    def run():
        run_script(monkeypatch, tmp_path, "train.py", "tiny")
        files = {path.name: path.read_bytes() for path in (tmp_path / "models/tiny").iterdir() if path.is_file()}
        return capsys.readouterr().out, files

    return run


def rename(project, *names):
    dataclasses.replace(LABELS, names=list(names)).save(project / "data/encoded/letters/preparation/labels.json")


def test_the_weights_are_kept(train, tmp_path):
    said, before = train()
    assert KEPT not in said
    curves = (tmp_path / "metrics/tiny/curves.csv").read_bytes()
    timings = RecipeFiles("tiny", tmp_path).timings.read_bytes()
    rename(tmp_path, "two, four", "one, three")
    said, after = train()
    assert said == KEPT
    assert {name for name in before if before[name] != after[name]} == {"labels.json", "checksums.json"}
    assert json.loads(after["labels.json"])["names"] == ["two, four", "one, three"]
    assert (tmp_path / "metrics/tiny/curves.csv").read_bytes() == curves
    assert RecipeFiles("tiny", tmp_path).timings.read_bytes() == timings
    assert after == train()[1]  # the names are those of the model: it is trained, with the same result


def test_a_param_changes_too(train, tmp_path):
    train()
    rename(tmp_path, "two", "one")
    params = json.loads((tmp_path / "params.yaml").read_text())
    params["train"]["seed"] = 2
    (tmp_path / "params.yaml").write_text(json.dumps(params))
    assert KEPT not in train()[0]


@pytest.mark.parametrize("damage", [b"", b"{}", None])
def test_a_model_that_cannot_be_read_is_trained(train, tmp_path, damage):
    _, before = train()
    record = tmp_path / "models/tiny/training.json"
    record.unlink()
    if damage is not None:
        record.write_bytes(damage)
    rename(tmp_path, "two", "one")
    said, after = train()
    assert KEPT not in said
    assert after["model.safetensors"] == before["model.safetensors"]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "vocabulary.arrow", "checksums.json"])
@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_a_damaged_model_is_trained_again(train, tmp_path, name, damage):
    _, before = train()
    path = tmp_path / "models/tiny" / name
    content = path.read_bytes()
    path.unlink()
    if damage == "changed":
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    rename(tmp_path, "two", "one")
    said, after = train()
    assert (KEPT in said) == ((name, damage) == ("checksums.json", "removed"))  # as an earlier version left it
    assert after["model.safetensors"] == before["model.safetensors"]
    assert json.loads(after["labels.json"])["names"] == ["two", "one"]


@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_without_its_curves_a_model_is_trained_again(train, tmp_path, damage):
    train()
    curves = tmp_path / "metrics/tiny/curves.csv"
    content = curves.read_bytes()
    curves.unlink()
    if damage == "changed":
        curves.write_bytes(content + b"9,dev,1\n")
    rename(tmp_path, "two", "one")
    said, _ = train()
    assert KEPT not in said
    assert curves.read_bytes() == content


def test_what_else_lies_in_the_model_directory_is_no_obstacle(train, tmp_path):
    train()
    (tmp_path / "models/tiny/notes").mkdir()
    rename(tmp_path, "two", "one")
    assert train()[0] == KEPT


@pytest.fixture
def run_hash(tmp_path):
    """A function of labels and settings: the hash of a run."""
    padded = write_padded(tmp_path, "classify", SPLITS)
    files = PreparedFiles(padded=tmp_path / "padded", embedded=tmp_path, preparation=Preparation(tmp_path))
    for name in ("embedding.arrow", "lexicon.arrow", "bigrams.arrow", *PREPARATION_FILES):
        (tmp_path / name).write_text("1")

    def hashed(labels, **changes):
        settings = dataclasses.replace(SETTINGS, **changes)
        recipe = recipe_of(padded, labels=labels, model=PLAIN, train=settings)
        return hash_run(recipe, files, make_resume_key(recipe, files))

    return hashed


def renamed(labels, *names):
    return dataclasses.replace(labels, names=list(names))


def test_what_the_hash_of_a_run_has_of_labels(run_hash):
    assert run_hash(LABELS) == run_hash(renamed(LABELS, "a", "b"))
    assert run_hash(LABELS) != run_hash(renamed(LABELS, "a", "b", "c"))
    other_types = renamed(BIOES, "O", "B-人", "I-人", "E-人", "S-人", "B-PER", "I-PER")
    assert run_hash(BIOES) == run_hash(other_types)
    assert run_hash(BIOES) != run_hash(renamed(BIOES, "O", "B-PER", "E-PER", "I-PER", "S-PER", "B-LOC", "I-LOC"))
    assert run_hash(BIOES) != run_hash(renamed(BIOES, "O", "B-PER", "I-PER", "E-PER", "S-PER", "B-PER", "I-PER"))


def test_weights_of_labels_follow_their_names(run_hash):
    weights = {"even": 2.0}
    assert run_hash(LABELS, class_weights=weights) != run_hash(renamed(LABELS, "odd", "even"), class_weights=weights)
    balanced = "balanced"
    assert run_hash(LABELS, class_weights=balanced) == run_hash(renamed(LABELS, "a", "b"), class_weights=balanced)
