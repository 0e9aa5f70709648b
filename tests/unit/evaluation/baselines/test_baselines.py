"""Baselines by hand: the majority, each token's most frequent tag, and the metrics of the fitted models."""

import dataclasses
import json
import re

import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from factories.baseline_texts import SENTENCES, SETTINGS, TEXTS, span
from factories.imports import ROOT
from factories.shards import write_encoded, write_segmented
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.errors import UserError
from textrnn.evaluation.baselines.fit import cap_epochs, noise_ceiling, train_baselines
from textrnn.evaluation.baselines.results import BaselineResult, best_linear_model
from textrnn.evaluation.baselines.sentences import EncodedSentences, read_sentences
from textrnn.evaluation.baselines.tagging import _from_spans, _from_tags, _score
from textrnn.evaluation.metrics.comparison import best_test_score
from textrnn.evaluation.metrics.predicted_rows import PredictedRows
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.linear_model import LinearModel
from textrnn.preparation.artifacts.vocabulary import Vocabulary

CLASSES = Labels("classify", ["a", "b", "c"], None, [])
LINEAR = ("logistic_regression", "linear_svm", "nb_svm", "linear_ensemble")
TYPES = Labels("tag", ["O", "LOC", "PER"], "type", ["LOC", "PER"])


def write_texts(folder, task, splits):
    """Write the segmented shards of these ids: the token of an id is the id itself."""
    rows = {split: [([str(token) for token in ids], *rest[:1]) for ids, *rest in splits[split]] for split in splits}
    return write_segmented(folder, task, rows)


def train(tmp_path, task, splits, labels, vocabulary_size, epochs=8):
    reader = EncodedRows.read(write_encoded(tmp_path / "in", task, splits))
    texts = write_texts(tmp_path / "texts", task, splits)
    settings = dataclasses.replace(SETTINGS, epochs=epochs)
    return {result.name: result for result in train_baselines(reader, texts, labels, vocabulary_size, settings)}


def test_classification_by_hand(tmp_path):
    results = train(tmp_path, "classify", TEXTS, CLASSES, 5)
    assert list(results) == ["majority", *LINEAR, "bag_of_ngrams"]
    # nine of 19 rows are b: recall 1, precision a half, of dev's and test's four rows
    f1 = (2 * 2 / (2 + 4)) / 3
    score = {"accuracy": 0.5, "macro_f1": pytest.approx(f1)}
    # train has all texts of test: 4, 4 and 3, 2 and 2, 3
    intervals = results["majority"].intervals
    assert results["majority"].metrics() == {"dev": score, "test": score, "rest": None, "intervals": intervals}
    for name in (*LINEAR, "bag_of_ngrams"):
        metrics = results[name].metrics()
        assert metrics["dev"] == {"accuracy": 1.0, "macro_f1": 1.0}
        # the label of test's last row contradicts train, where 2, 3 is a
        assert metrics["test"] == {"accuracy": 0.75, "macro_f1": pytest.approx((2 / 3 + 2 / 3 + 1) / 3)}
        assert results[name].seconds > 0
    # 2, 3, 4; the bigrams with boundary marks 0-2 2-3 3-0, 0-3 3-2 2-0, 0-4 4-0; not 2-2 and 4-4, each in only one row
    for name, candidates in zip(
        LINEAR,
        (SETTINGS.logistic_c, SETTINGS.svm_c, SETTINGS.nb_svm_c, SETTINGS.nb_svm_tfidf_c),
        strict=True,
    ):
        assert results[name].metrics()["features"] == 3 + 8
        c = results[name].metrics()["C"]
        assert (c[1] if name == "linear_ensemble" else c) in candidates
        assert results[name].model.name == name
    assert results["nb_svm"].metrics()["beta"] in SETTINGS.nb_svm_beta
    weight, _ = results["linear_ensemble"].metrics()["weights"]
    assert weight == 1  # dev has only four rows, so the parts count equally
    assert results["majority"].model is results["bag_of_ngrams"].model is None
    assert 1 <= results["bag_of_ngrams"].metrics()["best_epoch"] <= 8


def test_the_most_frequent_tag_of_each_token_by_hand(tmp_path):
    results = train(tmp_path, "tag", SENTENCES, TYPES, 7)
    assert list(results) == ["majority", "most_frequent_tag", "window_crf"]
    majority, frequent = results["majority"].metrics(), results["most_frequent_tag"].metrics()
    assert majority["dev"] == {"accuracy": pytest.approx(2 / 3), "macro_f1": pytest.approx(0.8 / 3), "entity_f1": 0.0}
    assert majority["test"]["accuracy"] == pytest.approx(2 / 7)
    assert frequent["dev"] == {"accuracy": 1.0, "macro_f1": pytest.approx(2 / 3), "entity_f1": 1.0}
    # O for 5, which train lacks, makes the PER of the first sentence too short
    assert frequent["test"]["accuracy"] == pytest.approx(6 / 7)
    assert frequent["test"]["macro_f1"] == pytest.approx((2 * 2 / (3 + 2) + 1 + 2 * 2 / (2 + 3)) / 3)
    assert frequent["test"]["entity_f1"] == pytest.approx(2 * 2 / (3 + 3))


def test_unseen_texts_are_scored_separately(tmp_path):
    splits = {**TEXTS, "dev": [*TEXTS["dev"], ([4, 3], 2)]}
    splits["test"] = [([2, 3, 2], 1), ([2, 3], 0), ([4, 3], 2), ([3, 3], 0), ([2, 2, 2], 1)]
    majority = train(tmp_path, "classify", splits, CLASSES, 5)["majority"]
    assert majority.test["accuracy"] == 2 / 5
    assert majority.unseen == {"accuracy": 2 / 3, "macro_f1": pytest.approx(2 * 2 / (2 + 3) / 3)}
    (tmp_path / "tags").mkdir()
    # the first sentence of test is one of train's
    tagged = {**SENTENCES, "test": [SENTENCES["train"][0], *SENTENCES["test"]]}
    frequent = train(tmp_path / "tags", "tag", tagged, TYPES, 7)["most_frequent_tag"]
    assert frequent.test["accuracy"] == pytest.approx(9 / 10)
    assert frequent.unseen["accuracy"] == pytest.approx(6 / 7)
    assert frequent.unseen["entity_f1"] == pytest.approx(2 * 2 / (3 + 3))


def test_unseen_texts_are_found_whatever_the_order_of_the_shards(tmp_path):
    ids = EncodedRows.read(write_encoded(tmp_path / "in", "classify", TEXTS))
    rows = {split: [([str(token) for token in ids], label) for ids, label in TEXTS[split]] for split in TEXTS}
    rows["test"] = [(["unseen"], 0), *rows["test"][1:]]
    backwards = {**rows, "test": rows["test"][::-1]}
    for name, (written, numbers) in {"as": (rows, None), "back": (backwards, [3, 2, 1, 0, *range(4, 19)])}.items():
        texts = write_segmented(tmp_path / name, "classify", written, numbers=numbers)
        majority = next(train_baselines(ids, texts, CLASSES, 5, SETTINGS))
        assert majority.unseen == {"accuracy": 0.0, "macro_f1": 0.0}  # row 0, of class 2


def test_bio_tags_are_read_by_their_scheme(tmp_path):
    labels = Labels("tag", ["O", "B-PER", "I-PER"], "bio", ["PER"])
    row = ([2, 2, 3], [1, 1, 2], [span(0, 1, 0), span(1, 3, 0)])
    results = train(tmp_path, "tag", {split: [row] for split in ("train", "dev", "test")}, labels, 4)
    assert results["most_frequent_tag"].metrics()["test"] == {
        "accuracy": 1.0,
        "macro_f1": pytest.approx(2 / 3),
        "entity_f1": 1.0,
    }


@pytest.mark.parametrize(("task", "labels"), [("classify", CLASSES), ("tag", TYPES)])
def test_an_empty_split_is_refused(tmp_path, task, labels):
    splits = {"dev": TEXTS["dev"]} if task == "classify" else {"dev": SENTENCES["dev"]}
    with pytest.raises(UserError, match=r"in: the train split (is empty|has no tokens)$"):
        train(tmp_path, task, splits, labels, 7)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_tagged_split_without_a_token_is_refused_by_name(tmp_path, split):
    with pytest.raises(UserError, match=rf"in: the {split} split has no tokens$"):
        train(tmp_path, "tag", {**SENTENCES, split: []}, TYPES, 7)


def test_the_ceiling_gives_each_text_its_most_frequent_label_in_all_splits(tmp_path):
    splits = {
        "train": [([2, 3], 0), ([2, 3], 0), ([4], 1)],
        "dev": [([2, 3], 1), ([4], 2), ([], 0)],
        "test": [([2, 3], 1), ([2, 3], 1), ([4], 2), ([23], 0), ([3, 2], 2)],
    }
    # (2, 3) has two rows of 0 and three of 1, (4) one of 1 and two of 2
    reader = EncodedRows.read(write_encoded(tmp_path / "in", "classify", splits))
    assert noise_ceiling(reader) == {"dev": 1.0, "test": 1.0}
    splits["train"] *= 2
    reader = EncodedRows.read(write_encoded(tmp_path / "more", "classify", splits))
    # now four of 0 and three of 1, two of each
    assert noise_ceiling(reader) == {"dev": 1 / 3, "test": 2 / 5}


def test_a_limit_caps_the_epochs_and_never_raises_them():
    settings = dataclasses.replace(SETTINGS, epochs=5)
    assert [cap_epochs(settings, limit).epochs for limit in (1, 5, 9, None)] == [1, 5, 5, 5]


def test_the_score_is_that_of_the_baseline_that_dev_chose():
    def scores(metric, dev, test):
        return {"dev": {"accuracy": 0.1, metric: dev}, "test": {"accuracy": 0.2, metric: test}}

    texts = {"a": scores("accuracy", 0.5, 0.4), "b": scores("accuracy", 0.6, 0.3), "c": scores("accuracy", 0.6, 0.9)}
    assert best_test_score(texts) == 0.3
    assert best_test_score({"a": scores("entity_f1", 0.5, 0.4), "b": scores("entity_f1", 0.4, 0.8)}) == 0.4


@pytest.fixture
def script(import_stage):
    return import_stage("baseline")


def make_project(folder, task, labels, splits):
    """A project whose stages before `baseline` have run for the encoding `letters`."""
    section = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(SETTINGS).items()}
    params = {
        "limits": {"rows": None, "epochs": 1, "hidden_size": None},
        "baseline": section,
    }
    YAML(typ="safe").dump(params, folder / "params.yaml")
    encoded = folder / "data" / "encoded" / "letters"
    encoded.mkdir(parents=True)
    write_encoded(encoded / "ids", task, splits)
    (folder / "data" / "segmented").mkdir()
    write_texts(folder / "data" / "segmented" / "letters", task, splits)
    (encoded / "preparation").mkdir()
    labels.save(encoded / "preparation" / "labels.json")
    vocabulary = Vocabulary(pa.array(["v", "w", "x", "y", "z"]), pa.array([18, 16, 3, 2, 1]))
    vocabulary.save(encoded / "preparation" / "vocabulary.arrow")


def test_orders_that_have_no_keys_are_told(tmp_path, capsys):
    rows = [([2, 3], 0), ([3, 2], 1), ([4], 0)]
    splits = dict.fromkeys(("train", "dev", "test"), rows)
    results = train(tmp_path, "classify", splits, CLASSES, 2**40)  # SETTINGS ask for 2
    assert len(results["linear_svm"].model.keys) == 1
    told = f"baseline.ngrams 2 lowered to 1: longer ones of {2**40:,} tokens have no keys of 63 bits\n"
    assert capsys.readouterr().out == told


def test_the_stage_writes_metrics_without_timings(tmp_path, monkeypatch, script, capsys):
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, "classify", CLASSES, TEXTS)
    script.main("letters")
    said = capsys.readouterr().out.splitlines()
    written = json.loads((tmp_path / "data" / "baselines" / "letters.json").read_text())
    baselines = written["baselines"]
    best = max(baselines.values(), key=lambda values: values["dev"]["accuracy"])
    metrics = json.loads((tmp_path / "metrics" / "letters" / "baseline.json").read_text())
    assert metrics == {"letters": {"baseline": best["test"]["accuracy"]}} == {"letters": {"baseline": 0.75}}
    assert written["ceiling"] == {"dev": 1.0, "test": 0.75}
    assert baselines["majority"]["test"]["accuracy"] == 0.5
    assert baselines["bag_of_ngrams"]["best_epoch"] == 1  # limits.epochs
    assert {key for values in baselines.values() for key in values} == {
        "dev",
        "test",
        "rest",
        "features",
        "C",
        "beta",
        "weights",
        "best_epoch",
        "intervals",
    }
    timings = json.loads((tmp_path / "logs" / "letters.baselines.json").read_text())
    assert {name: list(values) for name, values in timings.items()} == {name: ["seconds"] for name in baselines}
    # a line for each, after that about limits.epochs
    assert [line.split()[1] for line in said[1:]] == list(baselines)
    assert re.fullmatch(r"letters: nb_svm  dev 1\.0000  test 0\.7500  features 11  C \S+  beta \S+  \d+ s", said[4])


def test_the_stage_writes_the_best_linear_model(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, "classify", CLASSES, TEXTS)
    script.main("letters")
    model = LinearModel.read(tmp_path / "data" / "linear" / "letters")
    assert (model.name, model.vocabulary_size) == ("nb_svm", 7)  # all four have dev right, and this one by the most
    ids, offsets = np.array([2, 3, 3, 2, 4], np.int32), np.array([0, 2, 4, 5])
    assert model.scores(ids, offsets).argmax(1).tolist() == [0, 1, 2]


def test_the_best_linear_model_is_that_with_the_least_loss_on_dev():
    def result(name, accuracy, loss, model):
        metrics = {"accuracy": accuracy, "macro_f1": 1 - accuracy}
        rows = PredictedRows.of_classes(np.arange(1), np.zeros(1, int), {name: np.zeros(1, int)}, ["a"])
        return BaselineResult(name, metrics, metrics, None, {}, 1.0, {}, rows, model, loss)

    empty, first, second, third = (LinearModel.empty(3, 2) for _ in range(4))
    results = [result("a", 0.8, 0.5, first), result("b", 0.7, 0.3, second), result("c", 0.9, 0.3, third)]
    bag = result("bag", 0.9, np.inf, None)
    assert best_linear_model([bag, *results], empty) is second
    assert best_linear_model([bag], empty) is empty


def test_the_stage_of_a_tagger_writes_an_empty_model(tmp_path, monkeypatch, script, capsys):
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, "tag", TYPES, SENTENCES)
    script.main("letters")
    model = LinearModel.read(tmp_path / "data" / "linear" / "letters")
    assert (model.name, model.keys, model.weights.shape) == ("none", (), (0, 3))
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in said[1:]] == ["majority", "most_frequent_tag", "window_crf"]


def test_without_crfsuite_the_table_has_the_rest_and_a_line_says_so(tmp_path, monkeypatch, script, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("textrnn.evaluation.baselines.window_crf.is_installed", lambda: False)
    make_project(tmp_path, "tag", TYPES, SENTENCES)
    script.main("letters")
    written = json.loads((tmp_path / "data" / "baselines" / "letters.json").read_text())
    assert list(written["baselines"]) == ["majority", "most_frequent_tag"]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        "letters: window_crf left out: CRFsuite is not installed; "
        f"`pip install -c {ROOT}/constraints.txt -e '{ROOT}[crf]'` brings it"
    )


@pytest.mark.parametrize(
    ("scheme", "names", "tags"),
    [
        ("type", ["O", "PER"], ["PER", "PER", "PER", "O", "PER", "PER", "PER"]),
        ("bio", ["O", "B-PER", "I-PER"], ["B-PER", "B-PER", "I-PER", "O", "B-PER", "I-PER", "I-PER"]),
        (
            "bioes",
            ["O", "B-PER", "I-PER", "E-PER", "S-PER"],
            ["S-PER", "B-PER", "E-PER", "O", "B-PER", "I-PER", "E-PER"],
        ),
    ],
)
def test_spans_of_the_crf_get_tags_of_the_encoding_and_are_scored_as_they_are(scheme, names, tags):
    labels = Labels("tag", names, scheme, ["PER"])
    entities = [(0, 1, "PER"), (1, 3, "PER"), (4, 7, "PER")]  # the first two touch: one span to the scheme `type`
    gold = np.array([names.index(tag) for tag in tags])
    sentences = EncodedSentences(np.arange(7, dtype=np.int32), np.array([0, 7]), gold, [entities])
    predicted = _from_spans(sentences, [entities], labels)
    assert predicted.tags.tolist() == gold.tolist()
    score = _score(sentences, predicted, labels, np.ones(1, bool))
    assert (score["accuracy"], score["entity_f1"]) == (1.0, 1.0)
    by_tags = _score(sentences, _from_tags(sentences, gold, labels), labels, np.ones(1, bool))
    assert by_tags["entity_f1"] == pytest.approx(1.0 if scheme != "type" else 2 * 1 / (3 + 2))


def test_sentences_are_read_whole_with_their_spans(tmp_path):
    rows = [([2, 3], [1, 0], [span(0, 1, 0)]), ([], [], []), ([4], [2], [span(0, 1, 1)])]
    reader = EncodedRows.read(write_encoded(tmp_path / "in", "tag", {"train": rows}))
    sentences = read_sentences(reader, "train", TYPES)
    assert (sentences.ids.tolist(), sentences.offsets.tolist(), sentences.tags.tolist()) == (
        [2, 3, 4],
        [0, 2, 2, 3],
        [1, 0, 2],
    )
    assert sentences.rows() == [[2, 3], [], [4]]
    assert sentences.spans == [[(0, 1, "LOC")], [], [(0, 1, "PER")]]
    with pytest.raises(UserError, match=r"in: the dev split has no tokens$"):
        read_sentences(reader, "dev", TYPES)
