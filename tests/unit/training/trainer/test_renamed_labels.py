"""A model whose labels were renamed: its weights are kept, and anything else that changes trains it again."""

import contextlib
import dataclasses
import errno
import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from factories.imports import ROOT
from factories.networks import PLAIN
from factories.recipes import LABELS, SPLITS, prepare, recipe_of, run_script
from factories.settings import SETTINGS
from factories.shards import write_padded
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES, Preparation
from textrnn.preparation.artifacts.result_files import RecipeFiles
from textrnn.training.distributed.process_group import ProcessGroup
from textrnn.training.planning.limits import Cap
from textrnn.training.trainer.recipe import PreparedFiles
from textrnn.training.trainer.renamed_labels import KeptModel, hash_run
from textrnn.training.trainer.train_recipe import make_resume_key
from textrnn.unfinished import REPLACED, unfinished

SAID = "tiny: only names of labels have changed; the weights are kept\n"
BIOES = Labels("tag", ["O", "B-PER", "I-PER", "E-PER", "S-PER", "B-LOC", "I-LOC"], "bioes", ["PER", "LOC"])
KEPT = "models/.textrnn/tiny.kept"
FILES = ["checksums.json", "config.json", "curves.csv", "kept.json", "model.safetensors", "training.json"]
REFIT = "before_refit.safetensors"


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """A function that runs the stage as DVC does, without its old outputs.

    It returns what the stage printed, and the bytes of its outputs by name.
    """
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    prepare(tmp_path, SPLITS)
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    curves = tmp_path / "metrics/tiny/curves.csv"

    def run():
        shutil.rmtree(tmp_path / "models/tiny", ignore_errors=True)
        curves.unlink(missing_ok=True)
        capsys.readouterr()
        run_script(monkeypatch, tmp_path, "train.py", "tiny")
        return capsys.readouterr().out, {path.name: path.read_bytes() for path in outputs(tmp_path)}

    return run


def outputs(project):
    return [*(project / "models/tiny").iterdir(), project / "metrics/tiny/curves.csv"]


def names_of(folder):
    return sorted(path.name for path in folder.iterdir())


def rename(project, *names):
    dataclasses.replace(LABELS, names=list(names)).save(project / "data/encoded/letters/preparation/labels.json")


def set_train(project, **changes):
    params = json.loads((project / "params.yaml").read_text())
    params["train"] |= changes
    (project / "params.yaml").write_text(json.dumps(params))


def test_the_weights_are_kept(train, tmp_path):
    said, before = train()
    assert SAID not in said
    timings = RecipeFiles("tiny", tmp_path).timings.read_bytes()
    rename(tmp_path, "two, four", "one, three")
    said, after = train()
    assert said == SAID
    assert {name for name in before if before[name] != after[name]} == {"labels.json", "checksums.json"}
    assert before.keys() == after.keys()
    assert json.loads(after["labels.json"])["names"] == ["two, four", "one, three"]
    assert RecipeFiles("tiny", tmp_path).timings.read_bytes() == timings
    assert names_of(tmp_path / "models/.textrnn") == ["tiny.kept"]
    shutil.rmtree(tmp_path / KEPT)
    said, trained = train()
    assert SAID not in said
    assert after == trained


def test_a_run_without_a_new_name_was_asked_for_and_trains(train, tmp_path):
    _, first = train()
    said, again = train()
    assert SAID not in said
    assert again == first
    rename(tmp_path, "two", "one")
    assert train()[0] == SAID
    rename(tmp_path, "II", "I")
    said, third = train()
    assert said == SAID
    all_names = [["even", "odd"], ["two", "one"], ["II", "I"]]
    for names in (("II", "I"), ("even", "odd")):  # names that it has had
        rename(tmp_path, *names)
        said, trained = train()
        assert SAID not in said
        assert trained == (third if names == ("II", "I") else first)
        assert json.loads((tmp_path / KEPT / "kept.json").read_text())["names"] == all_names


def test_the_second_weights_of_a_refit_are_kept_too(train, tmp_path):
    set_train(tmp_path, refit=True)
    _, before = train()
    rename(tmp_path, "two", "one")
    said, after = train()
    assert said == SAID
    assert after[REFIT] == before[REFIT]
    assert names_of(tmp_path / KEPT) == sorted([*FILES, REFIT])
    (tmp_path / KEPT / REFIT).unlink()
    rename(tmp_path, "II", "I")
    said, after = train()
    assert SAID not in said
    assert after[REFIT] == before[REFIT]


def test_a_param_changes_too(train, tmp_path):
    train()
    rename(tmp_path, "two", "one")
    set_train(tmp_path, seed=2)
    assert SAID not in train()[0]
    assert names_of(tmp_path / "models/.textrnn") == ["tiny.kept"]  # that of the latest training, and no other


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["changed", "empty", "removed"])
def test_a_damaged_kept_model_is_trained_again(train, tmp_path, name, damage):
    _, before = train()
    path = tmp_path / KEPT / name
    content = path.read_bytes()
    path.unlink()
    if damage == "changed":
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif damage == "empty":
        path.write_bytes(b"")
    rename(tmp_path, "two", "one")
    said, after = train()
    assert SAID not in said
    assert {name for name in before if before[name] != after[name]} == {"labels.json", "checksums.json"}
    assert names_of(tmp_path / KEPT) == FILES
    rename(tmp_path, "II", "I")
    assert train()[0] == SAID  # what is kept now is whole


@pytest.mark.parametrize("record", [b"[]", b"{}", b'{"run": "", "files": [1], "names": []}', b"\xff", b"[" * 100_000])
def test_a_record_of_another_form_trains_again(train, tmp_path, record):
    train()
    (tmp_path / KEPT / "kept.json").write_bytes(record)
    (tmp_path / KEPT / "checksums.json").unlink()
    rename(tmp_path, "two", "one")
    assert SAID not in train()[0]


@pytest.mark.parametrize("instead", ["nothing", "a file", "a link to nothing", "an empty folder"])
def test_what_else_has_the_place_of_the_kept_model_is_replaced(train, tmp_path, instead):
    train()
    shutil.rmtree(tmp_path / KEPT)
    if instead == "a file":
        (tmp_path / KEPT).write_text("a file")
    elif instead == "a link to nothing":
        (tmp_path / KEPT).symlink_to("nowhere")
    elif instead == "an empty folder":
        (tmp_path / KEPT).mkdir()
    rename(tmp_path, "two", "one")
    assert SAID not in train()[0]
    assert names_of(tmp_path / KEPT) == FILES


def test_the_weights_take_no_space_of_their_own(train, tmp_path):
    train()
    assert os.path.samefile(tmp_path / KEPT / "model.safetensors", tmp_path / "models/tiny/model.safetensors")
    # into this one others write
    assert not os.path.samefile(tmp_path / KEPT / "curves.csv", tmp_path / "metrics/tiny/curves.csv")


def test_what_is_written_into_the_model_directory_later_is_not_taken(train, tmp_path):
    _, before = train()
    with (tmp_path / "models/tiny/model.safetensors").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\0\0\1\0")
    rename(tmp_path, "two", "one")
    said, after = train()
    assert SAID not in said
    assert after["model.safetensors"] == before["model.safetensors"]


def test_the_model_directory_of_new_names_is_not_linked_with_what_was_kept(train, tmp_path):
    """DVC's cache may have the kept file; an editor that writes into the new one must not change it."""
    _, before = train()
    cached = tmp_path / "cached"
    os.link(tmp_path / KEPT / "model.safetensors", cached)
    rename(tmp_path, "two", "one")
    assert train()[0] == SAID
    with (tmp_path / "models/tiny/model.safetensors").open("r+b") as file:
        file.write(b"\0")
    assert cached.read_bytes() == before["model.safetensors"]


def test_read_only_files_are_read_and_replaced(train, tmp_path):
    """DVC takes write permission from files of its cache, which the kept ones are linked with."""
    _, before = train()

    def protect():
        for path in (tmp_path / KEPT).iterdir():
            path.chmod(0o444)

    protect()
    rename(tmp_path, "two", "one")
    said, after = train()
    assert said == SAID
    assert after["model.safetensors"] == before["model.safetensors"]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o200 for path in outputs(tmp_path)} == {0o200}
    protect()
    set_train(tmp_path, seed=2)
    assert SAID not in train()[0]
    assert names_of(tmp_path / KEPT) == FILES


@pytest.mark.parametrize("code", [errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK])
def test_without_hard_links_files_are_copied(train, tmp_path, monkeypatch, code):
    def refuse(source, target, **_):
        raise OSError(code, os.strerror(code), str(source), None, str(target))

    monkeypatch.setattr("os.link", refuse)
    _, before = train()
    assert not os.path.samefile(tmp_path / KEPT / "model.safetensors", tmp_path / "models/tiny/model.safetensors")
    rename(tmp_path, "two", "one")
    said, after = train()
    assert said == SAID
    assert after["model.safetensors"] == before["model.safetensors"]


def test_where_nothing_can_be_kept_the_model_is_written_all_the_same(train, tmp_path, monkeypatch):
    _, before = train()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.link", full)
    monkeypatch.setattr("shutil.copyfile", full)
    assert train()[1] == before
    assert not (tmp_path / "models/.textrnn").exists()  # of the one before neither: its names are not those of today
    rename(tmp_path, "two", "one")
    assert SAID not in train()[0]


def test_an_interrupt_while_it_is_kept_leaves_the_checkpoint(train, tmp_path, monkeypatch):
    _, before = train()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setenv("TEXTRNN_CHECKPOINT_SECONDS", "0")
        patched.setattr("os.link", interrupted)
        with pytest.raises(SystemExit) as ended:
            train()
    assert ended.value.code == 130
    assert not (tmp_path / "models/tiny").exists()
    assert names_of(tmp_path / KEPT) == FILES  # that of the run before
    said, after = train()
    assert "resumed from step 5\n" in said
    assert after == before


def test_several_processes_train(train, tmp_path, monkeypatch):
    """The others have begun already when process 0 finds a kept model."""
    train()
    rename(tmp_path, "two", "one")

    def training(*_, group, **__):
        assert group == ProcessGroup(0, 2)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        group = contextlib.nullcontext(ProcessGroup(0, 2))
        patched.setattr("textrnn.training.distributed.launcher.launch_group", lambda: group)
        patched.setattr("textrnn.training.trainer.train_recipe.train_recipe", training)
        with pytest.raises(SystemExit) as ended:
            train()
    assert ended.value.code == 130
    assert train()[0] == SAID


def test_what_a_killed_run_was_replacing_is_put_back(train, tmp_path):
    train()
    with unfinished(tmp_path / KEPT, Path.mkdir) as entry:
        aside = entry.with_name(f"{entry.name}0{REPLACED}")  # as a process leaves it that is killed between two renames
        aside.mkdir()
    (tmp_path / KEPT).rename(aside / "tiny.kept")
    rename(tmp_path, "two", "one")
    assert train()[0] == SAID
    assert names_of(tmp_path / "models/.textrnn") == ["tiny.kept"]


@pytest.fixture
def run_hash(tmp_path):
    """A function of labels and settings: the hash of a run."""
    padded = write_padded(tmp_path, "classify", SPLITS)
    files = PreparedFiles(padded=tmp_path / "padded", embedded=tmp_path, preparation=Preparation(tmp_path))
    for name in ("embedding.arrow", "lexicon.arrow", "bigrams.arrow", *PREPARATION_FILES):
        (tmp_path / name).write_text("1")

    def hashed(labels, caps=(), **changes):
        labels.save(files.preparation.labels_file)
        settings = dataclasses.replace(SETTINGS, **changes)
        recipe = recipe_of(padded, labels=labels, model=PLAIN, train=settings, caps=caps)
        return hash_run(recipe, files, make_resume_key(recipe, files))

    return hashed


def renamed(labels, *names):
    return dataclasses.replace(labels, names=list(names))


def test_what_the_hash_of_a_run_has_of_labels(run_hash):
    assert run_hash(LABELS) == run_hash(renamed(LABELS, "a", "b"))
    assert run_hash(LABELS) != run_hash(renamed(LABELS, "a", "b", "c"))
    other_types = dataclasses.replace(
        renamed(BIOES, "O", "B-人", "I-人", "E-人", "S-人", "B-PER", "I-PER"), types=["人", "PER"]
    )
    assert run_hash(BIOES) == run_hash(other_types)
    assert run_hash(BIOES) != run_hash(dataclasses.replace(BIOES, types=["LOC", "PER"]))
    assert run_hash(BIOES) != run_hash(renamed(BIOES, "O", "B-PER", "E-PER", "I-PER", "S-PER", "B-LOC", "I-LOC"))
    same_type = renamed(BIOES, "O", "B-PER", "I-PER", "E-PER", "S-PER", "B-PER", "I-PER")
    assert run_hash(BIOES) != run_hash(dataclasses.replace(same_type, types=["PER"]))


def test_weights_of_labels_follow_their_names(run_hash):
    weights = {"even": 2.0}
    assert run_hash(LABELS, class_weights=weights) != run_hash(renamed(LABELS, "odd", "even"), class_weights=weights)
    balanced = "balanced"
    assert run_hash(LABELS, class_weights=balanced) == run_hash(renamed(LABELS, "a", "b"), class_weights=balanced)


def test_the_hash_of_a_run_has_all_that_the_record_of_a_training_shows(run_hash, monkeypatch):
    before = run_hash(LABELS)
    assert run_hash(LABELS, seed=7) != before
    assert run_hash(LABELS, caps=(Cap("train.epochs", 100, SETTINGS.epochs),)) != before
    monkeypatch.setattr("textrnn.training.trainer.renamed_labels.__version__", "0.0.0")
    assert run_hash(LABELS) != before


def test_the_kept_model_of_one_recipe_is_not_that_of_another(tmp_path):
    assert KeptModel.of_recipe("a", tmp_path) != KeptModel.of_recipe("b", tmp_path)
    assert KeptModel.of_recipe("a", tmp_path).names_of_run("0") == []
