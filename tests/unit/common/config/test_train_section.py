"""The section `train`: a recipe's values over the defaults, and values refused by name."""

import dataclasses
import math

import pytest

from factories.settings import SETTINGS, settings
from textrnn.common.config.train import Adversarial, CosineSchedule, Ema, StepSchedule, Swa, Train
from textrnn.common.params.sections import load_entry_section
from textrnn.errors import UserError
from textrnn.preparation.artifacts.labels import Labels
from textrnn.training.planning.class_weights import class_weights

DEFAULTS = {**dataclasses.asdict(SETTINGS), "learning_rate": 1e-3}


def merged(values, defaults=DEFAULTS):
    return load_entry_section(Train, {"train": defaults, "recipes": {"r": {"train": values}}}, "recipes", "r", "train")


def test_a_recipe_s_values_take_precedence_over_the_defaults():
    assert merged({}) == settings(learning_rate=1e-3)
    override = {"epochs": 9, "schedule": {"kind": "step", "every": 5, "factor": 0.95}, "class_weights": {"PER": 10}}
    wanted = settings(learning_rate=1e-3, epochs=9, schedule=StepSchedule("step", 5, 0.95), class_weights={"PER": 10.0})
    assert merged(override) == wanted
    assert merged({"clip_norm": None}, {**DEFAULTS, "clip_norm": 5}).clip_norm is None
    cosine = {"schedule": {"kind": "cosine", "floor": 0, "warmup": 0}}
    assert merged(cosine).schedule == CosineSchedule("cosine", 0.0, 0.0)
    assert merged({"average": {"kind": "ema", "decay": 0.9}}).average == Ema("ema", 0.9)
    assert merged({"average": {"kind": "swa", "from_epoch": 2}}).average == Swa("swa", 2)
    assert merged({"average": {"kind": "ema", "share": 0.1}}).average == Ema("ema", None, 0.1)
    assert merged({"adversarial": {"epsilon": 1, "weight": 0.5}}).adversarial == Adversarial(1.0, 0.5)
    assert merged({"class_weights": "balanced"}).class_weights == "balanced"
    assert (merged({"batch_size": "auto"}).batch_size, merged({"batch_size": 9}).batch_size) == ("auto", 9)
    assert merged({"batch_size": 1024}, {**DEFAULTS, "batch_size": "auto"}).batch_size == 1024  # a stated value wins


@pytest.mark.parametrize(
    ("defaults", "override", "message"),
    [
        ({}, {"epoch": 3}, r"^recipes\.r\.train\.epoch: unknown param; did you mean epochs\?"),
        ({}, {"epochs": "three"}, r"^recipes\.r\.train\.epochs: must be a whole number; got 'three'"),
        ({}, {"batch_size": "many"}, r"^recipes\.r\.train\.batch_size: must be a whole number, or auto; got 'many'"),
        (
            {},
            {"class_weights": "balance"},
            r"^recipes\.r\.train\.class_weights: must be one of balanced; got 'balance'",
        ),
        ({}, {"class_weights": {"PER": "x"}}, r"^recipes\.r\.train\.class_weights\.PER: must be a number; got 'x'"),
        ({}, {"batch_size": None}, r"^recipes\.r\.train\.batch_size: must be a whole number; got null"),
        ({}, {"batch_size": 1.5}, r"^recipes\.r\.train\.batch_size: must be a whole number; got 1\.5"),
        ({}, {"average": {"kind": "ema", "shar": 0.1}}, r"^recipes\.r\.train\.average\.shar: unknown param; .* share"),
        ({}, {"average": {"kind": "ema"}}, r"^recipes\.r\.train\.average: must have one of decay and share; got"),
        ({}, {"epochs": None}, r"^recipes\.r\.train\.epochs: must be a whole number; got null"),
        ({}, {"schedule": {"kind": "step", "every": 5}}, r"^recipes\.r\.train\.schedule\.factor: missing param"),
        ({}, {"schedule": {"kind": "stepp"}}, r"^recipes\.r\.train\.schedule\.kind: must be one of step, cosine"),
        ({}, None, r"^recipes\.r\.train: must be a mapping; got null"),
        ({}, [], r"^recipes\.r\.train: must be a mapping; got \[\]"),
        ({"epochs": 1.5}, {"epochs": 2}, r"^train\.epochs: must be a whole number; got 1\.5"),
        ({"batchsize": 2}, {}, r"^train\.batchsize: unknown param; did you mean batch_size\?"),
    ],
)
def test_unknown_and_mistyped_values_are_refused_by_name(defaults, override, message):
    with pytest.raises(UserError, match=message):
        merged(override, {**DEFAULTS, **defaults})


def test_a_value_must_stand_in_the_defaults_or_in_the_recipe():
    with pytest.raises(UserError, match=r"^train: must be a mapping; got null"):
        merged({}, None)
    incomplete = {name: value for name, value in DEFAULTS.items() if name != "epochs"}
    with pytest.raises(UserError, match=r"^recipes\.r\.train\.epochs: missing param"):
        merged({}, incomplete)
    assert merged({"epochs": 1}, incomplete).epochs == 1  # `check` refuses these defaults all the same


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": -1}, r"^train\.seed: must lie in \[0, 2\^63\); got -1"),
        ({"seed": 2**63}, r"^train\.seed: must lie in"),
        ({"batch_size": 0}, r"^train\.batch_size: must be at least 1; got 0"),
        ({"epochs": 0}, r"^train\.epochs: must be at least 1"),
        ({"evaluate_every": 0}, r"^train\.evaluate_every: must be at least 1"),
        ({"patience": 0}, r"^train\.patience: must be at least 1"),
        ({"learning_rate": 0.0}, r"^train\.learning_rate: must be above 0; got 0\.0"),
        ({"learning_rate": math.nan}, r"^train\.learning_rate: must be above 0; got nan"),
        ({"weight_decay": -0.1}, r"^train\.weight_decay: must not be negative"),
        ({"clip_norm": 0.0}, r"^train\.clip_norm: must be above 0"),
        ({"schedule": StepSchedule("step", 0, 0.5)}, r"^train\.schedule\.every: must be at least 1"),
        ({"schedule": StepSchedule("step", 1, -0.5)}, r"^train\.schedule\.factor: must be above 0; got -0\.5"),
        ({"schedule": CosineSchedule("cosine", 1.5, 0.0)}, r"^train\.schedule\.floor: must lie in \[0, 1\]; got 1\.5"),
        ({"schedule": CosineSchedule("cosine", 0.0, 1.0)}, r"^train\.schedule\.warmup: must lie in \[0, 1\); got 1\.0"),
        ({"embedding_rate": -1.0}, r"^train\.embedding_rate: must not be negative; got -1\.0"),
        ({"decoupled_decay": -1.0}, r"^train\.decoupled_decay: must not be negative; got -1\.0"),
        ({"label_smoothing": 1.0}, r"^train\.label_smoothing: must lie in \[0, 1\); got 1\.0"),
        ({"average": Ema("ema", 1.0)}, r"^train\.average\.decay: must lie in \[0, 1\); got 1\.0"),
        ({"average": Ema("ema", 0.9, 0.1)}, r"^train\.average: must have one of decay and share; got"),
        ({"average": Ema("ema", share=0.0)}, r"^train\.average\.share: must lie in \(0, 1\]; got 0\.0"),
        ({"average": Ema("ema", share=1.5)}, r"^train\.average\.share: must lie in \(0, 1\]; got 1\.5"),
        ({"adversarial": Adversarial(0.0, 1.0)}, r"^train\.adversarial\.epsilon: must be above 0 and finite; got 0\.0"),
        ({"adversarial": Adversarial(1.0, math.inf)}, r"^train\.adversarial\.weight: must be above 0 and finite"),
        (
            {"adversarial": Adversarial(1.0, 1.0), "embedding_rate": 0.0},
            r"^train\.adversarial: must be null if embedding_rate is 0: a frozen embedding has no gradient",
        ),
        ({"average": Swa("swa", 0)}, r"^train\.average\.from_epoch: must be at least 1; got 0"),
        ({"class_weights": {"ORG": 2.0}}, r"^train\.class_weights\.ORG: must be one of O, PER; got 'ORG'"),
        ({"class_weights": {"PER": -1.0}}, r"^train\.class_weights\.PER: must not be negative; got -1\.0"),
    ],
)
def test_values_out_of_range_are_refused_by_name(changes, message):
    with pytest.raises(UserError, match=message):
        check_all(settings(**changes))


@pytest.mark.parametrize(
    ("monitor", "task", "valid"),
    [
        ("macro_f1", "classify", True),
        ("macro_f1", "tag", False),
        ("entity_f1", "tag", True),
        ("entity_f1", "classify", False),
        ("loss", "tag", True),
        ("accuracy", "tag", True),
    ],
)
def test_a_monitor_fits_the_task(monitor, task, valid):
    options = merged({"monitor": monitor})
    if valid:
        options.check_task("train", task)
    else:
        with pytest.raises(UserError, match=rf"^train\.monitor: must be .* accuracy or loss .*; got '{monitor}'"):
            options.check_task("train", task)


def test_values_in_range_pass():
    SETTINGS.check("train")
    schedule = CosineSchedule("cosine", 1.0, 0.0)
    settings(average=Ema("ema", share=1.0), batch_size="auto", class_weights="balanced").check("train")
    settings(class_weights={"O": 0.0}, schedule=schedule, patience=1, clip_norm=0.1).check("train")


def check_all(options):
    options.check("train")
    class_weights(options.class_weights, Labels("classify", ["O", "PER"], None, []), [], "train.class_weights")
