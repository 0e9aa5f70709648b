"""Error analysis by hand: metrics of each subset, confused pairs, examples, entities in train and others."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from factories.analysis_files import RECIPE, SEEN, TEXTS, write_inputs
from factories.imports import ROOT
from factories.saved_models import LABELS
from factories.shards import write_segmented
from factories.tiny_models import han, make_tiny
from factories.tiny_models import texts as texts_of
from textrnn.common.config.pad import Pad
from textrnn.common.config.segment import Segment
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.evaluation.analysis.analysis_files import write_analysis
from textrnn.evaluation.analysis.analyze import analyze
from textrnn.evaluation.analysis.card_example import CardExample
from textrnn.evaluation.analysis.confusions import confused
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.metrics.subsets import rarest_counts
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.result_files import AnalyzedFiles
from textrnn.preparation.artifacts.vocabulary import Vocabulary

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
        probabilities=probabilities([1, 1, 0, 2, 0], [0.6, 0.7, 0.95, 0.8, 0.5]),
    )
    return predictions, segmented


def probabilities(predicted, confidence):
    """Of three classes: the predicted one has this confidence, the two others share the rest."""
    values = np.repeat((1 - np.array(confidence)[:, None]) / 2, 3, axis=1)
    values[np.arange(len(predicted)), predicted] = confidence
    return values


# of the texts: row 3 reads a token that train does not have
COUNTS = {"a": 30, "b": 5, "d": 700}


def known(counts, width=9):
    """The arguments of `analyze` beside predictions, texts and labels."""
    vocabulary = Vocabulary(pa.array(list(counts)), pa.array(list(counts.values()), pa.int64()))
    return {"vocabulary": vocabulary, "width": width, "segmenter": "chars"}


def test_texts_by_hand(tmp_path):
    predictions, segmented = texts(tmp_path)
    analysis = analyze(predictions, segmented, labels=CLASSES, **known(COUNTS))
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
    errors = analyze(predictions, segmented, labels=CLASSES, **known(COUNTS)).errors
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
    monkeypatch.setattr("textrnn.evaluation.analysis.confusions.MAX_EXAMPLES", 1)
    assert [error["row"] for error in analyze(predictions, segmented, labels=CLASSES, **known(COUNTS)).errors] == [1, 2]


def test_the_example_is_a_text_that_is_predicted_correctly(tmp_path):
    predictions, segmented = texts(tmp_path)

    def example():
        return analyze(predictions, segmented, labels=CLASSES, **known(COUNTS)).example

    # rows 3 and 4 are right; train has row 3, although its length is nearer to the median of 2
    assert example() == CardExample("dddddd", "x")
    predictions.predicted[4] = 1
    assert example() == CardExample("cccc", "z")
    predictions.predicted[0] = 0  # train has it, too, but its length is nearer
    assert example() == CardExample("a", "x")
    predictions.predicted[:] = (predictions.gold + 1) % 3
    assert example() is None


def test_the_example_sentence_has_as_many_types_as_possible(tmp_path):
    test = [(["a"], [3]), (["a", "o", "c"], [1, 0, 3]), (["o", "o"], [0, 0]), (["c", "o", "a"], [3, 0, 3])]
    segmented = write_segmented(tmp_path / "s", "tag", {"train": [(["o"], [0])], "test": test}, RAW)
    gold = np.array([2, 1, 0, 2, 0, 0, 2, 0, 2])

    def example(predicted):
        predictions = Predictions(np.arange(4), np.array([0, 1, 4, 6, 9]), gold, predicted, np.full((9, 3), 1 / 3))
        return analyze(predictions, segmented, labels=TYPES, **known({"a": 5, "c": 6, "o": 5})).example

    assert example(gold) == CardExample("aoc", "LOC a, PER c")
    one_is_missed = np.array([2, 0, 0, 2, 0, 0, 2, 0, 2])
    assert example(one_is_missed) == CardExample("coa", "PER c, PER a")
    assert example(np.zeros(9, np.int64)) is None  # the sentence without entities is no example


@pytest.mark.parametrize("tokens", [["x"] * 301, [" "], ["a", "\x1b"], ["a\u2028"]])
def test_a_text_that_cannot_be_shown_is_no_example(tmp_path, tokens):
    segmented = write_segmented(tmp_path / "s", "classify", {"train": [(["q"], 0)], "test": [(tokens, 0), (["b"], 1)]})
    rows = {"row_numbers": np.arange(2), "offsets": np.arange(3), "gold": np.arange(2), "predicted": np.arange(2)}
    predictions = Predictions(**rows, probabilities=np.full((2, 3), 1 / 3))
    assert analyze(predictions, segmented, labels=CLASSES, **known(COUNTS)).example == CardExample("b", "y")


def test_other_rows_than_the_predicted_ones_are_refused(tmp_path):
    predictions, _ = texts(tmp_path)
    other = write_segmented(tmp_path / "o", "classify", {"train": [(["a"], 0)], "test": [(["a"], 0)]})
    with pytest.raises(
        UserError, match=r"o: its test rows are not those padded for the model; got 1 and 5 rows; train again$"
    ):
        analyze(predictions, other, labels=CLASSES, **known(COUNTS))


def sentences(tmp_path):
    """Predictions for three sentences, the last truncated to two tokens; train has LOC `a b` and PER `c`."""
    train = [(["a", "b", "o", "c"], [1, 2, 0, 3])]
    test = [
        (["a", "b", "o"], [1, 2, 0]),  # the LOC is found; `o`, not an entity of train, is wrongly predicted
        (["c", "o", "a", "b", "o"], [3, 0, 3, 4, 0]),  # `c` is found; `a b` is a PER here, but predicted as LOC
        (["d", "c", "c"], [3, 0, 3]),  # `d`, not in train, is found; the last `c` was truncated
    ]
    segmented = write_segmented(tmp_path / "s", "tag", {"train": train, "test": test}, RAW)
    predictions = Predictions(
        row_numbers=np.arange(3),
        offsets=np.array([0, 3, 8, 10]),
        gold=np.array([1, 1, 0, 2, 0, 2, 2, 0, 2, 0]),
        predicted=np.array([1, 1, 2, 2, 0, 1, 1, 0, 2, 0]),
        probabilities=probabilities([1, 1, 2, 2, 0, 1, 1, 0, 2, 0], np.full(10, 0.75)),
    )
    return predictions, segmented


def test_sentences_by_hand(tmp_path):
    metrics = analyze_sentences(tmp_path).metrics
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


def analyze_sentences(tmp_path):
    predictions, segmented = sentences(tmp_path)
    return analyze(predictions, segmented, labels=TYPES, **known({"a": 5, "b": 7, "c": 6, "o": 5}, width=5))


def test_the_sentences_with_the_most_wrong_entities_come_first(tmp_path):
    errors = analyze_sentences(tmp_path).errors
    assert [error["row"] for error in errors] == [1, 0, 2]
    assert errors[0] == {
        "row": 1,
        "missed": [{"start": 2, "end": 4, "type": "PER", "tokens": ["a", "b"]}],
        "made_up": [{"start": 2, "end": 4, "type": "LOC", "tokens": ["a", "b"]}],
        "right": [{"start": 0, "end": 1, "type": "PER", "tokens": ["c"]}],
        "text_known": False,
        "tokens": ["c", "o", "a", "b", "o"],
    }
    assert (errors[1]["missed"], errors[2]["made_up"]) == ([], [])
    assert errors[2]["missed"] == [{"start": 2, "end": 3, "type": "PER", "tokens": ["c"]}]


@pytest.mark.parametrize(
    ("segmentation", "padding"),
    [
        (Segment("chars", (), None, 0.0, 1, None), Pad(9, "left", None)),
        (Segment("chars", (), None, 0.0, 1, None), Pad(None, "right", 3)),
        (Segment("jieba", ("digits",), None, 0.0, 1, None), Pad(4, "right", 2)),
    ],
)
def test_the_rarest_token_is_that_of_the_padded_rows(tmp_path, segmentation, padding):
    """Truncated or not, on either side: what the texts say is what the model's rows hold."""
    splits = {split: texts_of(han, 200, 14, seed) for seed, split in enumerate(("train", "dev", "test"))}
    splits["test"] += [("鬱中", 0), ("中" * 13 + "鬱", 1)]  # train does not have the first character
    tiny = make_tiny(tmp_path, "classify", splits, segmentation, padding)
    counts = [10**9, 0, *tiny.vocabulary.counts.to_pylist()]  # of padding, of unknown tokens
    expected = {}
    for batch in tiny.padded.batches("test"):
        for row in batch.to_pylist():
            expected[row["row"]] = min(counts[token] for token in row["ids"]) if row["length"] else -1
    segmented = SegmentedRows.read(tmp_path / "segmented")
    rarest = rarest_counts(segmented, tiny.vocabulary, tiny.saved.config.widths[-1])
    assert rarest.tolist() == [expected[row] for row in sorted(expected)]
    assert {0, -1} < set(rarest.tolist())


@pytest.fixture
def script(import_stage):
    return import_stage("analyze")


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def test_the_stage_writes_metrics_tables_and_examples(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path)
    script.main(RECIPE)
    out = tmp_path / "data" / "analyzed" / RECIPE
    metrics = json.loads((out / "analysis.json").read_text(encoding="utf-8"))
    assert metrics["by_length"]["2-2"] == {"rows": 12, "accuracy": metrics["calibration"]["accuracy"]}
    evaluated = json.loads((tmp_path / "data" / "evaluated" / RECIPE / "metrics.json").read_text())["test"]
    assert metrics["calibration"]["accuracy"] == pytest.approx(evaluated["accuracy"], abs=1e-6)
    seen = [text for text in TEXTS if text[0] in [tokens for tokens, _ in SEEN]]
    assert metrics["by_text"]["known"]["rows"] == len(seen)
    # the vocabulary counts the letters from a to g 7, 6, ... and 1 times
    assert {name: group["rows"] for name, group in metrics["by_rarest"].items()} == {"1-9": 12}
    errors = [json.loads(line) for line in (out / "errors.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(errors) == round(12 * (1 - metrics["calibration"]["accuracy"])) > 0
    assert all(error["tokens"] == TEXTS[error["row"]][0] for error in errors)
    assert all(error["gold"] == LABELS.names[TEXTS[error["row"]][1]] != error["predicted"] for error in errors)
    header, bins = read_csv(out / "reliability.csv")
    assert header == ["lower", "upper", "count", "confidence", "accuracy"]
    assert sum(int(row[2]) for row in bins) == 12
    ece = sum(int(count) * abs(float(mean) - float(accuracy)) for _, _, count, mean, accuracy in bins) / 12
    assert ece == pytest.approx(metrics["calibration"]["ece"], abs=1e-5)


def test_the_stage_writes_the_scores_of_classes_and_their_confusion(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path)
    script.main(RECIPE)
    out = tmp_path / "data" / "analyzed" / RECIPE
    predictions = Predictions.read(Path("data/evaluated/tiny/test.arrow"), 3)
    header, rows = read_csv(out / "confusion_counts.csv")
    assert (header, [row[0] for row in rows]) == (["actual", *LABELS.names], LABELS.names)
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (predictions.gold, predictions.predicted), 1)
    assert [list(map(int, row[1:])) for row in rows] == counts.tolist()
    header, rows = read_csv(out / "classes.csv")
    assert header == ["kind", "name", "precision", "recall", "f1", "support"]
    assert [row[:2] for row in rows] == [["class", name] for name in (*LABELS.names, "macro avg", "weighted avg")]
    assert [float(row[3]) for row in rows[:3]] == pytest.approx((np.diag(counts) / 4).tolist(), abs=1e-6)
    header, plot = read_csv(tmp_path / "metrics" / RECIPE / "confusion.csv")
    assert header == ["actual", "predicted"]
    pairs = zip(predictions.gold.tolist(), predictions.predicted.tolist(), strict=True)
    assert sorted(plot) == sorted([LABELS.names[gold], LABELS.names[predicted]] for gold, predicted in pairs)


def test_a_tagger_has_scores_of_tags_and_of_entities(tmp_path):
    analysis = analyze_sentences(tmp_path)
    write_analysis(AnalyzedFiles(tmp_path), analysis, TYPES.names)
    _, rows = read_csv(tmp_path / "classes.csv")
    averages = ["macro avg", "weighted avg"]
    assert [row[1] for row in rows if row[0] == "class"] == [*TYPES.names, *averages]
    assert [row[1] for row in rows if row[0] == "entity"] == ["LOC", "PER", "micro avg", *averages]
    # as counted by hand above: the truncated PER is missed, one LOC and one PER are made up
    assert {row[1]: (row[2], row[3], row[5]) for row in rows if row[0] == "entity"}["PER"] == ("0.666667", "0.5", "4")


def test_the_stage_copies_what_the_report_shows_of_padding(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path)
    script.main(RECIPE)
    out, padded = tmp_path / "data" / "analyzed" / RECIPE, tmp_path / "data" / "padded" / RECIPE
    assert (out / "padding.json").read_bytes() == (padded / "statistics.json").read_bytes()
    assert (out / "lengths.csv").read_bytes() == (padded / "lengths.csv").read_bytes()
    names = {"analysis.json", "classes.csv", "confusion_counts.csv", "reliability.csv", "errors.jsonl"}
    assert {path.name for path in out.iterdir()} == names | {
        "padding.json",
        "lengths.csv",
        "origin.json",
        "checksums.json",
    }
    assert json.loads((out / "origin.json").read_text()) == {"source": "data/sample", "generated": True}


def test_the_stage_needs_no_torch_and_its_result_depends_on_no_hash_seed(tmp_path):
    """In a process of its own, in which torch cannot be imported."""
    write_inputs(tmp_path)
    code = f"import sys, runpy; sys.modules['torch'] = None; sys.argv = ['analyze.py', {RECIPE!r}]; "
    code += f"runpy.run_path({str(ROOT / 'pipeline' / 'analyze.py')!r}, run_name='__main__')"
    written = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "pipeline")}
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
        files = [*(tmp_path / "data" / "analyzed" / RECIPE).iterdir(), tmp_path / "models" / f"{RECIPE}.md"]
        written.append({path.name: path.read_bytes() for path in files})
    assert written[0] == written[1]
