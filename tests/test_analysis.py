"""Error analysis by hand: metrics of each subset, confused pairs, examples, entities in train and others."""

import csv
import json

import numpy as np
import pytest
from ruamel.yaml import YAML

from test_batches import write_padded
from test_checkpoints import LABELS, save
from test_slices import write_segmented
from textrnn.errors import UserError
from textrnn.evaluation.analysis.analyze import analyze, confused
from textrnn.evaluation.scoring.predictions import Predictions
from textrnn.preparation.artifacts.labels import Labels

CLASSES = Labels("classify", ["x", "y", "z"], None, [])
TYPES = Labels("tag", ["O", "LOC", "PER"], "type", ["LOC", "PER"])
RAW = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def test_confused_pairs_are_counted_and_ordered():
    gold = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 0])
    predicted = np.array([1, 1, 0, 0, 1, 0, 0, 2, 1, 2])
    assert confused(gold, predicted, CLASSES.names) == [
        {"gold": "x", "predicted": "y", "count": 2, "share": 2 / 4},
        {"gold": "z", "predicted": "x", "count": 2, "share": 2 / 4},
        {"gold": "x", "predicted": "z", "count": 1, "share": 1 / 4},
        {"gold": "y", "predicted": "x", "count": 1, "share": 1 / 2},
        {"gold": "z", "predicted": "y", "count": 1, "share": 1 / 4},
    ]
    assert confused(gold, gold, CLASSES.names) == []


def test_at_most_ten_pairs_are_returned():
    gold, predicted = np.divmod(np.arange(25), 5)
    assert len(confused(gold, predicted, list("abcde"))) == 10


def texts(tmp_path):
    """Predictions for five rows of test: x, x and y are predicted as y, y and x; the other two are right."""
    rows = [(["a"], 0), (["a", "b"], 0), (["b", "a"], 1), (["c"] * 4, 2), (["d"] * 6, 0)]
    train = [(["a"], 0), (["c"] * 4, 1), (["q"], 2)]
    segmented = write_segmented(tmp_path / "s", "classify", {"train": train, "test": rows})
    predictions = Predictions(
        row_numbers=np.arange(5),
        offsets=np.arange(6),
        gold=np.array([0, 0, 1, 2, 0]),
        predicted=np.array([1, 1, 0, 2, 0]),
        confidence=np.array([0.6, 0.7, 0.95, 0.8, 0.5]),
        rarest_count=np.array([30, 5, 5, 0, 700]),
    )
    return predictions, segmented


def test_texts_by_hand(tmp_path):
    predictions, segmented = texts(tmp_path)
    analysis = analyze(predictions, CLASSES, segmented)
    assert analysis.metrics == {
        "calibration": {
            # each row is in its own bin
            "ece": pytest.approx((0.6 + 0.7 + 0.95 + 0.2 + 0.5) / 5),
            "confidence": pytest.approx(3.55 / 5),
            "accuracy": 0.4,
        },
        "by_length": {
            "1-1": {"rows": 1, "accuracy": 0.0},
            "2-2": {"rows": 2, "accuracy": 0.0},
            "4-4": {"rows": 1, "accuracy": 1.0},
            "6-6": {"rows": 1, "accuracy": 1.0},
        },
        "by_rarest": {
            "0": {"rows": 1, "accuracy": 1.0},
            "1-9": {"rows": 2, "accuracy": 0.0},
            "10-99": {"rows": 1, "accuracy": 0.0},
            "100-999": {"rows": 1, "accuracy": 1.0},
        },
        "by_text": {"known": {"rows": 2, "accuracy": 0.5}, "rest": {"rows": 3, "accuracy": pytest.approx(1 / 3)}},
        "confused": [
            {"gold": "x", "predicted": "y", "count": 2, "share": 2 / 3},
            {"gold": "y", "predicted": "x", "count": 1, "share": 1.0},
        ],
    }
    assert [row.count for row in analysis.bins] == [1] * 5


def test_examples_of_each_pair_are_ordered_by_confidence(tmp_path, monkeypatch):
    predictions, segmented = texts(tmp_path)
    errors = analyze(predictions, CLASSES, segmented).errors
    assert [error["row"] for error in errors] == [1, 0, 2]
    assert errors[1] == {
        "row": 0,
        "gold": "x",
        "predicted": "y",
        "confidence": 0.6,
        "text_known": True,
        "tokens": ["a"],
    }
    assert (errors[0]["tokens"], errors[2]["tokens"]) == (["a", "b"], ["b", "a"])
    monkeypatch.setattr("textrnn.evaluation.analysis.analyze.MAX_EXAMPLES", 1)
    assert [error["row"] for error in analyze(predictions, CLASSES, segmented).errors] == [1, 2]


def test_other_rows_than_the_predicted_ones_are_refused(tmp_path):
    predictions, _ = texts(tmp_path)
    other = write_segmented(tmp_path / "o", "classify", {"train": [(["a"], 0)], "test": [(["a"], 0)]})
    with pytest.raises(
        UserError, match=r"o: its test rows are not those padded for the model; got 1 and 5 rows; train again$"
    ):
        analyze(predictions, CLASSES, other)


def sentences(tmp_path):
    """Predictions for three sentences, the last truncated to two tokens; train has LOC `a b` and PER `c`."""
    train = [(["a", "b", "o", "c"], [1, 2, 0, 3])]
    test = [
        (["a", "b", "o"], [1, 2, 0]),  # the LOC is found; `o`, not an entity of train, is wrongly predicted
        (["c", "o", "a", "b", "d"], [3, 0, 3, 4, 0]),  # `c` is found; `a b` is a PER here, but predicted as LOC
        (["d", "c", "c"], [3, 0, 3]),  # `d`, not in train, is found; the last `c` was truncated
    ]
    segmented = write_segmented(tmp_path / "s", "tag", {"train": train, "test": test}, RAW)
    predictions = Predictions(
        row_numbers=np.arange(3),
        offsets=np.array([0, 3, 8, 10]),
        gold=np.array([1, 1, 0, 2, 0, 2, 2, 0, 2, 0]),
        predicted=np.array([1, 1, 2, 2, 0, 1, 1, 0, 2, 0]),
        confidence=np.full(10, 0.75),
        rarest_count=np.array([5, 5, 0]),
    )
    return predictions, segmented


def test_sentences_by_hand(tmp_path):
    metrics = analyze(*tagging_arguments(tmp_path)).metrics
    assert metrics["calibration"] == {
        "ece": pytest.approx(0.05),
        "confidence": 0.75,
        "accuracy": pytest.approx(0.7),
    }

    def expected(rows, entities, hits, positives):
        f1 = pytest.approx(2 * hits / (entities + positives))
        return {"rows": rows, "entities": entities, "entity_recall": pytest.approx(hits / entities), "entity_f1": f1}

    # gold and predicted: (a b) LOC, +o PER | c PER, (a b) PER, +(a b) LOC | d PER, c PER
    assert metrics["by_length"] == {"3-3": expected(2, 3, 2, 3), "5-5": expected(1, 2, 1, 2)}
    assert metrics["by_rarest"] == {"0": expected(1, 2, 1, 1), "1-9": expected(2, 3, 2, 4)}
    assert metrics["by_text"] == {"rest": expected(3, 5, 3, 5)}
    # the second and the third row have two entities each: the first of them counts
    assert metrics["by_row"] == {"fullest": expected(1, 2, 1, 2), "rest": expected(2, 3, 2, 3)}
    # train has LOC a b and PER c: gold has a b, c, c, and the predictions have a b twice and c
    assert metrics["entities"] == {"in_train": expected(3, 3, 2, 3), "rest": expected(3, 2, 1, 2)}
    assert metrics["confused"] == [
        {"gold": "PER", "predicted": "LOC", "count": 2, "share": 0.5},
        {"gold": "O", "predicted": "PER", "count": 1, "share": 0.25},
    ]


def tagging_arguments(tmp_path):
    predictions, segmented = sentences(tmp_path)
    return predictions, TYPES, segmented


def test_the_sentences_with_the_most_wrong_entities_come_first(tmp_path):
    errors = analyze(*tagging_arguments(tmp_path)).errors
    assert [error["row"] for error in errors] == [1, 0, 2]
    assert errors[0] == {
        "row": 1,
        "missed": [{"start": 2, "end": 4, "type": "PER", "tokens": ["a", "b"]}],
        "made_up": [{"start": 2, "end": 4, "type": "LOC", "tokens": ["a", "b"]}],
        "right": [{"start": 0, "end": 1, "type": "PER", "tokens": ["c"]}],
        "text_known": False,
        "tokens": ["c", "o", "a", "b", "d"],
    }
    assert (errors[1]["missed"], errors[2]["made_up"]) == ([], [])
    assert errors[2]["missed"] == [{"start": 2, "end": 3, "type": "PER", "tokens": ["c"]}]


@pytest.fixture
def script(import_stage):
    return import_stage("analyze")


def test_the_stage_writes_metrics_bins_and_examples(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    letters = "abcdefg"
    rows = [([2 + (3 * row) % 7, 2 + row % 5], row % 3) for row in range(12)]
    texts = [([letters[token - 2] for token in ids], label) for ids, label in rows]
    YAML(typ="safe").dump({"recipes": {"tiny": {"encoding": "letters"}}}, tmp_path / "params.yaml")
    for folder in ("models", "data/padded", "data/segmented", "work"):
        (tmp_path / folder).mkdir(parents=True)
    padded = write_padded(tmp_path / "work", "classify", {"train": rows, "test": rows}, 4)
    padded.folder.rename(tmp_path / "data" / "padded" / "tiny")
    write_segmented(tmp_path / "data" / "segmented" / "letters", "classify", {"train": texts[:6], "test": texts})
    save(tmp_path / "models", labels=LABELS, facts=padded.facts)
    script.main("tiny")
    out = tmp_path / "metrics" / "tiny"
    metrics = json.loads((out / "analysis.json").read_text(encoding="utf-8"))
    assert metrics["by_length"]["2-2"] == {"rows": 12, "accuracy": metrics["calibration"]["accuracy"]}
    seen = [text for text in texts if text[0] in [tokens for tokens, _ in texts[:6]]]
    assert metrics["by_text"]["known"]["rows"] == len(seen)
    lines = (tmp_path / "data" / "analyzed" / "tiny" / "errors.jsonl").read_text(encoding="utf-8").splitlines()
    errors = [json.loads(line) for line in lines]
    assert len(errors) == round(12 * (1 - metrics["calibration"]["accuracy"])) > 0
    assert all(error["tokens"] == texts[error["row"]][0] for error in errors)
    assert all(error["gold"] == LABELS.names[texts[error["row"]][1]] != error["predicted"] for error in errors)
    with (out / "reliability.csv").open(encoding="utf-8", newline="") as file:
        header, *bins = csv.reader(file)
    assert header == ["lower", "upper", "count", "confidence", "accuracy"]
    assert sum(int(row[2]) for row in bins) == 12
    ece = sum(int(count) * abs(float(mean) - float(accuracy)) for _, _, count, mean, accuracy in bins) / 12
    assert ece == pytest.approx(metrics["calibration"]["ece"], abs=1e-5)
