"""Test model directories: a saved model is loaded unchanged, and errors name the missing, damaged or wrong file."""

import dataclasses
import json
import pickle

import pytest
import torch

import textrnn
from factories.networks import LENGTHS, PLAIN, padded
from factories.saved_models import LABELS, options, save
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions, WideOptions
from textrnn.errors import UserError
from textrnn.modeling.models.model_directory import (
    load_model,
)
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.model_files import CONFIG_FILE, WEIGHTS_FILE
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cell": "lstm", "layers": 2, "bidirectional": True, "layer_norm": True, "dropout": 0.5, "readout": "max"},
        {"cell": "scratch_gru", "relu": True, "head_size": 6, "head_dropout": 0.5, "readout": "last_step"},
        {"cell": "rnn", "readout": "every_step"},
        {
            "readout": ("max", "attention"),
            "bigrams": BigramOptions(3, 1),
            "locked_dropout": True,
            "embedding_dropout": 0.5,
        },
        {"words": SoftLexiconOptions(3, 1), "readout": "every_step"},
        {"words": SoftLexiconOptions(3, 1, "bmes", "frequency", tune=False)},
        {"wide": True},
        {"wide": WideOptions(0.5), "readout": "mean"},
    ],
    ids=["plain", "lstm", "scratch_gru", "tagger", "bigrams", "words", "weighted words", "wide", "wide scale"],
)
def test_a_model_is_loaded_identical_to_the_bit(tmp_path, changes):
    folder, config, network = save(tmp_path, options(**changes))
    saved = load_model(folder)
    assert saved.config == config
    assert saved.labels == LABELS
    assert not saved.network.training
    before, after = network.state_dict(), saved.network.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(saved.network(padded(), LENGTHS), network.eval()(padded(), LENGTHS))


def test_words_of_models_saved_before_they_had_options_are_read_as_they_were(tmp_path):
    folder, config, _ = save(tmp_path, options(words=SoftLexiconOptions(3, 1), readout="every_step"))
    path = folder / CONFIG_FILE
    values = json.loads(path.read_text(encoding="utf-8"))
    assert values["model"]["words"].pop("sets") == "bme"
    assert values["model"]["words"].pop("weights") == "equal"
    assert values["model"]["words"].pop("tune") is True
    path.write_text(json.dumps(values), encoding="utf-8")
    saved = load_model(folder)
    assert saved.config == config
    assert saved.network.words.frequencies is None


def test_the_directory_holds_its_files_and_nothing_else(tmp_path):
    folder, _, _ = save(tmp_path)
    assert {path.name for path in folder.iterdir()} == {CONFIG_FILE, WEIGHTS_FILE, *PREPARATION_FILES}
    for name in PREPARATION_FILES:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes()
    assert json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")) == {
        "recipe": "tiny",
        "version": textrnn.__version__,
        "tokens": 9,
        "embedding_size": 4,
        "classes": 3,
        "widths": [2, 5],
        "pad_side": "right",
        "truncates": False,
        "pairs": 0,
        "words": None,
        "ngrams": [],
        "model": dataclasses.asdict(PLAIN),
    }


def test_the_wide_part_is_in_the_configuration_and_the_weights(tmp_path):
    folder, config, network = save(tmp_path, options(wide=True))
    values = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    assert values["ngrams"] == list(config.ngrams) == [8, 23, 17]
    saved = load_model(folder).network
    assert saved.wide.scales.tolist() == [0.75, 1.5]
    assert torch.equal(saved.wide(padded(), LENGTHS), network.wide(padded(), LENGTHS))
    assert not torch.equal(saved(padded(), LENGTHS), saved.deep_logits(padded(), LENGTHS))


def test_a_model_saved_before_there_was_a_wide_part_is_loaded(tmp_path):
    folder, _, network = save(tmp_path)
    path = folder / CONFIG_FILE
    values = json.loads(path.read_text(encoding="utf-8"))
    del values["ngrams"], values["model"]["wide"]
    path.write_text(json.dumps(values), encoding="utf-8")
    saved = load_model(folder)
    assert saved.config.ngrams == ()
    assert saved.config.model.wide is False
    assert torch.equal(saved.network(padded(), LENGTHS), network.eval()(padded(), LENGTHS))


def test_the_same_model_has_the_same_bytes_and_needs_no_file_outside_its_directory(tmp_path):
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        save(tmp_path / run)
    for name in (CONFIG_FILE, WEIGHTS_FILE, *PREPARATION_FILES):
        assert (tmp_path / "a" / "tiny" / name).read_bytes() == (tmp_path / "b" / "tiny" / name).read_bytes()
    moved = (tmp_path / "a" / "tiny").rename(tmp_path / "moved")
    for path in (tmp_path / "a").iterdir():
        path.unlink()
    assert load_model(moved).config.recipe == "tiny"


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE, *PREPARATION_FILES])
def test_a_missing_file_is_named(tmp_path, name):
    folder, _, _ = save(tmp_path)
    (folder / name).unlink()
    with pytest.raises(
        UserError, match=rf"tiny/{name}: is missing from the model directory; train the recipe, or copy"
    ):
        load_model(folder)


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere/config\.json: is missing from the model directory"):
        load_model(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            CONFIG_FILE,
            b"{",
            r"config\.json: is damaged or belongs to another model; got JSONDecodeError: .*; train the recipe again",
        ),
        (CONFIG_FILE, b"\xff\xfe", r"config\.json: is damaged or belongs to another model; got UnicodeDecodeError"),
        (CONFIG_FILE, b"[]", r"config\.json: is damaged .* got ValueError: it must be a mapping, not a list; train"),
        (WEIGHTS_FILE, b"", r"model\.safetensors: is damaged or belongs to another model; got SafetensorError"),
        (WEIGHTS_FILE, b"\x08" + bytes(7) + b'{"a": 1}', r"model\.safetensors: is damaged .* got SafetensorError"),
        ("labels.json", b"{", r"labels\.json: is damaged or belongs to another model; got JSONDecodeError"),
        (
            "labels.json",
            b'{"task": "classify"}',
            r"labels\.json: is damaged or belongs to another model; got ValueError: names is missing;",
        ),
        ("labels.json", b"[]", r"labels\.json: is damaged or belongs to another model; got ValueError: it must be"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, content, message):
    folder, _, _ = save(tmp_path)
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"tiny/{message}") as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


def test_a_path_that_is_too_long_is_named(tmp_path):
    with pytest.raises(UserError, match=r"config\.json: cannot be read; got .*File name too long"):
        load_model(tmp_path / ("x" * 300))


def test_truncated_weights_are_named(tmp_path):
    folder, _, _ = save(tmp_path)
    (folder / WEIGHTS_FILE).write_bytes((folder / WEIGHTS_FILE).read_bytes()[:-4])
    with pytest.raises(UserError, match=r"tiny/model\.safetensors: is damaged or belongs to another model"):
        load_model(folder)


def edit(folder, change):
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    change(config)
    (folder / CONFIG_FILE).write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("tokens"), r"config\.json\.tokens: missing param"),
        (lambda c: c.update(tokens="9"), r"config\.json\.tokens: must be a whole number; got '9'"),
        (lambda c: c.update(pad_sied="left"), r"config\.json\.pad_sied: unknown param; did you mean pad_side\?"),
        (lambda c: c.update(pad_side="up"), r"config\.json\.pad_side: must be one of right, left; got 'up'"),
        (lambda c: c["model"].update(cell="gruu"), r"config\.json\.model\.cell: must be one of rnn, lstm, gru"),
        (lambda c: c["model"].update(hidden_size=-1), r"config\.json: is damaged or belongs to another model"),
        (lambda c: c.update(widths=[]), r"config\.json: is damaged or belongs to another model; got .*widths"),
    ],
)
def test_an_invalid_configuration_is_named(tmp_path, change, message):
    folder, _, _ = save(tmp_path)
    edit(folder, change)
    with pytest.raises(UserError, match=message):
        load_model(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(tokens=10),
        lambda c: c.update(embedding_size=5),
        lambda c: c["model"].update(hidden_size=4),
        lambda c: c["model"].update(layers=2),
        lambda c: c["model"].update(layer_norm=True),
        lambda c: c["model"].update(cell="lstm"),
    ],
    ids=["tokens", "embedding", "hidden", "layers", "norm", "cell"],
)
def test_weights_of_another_shape_are_rejected(tmp_path, change):
    folder, _, _ = save(tmp_path)
    edit(folder, change)
    with pytest.raises(
        UserError, match=r"tiny/model\.safetensors: is damaged or belongs to another model; got ValueError"
    ):
        load_model(folder)


def test_labels_of_another_model_are_rejected(tmp_path):
    folder, _, _ = save(tmp_path)
    Labels("classify", ["yes", "no"], None, []).save(folder / "labels.json")
    with pytest.raises(
        UserError, match=r"labels\.json: does not belong to a model with 3 classes; got \['yes', 'no'\]"
    ):
        load_model(folder)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a file of a model directory was unpickled",))


def test_no_file_is_unpickled(tmp_path):
    folder, _, _ = save(tmp_path)
    start = (folder / WEIGHTS_FILE).read_bytes()[:9]
    assert start[8:] == b"{"  # safetensors: the header's length in 8 bytes, then its JSON
    for content in (pickle.dumps(Bomb()), None):
        if content is None:
            torch.save({"weight": Bomb()}, folder / WEIGHTS_FILE)
        else:
            (folder / WEIGHTS_FILE).write_bytes(content)
        with pytest.raises(UserError, match=r"model\.safetensors: is damaged or belongs to another model"):
            load_model(folder)
