"""A recipe with a wide part: trained as without it, fused after training, resumed and saved with the same bytes."""

import dataclasses
import json
import sys

import numpy as np
import pytest
import torch

from factories.distillation import DISTILL
from factories.linear_models import random_linear
from factories.networks import PLAIN
from factories.recipes import LABELS, SPLITS, TEXTS, prepare, recipe_of, run_script
from factories.settings import settings
from factories.shards import write_padded
from textrnn.common.config.model import WideOptions
from textrnn.common.config.train import Ema
from textrnn.errors import UserError
from textrnn.modeling.models.model_directory import load_model
from textrnn.preparation.artifacts.linear_model import LinearModel
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.training.batching.loading import load_buckets
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.recipe import PreparedFiles, load_recipe
from textrnn.training.trainer.train_recipe import make_resume_key, train_recipe

WIDE = dataclasses.replace(PLAIN, wide=True)
MANY = {"train": TEXTS, "dev": TEXTS * 3}  # enough rows of dev to fit the scales
LINEAR = random_linear([ids for ids, _ in TEXTS], classes=2)
OPTIONS = settings(epochs=2, evaluate_every=4, learning_rate=0.02, average=Ema("ema", 0.5))


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    monkeypatch.delenv("TEXTRNN_TENSORBOARD", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)


def train(folder, *, model=WIDE, linear=LINEAR, splits=MANY, options=OPTIONS):
    folder.mkdir()
    recipe = recipe_of(write_padded(folder, "classify", splits), model=model, train=options, linear=linear)
    return train_recipe(recipe, curves_file=folder / "curves.csv")


@pytest.mark.parametrize("options", [OPTIONS, dataclasses.replace(OPTIONS, distill=DISTILL)], ids=["alone", "taught"])
def test_the_network_is_trained_as_without_the_wide_part(tmp_path, options):
    plain, wide = (
        train(tmp_path / "plain", model=PLAIN, linear=None, options=options),
        train(tmp_path / "wide", options=options),
    )
    assert wide.outcome == plain.outcome  # dev chose the network by itself
    assert (tmp_path / "wide" / "curves.csv").read_bytes() == (tmp_path / "plain" / "curves.csv").read_bytes()
    deep = dict(plain.network.state_dict())
    both = wide.network.state_dict()
    assert all(torch.equal(both.pop(name), value) for name, value in deep.items())
    assert list(both) == ["wide.keys", "wide.weights", "wide.squares", "wide.bias", "wide.scales"]
    assert (plain.fusion, plain.config.ngrams) == (None, ())
    assert wide.config.ngrams == tuple(len(keys) for keys in LINEAR.keys)


def test_the_log_and_training_json_have_the_accuracies_and_the_scales(tmp_path, capsys):
    (tmp_path / "project").mkdir()
    files = PreparedFiles.of_recipe("tiny", prepare(tmp_path / "project", MANY))
    files = dataclasses.replace(files, preparation=Preparation(tmp_path / "project" / files.preparation.folder))
    trained = train(tmp_path / "work")
    output, fusion = capsys.readouterr().out.splitlines(), trained.fusion
    assert fusion.fitted
    assert output[-1] == fusion.describe("tiny")
    assert [line for line in output if line.startswith("  wide ")] != []  # in the summary
    dev = load_buckets(trained.recipe.data.padded, "dev")
    assert evaluate_loss(trained.network, dev, 100, None).accuracy == pytest.approx(fusion.both_accuracy)
    assert fusion.deep_accuracy == pytest.approx(trained.outcome.dev_accuracy)
    (tmp_path / "model").mkdir()
    trained.save(tmp_path / "model", files)
    record = json.loads((tmp_path / "model" / "training.json").read_text())
    assert record["fusion"] == {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in dataclasses.asdict(fusion).items()
    }


def test_a_stated_scale_is_used_as_it_is(tmp_path):
    trained = train(tmp_path / "a", model=dataclasses.replace(PLAIN, wide=WideOptions(2.5)))
    assert trained.network.wide.scales.tolist() == [1.0, 2.5]
    assert not trained.fusion.fitted


def add_linear(project, params):
    """Give the recipe `tiny` of a project a wide part."""
    folder = project / "data" / "linear" / "letters"
    folder.mkdir(parents=True)
    LINEAR.write(folder)
    params["model"]["wide"] = True
    (project / "params.yaml").write_text(json.dumps(params), encoding="utf-8")


def test_the_linear_model_is_read_and_in_the_key_of_a_run_only_with_a_wide_part(tmp_path, monkeypatch):
    params = prepare(tmp_path, MANY)
    monkeypatch.chdir(tmp_path)
    plain = PreparedFiles.of_recipe("tiny", params)
    assert plain.linear is None
    assert load_recipe("tiny", params, plain).data.linear is None
    key = make_resume_key(load_recipe("tiny", params, plain), plain)
    add_linear(tmp_path, params)
    assert key["inputs"] == make_resume_key(load_recipe("tiny", params, plain), plain)["inputs"]
    files = PreparedFiles.of_recipe("tiny", params)
    recipe = load_recipe("tiny", params, files)
    assert np.array_equal(recipe.data.linear.weights, LINEAR.weights)
    added = make_resume_key(recipe, files)["inputs"].keys() - key["inputs"].keys()
    assert added == {"data/linear/letters/linear.safetensors", "data/linear/letters/linear.json"}
    (tmp_path / "data" / "linear" / "letters" / "linear.json").unlink()
    with pytest.raises(UserError, match=r"linear\.json: no such file; run the stage that writes it"):
        files.load()


@pytest.mark.parametrize("place", ["add_wide_part", "save_model"])
def test_a_run_that_ends_during_the_fusion_is_resumed_with_the_same_bytes(tmp_path, monkeypatch, capsys, place):
    monkeypatch.setenv("TEXTRNN_CHECKPOINT_SECONDS", "0")
    models = []
    for name in ("whole", "resumed"):
        (tmp_path / name).mkdir()
        add_linear(tmp_path / name, prepare(tmp_path / name, MANY))
        if name == "resumed":
            with monkeypatch.context() as patched:
                patched.setattr(f"textrnn.training.trainer.train_recipe.{place}", interrupted)
                with pytest.raises(SystemExit) as ended:
                    run_script(patched, tmp_path / name, "train.py", "tiny")
            assert ended.value.code == 130
            assert not (tmp_path / name / "models" / "tiny").exists()
        capsys.readouterr()
        run_script(monkeypatch, tmp_path / name, "train.py", "tiny")
        models.append(tmp_path / name / "models" / "tiny")
    assert "resumed from step 5\n" in capsys.readouterr().out
    for name in ("model.safetensors", "config.json", "training.json"):
        assert (models[0] / name).read_bytes() == (models[1] / name).read_bytes()
    network = load_model(models[1]).network
    assert network.wide.scales.tolist() != [1.0, 1.0]


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("linear", "message"),
    [
        (
            None,
            r"^recipes\.tiny\.model\.wide: needs a linear model of the encoding, and the stage `baseline` has fitted",
        ),
        (LinearModel.empty(9, 2), r"^recipes\.tiny\.model\.wide: needs a linear model of the encoding, and the stage"),
        (
            dataclasses.replace(LINEAR, vocabulary_size=8),
            r"^recipes\.tiny\.model\.wide: needs a linear model of 9 tokens and 2 classes; got \(8, 2\); run the stage",
        ),
        (random_linear(classes=3), r"^recipes\.tiny\.model\.wide: needs .* 2 classes; got \(9, 3\); run the stage"),
    ],
)
def test_a_linear_model_that_does_not_fit_is_refused(tmp_path, linear, message):
    with pytest.raises(UserError, match=message):
        train(tmp_path / "a", linear=linear, splits=SPLITS)
    assert not (tmp_path / "a" / "curves.csv").exists()
    assert len(LABELS.names) == 2
