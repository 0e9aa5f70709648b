"""The linear model of an estimator's wide part: the one that the stage `baseline` keeps."""

import dataclasses

import numpy as np
import pytest

import textrnn.evaluation.baselines.best_linear_model as best_linear_model_module
from factories.baseline_texts import SETTINGS, TEXTS, make_texts
from factories.shards import write_encoded, write_segmented
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.errors import UserError
from textrnn.evaluation.baselines.best_linear_model import fit_best_linear_model, fit_linear_models
from textrnn.evaluation.baselines.fit import train_baselines
from textrnn.evaluation.baselines.linear_inputs import LinearInputs
from textrnn.evaluation.baselines.results import best_linear_model
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.linear_model import LinearModel

LABELS = Labels("classify", ["a", "b", "c"], None, [])
EMPTY = LinearModel.empty(5, 3)


def made(folder, splits, settings):
    encoded = EncodedRows.read(write_encoded(folder / "ids", "classify", splits))
    rows = {split: [([str(token) for token in ids], label) for ids, label in splits[split]] for split in splits}
    segmented = write_segmented(folder / "texts", "classify", rows)
    kept = best_linear_model(list(train_baselines(encoded, segmented, LABELS, 5, settings)), EMPTY)
    return fit_best_linear_model(encoded, LABELS, 5, settings), kept


@pytest.mark.parametrize("dev", [TEXTS["dev"], TEXTS["test"], TEXTS["train"][:5], TEXTS["train"][3:4]])
@pytest.mark.parametrize("c", [1e-6, 1.0])
def test_it_is_the_model_that_the_stage_keeps(tmp_path, dev, c):
    settings = dataclasses.replace(SETTINGS, epochs=1, svm_c=(c,))
    ours, kept = made(tmp_path, {**TEXTS, "dev": dev}, settings)
    assert ours.name == kept.name
    assert ours.vocabulary_size == kept.vocabulary_size == 5
    for mine, theirs in zip(
        (*ours.keys, ours.weights, ours.squares, ours.bias),
        (*kept.keys, kept.weights, kept.squares, kept.bias),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_no_split_for_test_is_needed(tmp_path):
    with_test = EncodedRows.read(write_encoded(tmp_path / "with", "classify", TEXTS))
    without = EncodedRows.read(write_encoded(tmp_path / "without", "classify", {**TEXTS, "test": []}))
    one, other = (fit_best_linear_model(encoded, LABELS, 5, SETTINGS) for encoded in (with_test, without))
    np.testing.assert_array_equal(one.weights, other.weights)


def test_the_seconds_of_the_ensemble_are_those_of_its_parts(monkeypatch):
    """Each fit takes as many seconds as its place: 1, 2, 3 and, for the NB-SVM of the ensemble, 4."""
    ticks = iter([0, 1, 10, 12, 20, 23, 30, 34])
    monkeypatch.setattr(best_linear_model_module.time, "monotonic", lambda: next(ticks))
    texts = make_texts([ids for ids, _ in TEXTS["train"]], [label for _, label in TEXTS["train"]])
    inputs = LinearInputs.extract((texts, texts, texts), vocabulary_size=5, classes=3, settings=SETTINGS)
    seconds = {fitted.model.name: took for fitted, took in fit_linear_models(inputs, SETTINGS)}
    assert seconds == {"logistic_regression": 1, "linear_svm": 2, "nb_svm": 3, "linear_ensemble": 5}


def test_one_class_is_refused(tmp_path):
    rows = {"train": TEXTS["train"][:1] * 3, "dev": TEXTS["dev"], "test": []}
    encoded = EncodedRows.read(write_encoded(tmp_path / "ids", "classify", rows))
    with pytest.raises(UserError, match="the training split has only one class"):
        fit_best_linear_model(encoded, LABELS, 5, SETTINGS)
