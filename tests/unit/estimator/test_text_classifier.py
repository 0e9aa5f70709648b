"""TextClassifier: scikit-learn's conventions, searches and cross-validation, pickling, errors, nothing left behind."""

import os
import pickle
import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from factories.labelled_texts import TINY, reviews
from textrnn import TextClassifier, load
from textrnn.common.executor import tasks
from textrnn.errors import UserError
from textrnn.estimator.input_checks import InputError
from textrnn.estimator.target_checks import check_labels

TEXTS, LABELS = reviews()
FASTEST = {**TINY, "wide": False, "segmenter": "tokens"}  # no linear models, no sentence model


@pytest.fixture(scope="module")
def fitted():
    return TextClassifier(**FASTEST, random_state=3).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_mixin_order,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_set_params,
        estimator_checks.check_valid_tag_types,
    ],
)
def test_it_passes_scikit_learns_own_check(check):
    check("TextClassifier", TextClassifier(**FASTEST))


def test_params_are_stored_unchanged_set_and_cloned():
    readout, model = ("max", "mean"), {"word_dropout": 0.2}
    classifier = TextClassifier(readout=readout, model=model, epochs=3)
    assert classifier.readout is readout
    assert classifier.model is model
    assert classifier.get_params()["epochs"] == 3
    assert classifier.set_params(epochs=4, cell="gru") is classifier
    copied = clone(classifier)
    assert copied.get_params() == classifier.get_params()
    assert (copied.epochs, copied.cell, copied.model) == (4, "gru", {"word_dropout": 0.2})
    assert not hasattr(copied, "model_")
    with pytest.raises(ValueError, match="Invalid parameter 'epoch'"):
        classifier.set_params(epoch=1)


def test_it_is_a_classifier_of_strings(fitted):
    assert is_classifier(fitted)
    tags = fitted.__sklearn_tags__()
    assert (tags.input_tags.string, tags.input_tags.two_d_array, tags.target_tags.required) == (True, False, True)
    assert "TextClassifier" in fitted._repr_html_()


def test_it_learns_and_its_methods_agree():
    texts, labels = reviews(200)
    classifier = TextClassifier(hidden_size=8, embedding_size=8, epochs=6, batch_size=8, segmenter="tokens")
    assert classifier.fit(texts, labels) is classifier
    others, gold = reviews(100, seed=1)
    probabilities, predicted = classifier.predict_proba(others), classifier.predict(others)
    assert classifier.classes_.tolist() == ["down", "up"]
    assert probabilities.shape == (100, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert predicted.tolist() == classifier.classes_[probabilities.argmax(axis=1)].tolist()
    assert classifier.score(others, gold) == np.mean(predicted == np.array(gold)) == 1.0


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([label == "up" for label in LABELS], [False, True]),
        ([10 if label == "up" else 9 for label in LABELS], [9, 10]),  # as texts they have another order
        (np.array([2.0 if label == "up" else -1.0 for label in LABELS]), [-1.0, 2.0]),
        (np.array(LABELS, dtype=object), ["down", "up"]),
        (np.array(LABELS).reshape(-1, 1), ["down", "up"]),
        ([[label] for label in LABELS], ["down", "up"]),
        (pl.Series(LABELS), ["down", "up"]),
        (torch.tensor([label == "up" for label in LABELS]), [False, True]),
        ((label for label in LABELS), ["down", "up"]),
    ],
    ids=["bool", "int", "float", "object", "column", "lists of one", "polars", "tensor", "generator"],
)
def test_labels_keep_their_type(fitted, labels, classes):
    other = clone(fitted).fit(TEXTS, labels)
    assert other.classes_.tolist() == classes
    assert type(other.predict(TEXTS)[0]) is type(other.classes_[0])
    np.testing.assert_array_equal(other.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


@pytest.mark.parametrize("form", [tuple, np.array, lambda texts: np.array(texts, object), iter])
def test_texts_may_come_in_any_list(fitted, form):
    np.testing.assert_array_equal(fitted.predict_proba(form(TEXTS)), fitted.predict_proba(TEXTS))
    np.testing.assert_array_equal(
        clone(fitted).fit(form(TEXTS), LABELS).predict_proba(TEXTS), fitted.predict_proba(TEXTS)
    )


def test_no_text_gives_no_prediction_and_an_empty_one_gives_one(fitted):
    assert fitted.predict([]).tolist() == []
    assert fitted.predict_proba([]).shape == (0, 2)
    assert fitted.predict_proba(["", " "]).shape == (2, 2)


def test_the_seed_alone_decides():
    def weights(seed):
        return TextClassifier(**FASTEST, random_state=seed).fit(TEXTS, LABELS).model_.files["model.safetensors"]

    assert weights(3) == weights(np.int64(3)) != weights(4)
    assert weights(np.random.RandomState(5)) == weights(np.random.RandomState(5))
    assert weights(None) != weights(None)
    generator = np.random.RandomState(5)
    assert weights(generator) != weights(generator)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(UserError, match=rf"^random_state: must lie in \[0, 2\^63\); got {seed} \(int\)$"):
        TextClassifier(**FASTEST, random_state=seed).fit(TEXTS, LABELS)


def test_a_second_fit_replaces_the_first(fitted):
    classifier = clone(fitted).fit(TEXTS[::-1], ["a" if label == "up" else "b" for label in LABELS[::-1]])
    classifier.predict(TEXTS)
    classifier.fit(TEXTS, LABELS)
    np.testing.assert_array_equal(classifier.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    with pytest.raises(UserError):
        classifier.set_params(hidden_size=0).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(classifier.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_pickles_hold_the_arguments_or_the_files_of_a_model_directory(fitted):
    unfitted = pickle.dumps(TextClassifier(**FASTEST))
    assert len(unfitted) < 2_000
    assert pickle.loads(unfitted).get_params() == TextClassifier(**FASTEST).get_params()
    before = fitted.predict_proba(TEXTS)
    data = pickle.dumps(fitted)
    assert b"torch" not in data  # the network is loaded from safetensors
    again = pickle.loads(data)
    assert again.model_.files == fitted.model_.files
    assert again.classes_.tolist() == ["down", "up"]
    np.testing.assert_array_equal(again.predict_proba(TEXTS), before)
    assert pickle.loads(pickle.dumps(again)).model_.files == fitted.model_.files  # loaded by now


def test_the_model_directory_is_saved_and_loaded(fitted, tmp_path):
    fitted.save(tmp_path / "models" / "reviews")
    model = load(tmp_path / "models" / "reviews")
    assert (model.name, model.task, model.labels) == ("TextClassifier", "classify", ["down", "up"])
    assert [each["label"] for each in model.predict(TEXTS)] == fitted.predict(TEXTS).tolist()
    with pytest.raises(NotFittedError):
        clone(fitted).save(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_saving_replaces_a_model_directory_and_an_empty_folder(fitted, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    fitted.save(folder)
    (folder / "before_refit.safetensors").write_bytes(b"of the model before")  # which this one has not
    fitted.save(str(folder))
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    fitted.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == fitted.model_.files
    assert sorted(os.listdir(tmp_path)) == ["link", "model"]


@pytest.mark.parametrize(
    ("files", "wrong"),
    [
        (["notes.txt"], "has files that are not of a model directory; got 'notes.txt'"),
        (["config.json", "model.safetensors"], "has files and is no model directory: it lacks vocabulary.arrow"),
        (["config.json", "model.safetensors", "tokenizer.json"], "has files that are not of a model directory; got 't"),
        ([".git/HEAD"], "has files that are not of a model directory; got '.git'"),
        (None, "is a file, not a model directory; give a new folder"),
    ],
    ids=["other files", "another library's", "another library's tokenizer", "a repository", "a file"],
)
def test_saving_deletes_nothing_but_a_model(fitted, tmp_path, files, wrong):
    target = tmp_path / "mine"
    paths = [target] if files is None else [target / file for file in files]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match=f"^{re.escape(f'{target}: {wrong}')}"):
        fitted.save(target)
    assert [path.read_text(encoding="utf-8") for path in paths] == ["mine"] * len(paths)


def test_a_model_directory_with_further_files_is_not_replaced(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    (tmp_path / "model" / "export.onnx").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"got 'export\.onnx'; give a new folder, an empty one, or a model"):
        fitted.save(tmp_path / "model")
    assert (tmp_path / "model" / "export.onnx").read_bytes() == b"mine"


def test_fitting_leaves_nothing_behind(fitted, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    state = np.random.get_state()[1].tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier = clone(fitted).set_params(wide=True, segmenter="nltk").fit(TEXTS, LABELS)
    assert torch.equal(torch.rand(3), expected)
    assert np.random.get_state()[1].tolist() == state
    classifier.predict(TEXTS)
    with pytest.raises(UserError):
        clone(fitted).set_params(min_count=1000).fit(TEXTS, LABELS)  # in the middle of the stages
    assert os.listdir(temporary) == []
    assert os.listdir(tmp_path) == ["temporary"]
    assert capfd.readouterr() == ("", "")


def test_files_of_a_project_around_it_change_nothing(fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("not: valid", encoding="utf-8")
    Path("dvc.yaml").write_text("nor this", encoding="utf-8")
    again = clone(fitted).fit(TEXTS, LABELS)
    assert again.model_.files == fitted.model_.files


def test_no_processes_are_started_however_many_rows_there_are(fitted, monkeypatch):
    """A program that fits an estimator would be run again by each of them."""
    monkeypatch.setattr(tasks, "MIN_ROWS_FOR_POOL", 0)
    monkeypatch.setattr(tasks, "local_workers", None)
    monkeypatch.setenv("TEXTRNN_WORKERS", "8")
    assert clone(fitted).fit(TEXTS, LABELS).model_.files == fitted.model_.files


def test_verbose_prints_the_plan_and_the_progress(fitted, capsys):
    clone(fitted).set_params(verbose=True).fit(TEXTS, LABELS)
    printed, wrong = capsys.readouterr()
    assert printed.startswith("TextClassifier: batch size 8, steps 14 = 2 epochs of 7 batches, average of decay")
    assert len(re.findall(r"(?m)^TextClassifier: batch \d+/14, epoch", printed)) == 2
    assert wrong == ""


GRID = [{"hidden_size": [3], "learning_rate": np.array([0.001])}, {"hidden_size": np.array([6]), "layers": [1, 2]}]


def search(jobs):
    return GridSearchCV(TextClassifier(**FASTEST), GRID, cv=3, n_jobs=jobs, error_score="raise").fit(TEXTS, LABELS)


def test_cross_validation_and_a_search():
    found = search(None)
    for params, score in zip(found.cv_results_["params"], found.cv_results_["mean_test_score"], strict=True):
        assert score == cross_val_score(TextClassifier(**FASTEST).set_params(**params), TEXTS, LABELS, cv=3).mean()
    best = found.best_estimator_
    assert best.predict(TEXTS).tolist() == found.predict(TEXTS).tolist()
    assert best.params_["recipes"]["TextClassifier"]["model"]["hidden_size"] == found.best_params_["hidden_size"]


@pytest.mark.slow
def test_a_search_in_two_processes_finds_the_same():
    alone, together = search(None), search(2)
    for name in ("split0_test_score", "split1_test_score", "split2_test_score"):
        assert alone.cv_results_[name].tolist() == together.cv_results_[name].tolist()
    assert alone.best_estimator_.model_.files == together.best_estimator_.model_.files


def test_probabilities_of_rows_that_were_held_out():
    probabilities = cross_val_predict(TextClassifier(**FASTEST), TEXTS, LABELS, cv=3, method="predict_proba")
    assert probabilities.shape == (60, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


@pytest.fixture(scope="module")
def flipped():
    """Labels of which six are wrong, the numbers of these rows, and probabilities by models that have not seen them."""
    texts, labels = reviews(150)
    ids, wrong = np.array([label == "up" for label in labels], int), {7, 31, 66, 90, 118, 140}
    ids[list(wrong)] ^= 1
    classifier = TextClassifier(segmenter="tokens", hidden_size=8, embedding_size=8, epochs=8, batch_size=8)
    return ids, wrong, cross_val_predict(classifier, texts, ids, cv=3, method="predict_proba")


def test_wrong_labels_are_the_least_probable(flipped):
    ids, wrong, probabilities = flipped
    assert set(np.argsort(probabilities[np.arange(len(ids)), ids])[: len(wrong)].tolist()) == wrong


def test_cleanlab_finds_wrong_labels(flipped):
    filters = pytest.importorskip("cleanlab.filter")
    ids, wrong, probabilities = flipped
    found = filters.find_label_issues(ids, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    assert len(wrong & set(found.tolist())) > len(found) / 2 > 0


def test_a_step_of_a_pipeline(fitted):
    pipeline = make_pipeline(FunctionTransformer(lambda texts: [text.upper() for text in texts]), clone(fitted))
    pipeline.set_params(textclassifier__epochs=1).fit(TEXTS, LABELS)
    assert set(pipeline.predict(TEXTS)) <= {"down", "up"}


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_before_fit_there_is_no_prediction(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(TextClassifier(), method)(["a text"])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        TextClassifier().score(["a text"], ["up"])


REFUSED = {
    "lengths": ((TEXTS, LABELS[:-1]), "y: must have one entry for each of the 60 rows of X; got 59"),
    "one class": ((TEXTS, ["up"] * 60), "y: must have at least two classes; got only one class: ['up']"),
    "no rows": (([], []), "X: has no rows"),
    "an empty text": ((["a", " \t"], ["b", "c"]), "X[1]: is an empty text; leave the row out"),
    "one text": (("a text", ["up"]), "X: must be a list of texts; got 'a text' (str)"),
    "nothing": ((None, ["up"]), "X: must be a list of texts; got 'None' (NoneType)"),
    "numbers": (([1, 2], ["up", "down"]), "X[0]: must be a text; got '1' (int)"),
    "a table": (
        (np.array([["a", "b"]]), ["up"]),
        "X: must be a list of texts; got an array of shape (1, 2); select the column of texts",
    ),
    "half a surrogate": (
        (["a", "b\ud800"], ["b", "c"]),
        "X[1]: has half of a surrogate pair, which is not valid text; got 'b\\ud800'",
    ),
    "no labels": ((TEXTS, None), "y: requires y to be passed, but the target y is None"),
    "a missing label": ((TEXTS[:3], ["up", None, "down"]), "y[1]: has no label; got None"),
    "NaN": ((TEXTS[:3], [1.0, float("nan"), 2.0]), "y[1]: has no label; got nan"),
    "mixed labels": ((TEXTS[:3], np.array(["up", 1, 2], object)), "y: must have labels of one type; got int, str"),
    "measures": ((TEXTS[:3], [0.5, 1.5, 2.5]), "y: Unknown label type: continuous; must be a list of classes"),
    "NaN among texts": ((TEXTS[:3], ["up", float("nan"), "down"]), "y[1]: has no label; got nan"),
    "a null": ((TEXTS[:3], pl.Series(["up", None, "down"])), "y[1]: has no label; got None"),
    "a masked label": ((TEXTS[:3], np.ma.array([1, 2, 1], mask=[0, 1, 0])), "y[1]: has no label; got --"),
    "no time": ((TEXTS[:2], np.array(["2026-01-01", "NaT"], "M8[D]")[::-1]), "y[0]: has no label; got NaT"),
    "a number among texts": ((TEXTS[:3], ["up", 1, "down"]), "y: must have labels of one type; got int, str"),
    "a number among bools": ((TEXTS[:3], [True, False, 1]), "y: must have labels of one type; got bool, int"),
    "bytes": ((TEXTS[:2], [b"up", b"down"]), "y[0]: must be a text, a finite number or a bool; got \"b'up'\" (bytes)"),
    "infinity": ((TEXTS[:2], [1.0, np.inf]), "y[1]: must be a text, a finite number or a bool; got 'inf' (float)"),
    "half a surrogate in a label": (
        (TEXTS[:2], ["up", "b\ud800"]),
        "y[1]: has half of a surrogate pair, which is not valid text; got 'b\\ud800'",
    ),
    "one label": ((TEXTS[:2], "up"), "y: must be a list of labels; got 'up' (str)"),
    "a number": ((TEXTS[:2], np.array(1)), "y: must be a list of labels; got '1' (ndarray)"),
    "a generator of few": ((TEXTS[:3], iter(["up"])), "y: must have one entry for each of the 3 rows of X; got 1"),
    "several labels": ((TEXTS[:2], [[0, 1], [1, 1]]), "y: must be a list of labels; got a list of '[0, 1]' (list)"),
    "several labels in some": (
        (TEXTS[:2], ["up", ["up", "down"]]),
        "y: must be a list of labels; got a list of \"['up', 'down']\" (list)",
    ),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_rows_that_cannot_be_used_are_refused_in_one_line(given, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$") as caught:
        TextClassifier(**FASTEST).fit(*given)
    assert isinstance(caught.value, UserError)


def test_labels_of_pandas():
    pd = pytest.importorskip("pandas")
    numbers = [int(label == "up") for label in LABELS]
    for labels, expected in (
        (pd.DataFrame({"label": LABELS}), LABELS),
        (pd.Series(LABELS, dtype="category"), LABELS),
        (pd.Series(LABELS, dtype="string"), LABELS),
        (pd.Series(numbers, dtype="Int64"), numbers),
    ):
        assert check_labels(labels, TEXTS, "y").tolist() == expected


@pytest.mark.parametrize("dtype", ["object", "string", "category", "Float64"])
def test_missing_labels_of_pandas(dtype):
    pd = pytest.importorskip("pandas")
    labels = pd.Series([1.0, None, 2.0] if dtype == "Float64" else ["up", None, "down"], dtype=dtype)
    with pytest.raises(InputError, match=r"^y\[1\]: has no label; got (None|nan|<NA>)$"):
        check_labels(labels, TEXTS[:3], "y")
    table = pd.DataFrame({"a": labels, "b": labels})
    with pytest.raises(InputError, match=r"^y: must be a list of labels; got a list of .* \(ndarray\)$"):
        check_labels(table, TEXTS[:3], "y")


VALIDATION = {
    "no pair": ((TEXTS,), "validation_data: must be a pair (X, y); got "),
    "lengths": ((TEXTS[:2], LABELS[:3]), "validation_data[1]: must have one entry for each of the 2 rows of X; got 3"),
    "another label": ((["a"], ["left"]), "validation_data[1]: must have no label that y does not have; got ['left']"),
    "no rows": (([], []), "validation_data[0]: has no rows"),
    "an empty text": (([""], ["up"]), "validation_data[0][0]: is an empty text; leave the row out"),
}


@pytest.mark.parametrize(("given", "message"), VALIDATION.values(), ids=VALIDATION)
def test_validation_data_that_cannot_be_used_is_refused(given, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        TextClassifier(**FASTEST, validation_data=given).fit(TEXTS, LABELS)


def test_arguments_that_do_not_fit_the_task_are_refused():
    with pytest.raises(UserError, match=r"^recipes\.TextClassifier\..*every_step"):
        TextClassifier(**FASTEST, readout="every_step", train={"monitor": "loss"}).fit(TEXTS, LABELS)


def test_too_few_rows_to_hold_some_out():
    message = "validation_share: leaves no row for dev; got 4 rows; give more rows, another validation_share, or"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        TextClassifier(**FASTEST).fit(TEXTS[:4], ["a", "b", "a", "b"])


def test_texts_to_predict_are_checked_too(fitted):
    with pytest.raises(ValueError, match=r"^X: must be a list of texts; got 'a text' \(str\)$"):
        fitted.predict("a text")
    with pytest.raises(ValueError, match=r"^X\[1\]: must be a text; got '2' \(int\)$"):
        fitted.predict_proba(["one", 2])
