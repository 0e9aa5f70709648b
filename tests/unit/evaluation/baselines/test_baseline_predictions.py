"""What baselines predict for each row of test, and the intervals of their scores."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest

from factories.baseline_texts import SENTENCES, SETTINGS, TEXTS
from factories.shards import write_encoded, write_segmented
from textrnn.common.storage.encoded_rows import EncodedRows
from textrnn.evaluation.baselines.fit import train_baselines
from textrnn.evaluation.metrics.bootstrap import wilson_interval
from textrnn.evaluation.metrics.intervals import class_intervals
from textrnn.evaluation.metrics.predicted_rows import PredictedRows
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.vocabulary import Vocabulary

CLASSES = Labels("classify", ["a", "b", "c"], None, [])
TYPES = Labels("tag", ["O", "LOC", "PER"], "type", ["LOC", "PER"])


def train(folder, task, splits, labels, vocabulary_size):
    """The baselines by name; the token of an id is the id itself."""
    reader = EncodedRows.read(write_encoded(folder / "in", task, splits))
    rows = {split: [([str(token) for token in ids], *rest[:1]) for ids, *rest in splits[split]] for split in splits}
    texts = write_segmented(folder / "texts", task, rows)
    settings = dataclasses.replace(SETTINGS, epochs=8)
    return {result.name: result for result in train_baselines(reader, texts, labels, vocabulary_size, settings)}


def test_classes_have_intervals_and_labels_by_name(tmp_path):
    results = train(tmp_path, "classify", TEXTS, CLASSES, 5)
    intervals = results["majority"].metrics()["intervals"]
    assert list(intervals) == ["dev", "test"]  # train has all texts of test
    half = class_intervals(np.array([0, 0, 1, 1]), np.array([1, 1, 1, 1]), 2)["accuracy"]
    assert intervals["dev"]["accuracy"] == intervals["test"]["accuracy"] == half
    assert intervals["test"]["macro_f1"] == [0.0, pytest.approx(1 / 3)]  # no b, or nothing but b
    rows = PredictedRows.joined([result.rows for result in results.values()])
    assert (rows.row_numbers.tolist(), rows.gold.to_pylist()) == ([0, 1, 2, 3], ["c", "b", "a", "b"])
    assert list(rows.predicted) == list(results)
    assert rows.predicted["majority"].to_pylist() == ["b"] * 4
    for name in ("logistic_regression", "bag_of_ngrams"):
        assert rows.predicted[name].to_pylist() == ["c", "b", "a", "a"]


def test_entities_have_intervals_and_spans_by_name(tmp_path):
    results = train(tmp_path, "tag", SENTENCES, TYPES, 7)
    frequent = results["most_frequent_tag"].metrics()
    for split in ("dev", "test"):
        assert list(frequent["intervals"][split]) == ["accuracy", "macro_f1", "entity_f1"]
        for name, (low, high) in frequent["intervals"][split].items():
            assert low <= frequent[split][name] <= high
    assert results["majority"].intervals["dev"]["entity_f1"] == [0.0, 0.0]
    rows = PredictedRows.joined([result.rows for result in results.values()])
    assert (rows.row_numbers.tolist(), list(rows.predicted)) == ([0, 1, 2], list(results))
    assert rows.entities() == [{(0, 2, "LOC"), (3, 5, "PER")}, set(), {(1, 2, "PER")}]
    assert rows.entities("most_frequent_tag") == [{(0, 2, "LOC"), (3, 4, "PER")}, set(), {(1, 2, "PER")}]
    assert rows.entities("majority") == [set()] * 3


def test_unseen_texts_have_their_own_intervals(tmp_path):
    splits = {**TEXTS, "dev": [*TEXTS["dev"], ([4, 3], 2)]}
    splits["test"] = [([2, 3, 2], 1), ([2, 3], 0), ([4, 3], 2), ([3, 3], 0), ([2, 2, 2], 1)]
    majority = train(tmp_path, "classify", splits, CLASSES, 5)["majority"]
    assert majority.unseen["accuracy"] == 2 / 3
    assert majority.intervals["rest"]["accuracy"] == wilson_interval(2, 3).bounds()
    (tmp_path / "tags").mkdir()
    tagged = {**SENTENCES, "test": [SENTENCES["train"][0], *SENTENCES["test"]]}
    frequent = train(tmp_path / "tags", "tag", tagged, TYPES, 7)["most_frequent_tag"]
    assert list(frequent.intervals) == ["dev", "test", "rest"]


def test_the_stage_writes_the_predictions_of_all_baselines(tmp_path, monkeypatch, import_stage):
    monkeypatch.chdir(tmp_path)
    section = {key: list(value) if isinstance(value, tuple) else value for key, value in vars(SETTINGS).items()}
    params = {"limits": {"rows": None, "epochs": 1, "hidden_size": None}, "baseline": section}
    (tmp_path / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    encoded = tmp_path / "data" / "encoded" / "letters"
    (encoded / "preparation").mkdir(parents=True)
    write_encoded(encoded / "ids", "classify", TEXTS)
    (tmp_path / "data" / "segmented").mkdir()
    rows = {split: [([str(token) for token in ids], label) for ids, label in TEXTS[split]] for split in TEXTS}
    write_segmented(tmp_path / "data" / "segmented" / "letters", "classify", rows)
    CLASSES.save(encoded / "preparation" / "labels.json")
    Vocabulary(pa.array(["x", "y", "z"]), pa.array([18, 16, 3])).save(encoded / "preparation" / "vocabulary.arrow")
    import_stage("baseline").main("letters")
    baselines = json.loads((tmp_path / "data" / "baselines" / "letters.json").read_text())["baselines"]
    read = PredictedRows.read(tmp_path / "data" / "baselines" / "letters.arrow")
    assert list(read.predicted) == list(baselines)
    gold = np.array(read.gold.to_pylist())
    for name, scores in baselines.items():
        right = np.array(read.predicted[name].to_pylist()) == gold
        assert right.mean() == scores["test"]["accuracy"]
        assert scores["intervals"]["test"]["accuracy"] == pytest.approx(
            wilson_interval(int(right.sum()), len(right)).bounds(), abs=1e-6
        )
