"""`textrnn results`: the report is scikit-learn's and seqeval's, to the last blank; what is missing is one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from seqeval.metrics import classification_report as entity_report
from seqeval.metrics.sequence_labeling import get_entities
from sklearn.metrics import classification_report, confusion_matrix

from textrnn.evaluation.metrics.predicted_rows import PREDICTED, PredictedRows

MATRIX = "\nconfusion matrix: a row for each gold class, columns for the predicted ones in the same order\n\n"


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(rows, recipe="news", **scores):
    folder = Path("data") / "evaluated" / recipe
    folder.mkdir(parents=True)
    rows.write(folder / "predicted.arrow")
    values = {"loss": 0.25, "accuracy": 0.5, "macro_f1": 0.5, **scores}
    (folder / "metrics.json").write_text(json.dumps({"dev": values, "test": values}), encoding="utf-8")


def classes(gold, predicted, names):
    return PredictedRows.of_classes(np.arange(len(gold)), np.array(gold), {PREDICTED: np.array(predicted)}, names)


@pytest.mark.filterwarnings("ignore:A single label was found")
@pytest.mark.parametrize("count", [1, 2, 3, 12])
@pytest.mark.parametrize("seed", range(3))
def test_the_report_of_classes_is_that_of_scikit_learn(run_command, seed, count):
    random = np.random.default_rng([seed, count])
    names = [f"{'class' * int(random.integers(0, 4))}{number}" for number in range(count)]
    # skewed, so that some classes have no row, or are never predicted
    gold, predicted = (random.choice(count, 500, p=random.dirichlet(np.full(count, 0.2))) for _ in range(2))
    predicted = np.where(random.random(500) < 0.5, gold, predicted)
    write(classes(gold, predicted, names))
    code, text, _ = run_command("results", "news")
    report, _, matrix = text.partition(MATRIX)
    options = {"labels": range(count), "target_names": names, "digits": 4, "zero_division": 0}
    wanted = classification_report(gold, predicted, **options)
    assert code == 0
    assert report == f"news on test, 500 rows: loss 0.2500, accuracy 0.5000\n\n{wanted}"
    table = [line.split() for line in matrix.splitlines()]
    assert [name for name, *_ in table] == names
    counts = confusion_matrix(gold, predicted, labels=range(count)).tolist()
    assert [list(map(int, row)) for _, *row in table] == counts


@pytest.mark.parametrize("seed", range(3))
def test_the_report_of_entities_is_that_of_seqeval(run_command, seed):
    random = np.random.default_rng(seed)
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORGANISATION"]
    gold = [random.choice(tags, 12).tolist() for _ in range(60)]
    predicted = [[tag if random.random() < 0.7 else str(random.choice(tags)) for tag in row] for row in gold]

    def spans(rows):
        return [{(first, last + 1, kind) for kind, first, last in get_entities(row)} for row in rows]

    write(PredictedRows.of_entities(np.arange(60), spans(gold), {PREDICTED: spans(predicted)}), entity_f1=0.5)
    code, text, _ = run_command("results", "news")
    assert code == 0
    wanted = entity_report(gold, predicted, digits=4)
    assert text == f"news on test, 60 rows: loss 0.2500, accuracy of tokens 0.5000\n\n{wanted}"


def test_names_of_any_script_are_aligned_on_one_line_each(run_command):
    write(classes([0, 1, 2], [0, 1, 1], ["体育", "two\nlines", "e\u0301"]))
    report, _, matrix = run_command("results", "news")[1].partition(MATRIX)
    lines = report.splitlines()[4:7]
    assert lines[0] == "        体育     1.0000    1.0000    1.0000         1"
    assert lines[1] == "   two lines     0.5000    1.0000    0.6667         1"
    assert lines[2] == "           e\u0301     0.0000    0.0000    0.0000         1"
    assert matrix.splitlines() == ["     体育  1 0 0", "two lines  0 1 0", "        e\u0301  0 1 0"]


def test_the_time_of_training_is_told_where_it_is_known(run_command):
    write(classes([0], [0], ["a"]))
    Path("logs").mkdir()
    for seconds, words in ((3.4, "0:00:03"), (59.6, "0:01:00"), (7384, "2:03:04"), (360000, "100:00:00")):
        Path("logs/news.json").write_text(json.dumps({"seconds": seconds, "device": "cpu"}), encoding="utf-8")
        assert run_command("results", "news")[1].splitlines()[1] == f"time of training: {words} on cpu"


def test_an_older_file_may_lack_the_loss(run_command):
    write(classes([0], [0], ["a"]))
    scores = {"accuracy": 1.0, "macro_f1": 1.0}
    Path("data/evaluated/news/metrics.json").write_text(json.dumps({"dev": scores, "test": scores}), encoding="utf-8")
    assert run_command("results", "news")[1].startswith("news on test, 1 row: accuracy 1.0000\n")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("other", "other: has not been evaluated in this folder; run `dvc repro evaluate@other` first"),
        ("../news", "data/evaluated: the name of an entry must have only letters"),
        ("torn", "data/evaluated/torn/metrics.json: is damaged"),
        ("half", "data/evaluated/half/predicted.arrow: "),
        ("timed", "logs/timed.json: is damaged"),
        ("empty", "scores: no sample to score"),
    ],
)
def test_what_cannot_be_shown_is_one_line(run_command, recipe, message):
    for name in ("torn", "half", "timed"):
        write(classes([0], [0], ["a"]), name)
    write(classes([], [], ["a"]), "empty")
    Path("data/evaluated/torn/metrics.json").write_text('{"dev": 1', encoding="utf-8")
    Path("data/evaluated/half/predicted.arrow").unlink()
    Path("logs").mkdir()
    Path("logs/timed.json").write_text('{"seconds": "long", "device": "cpu"}', encoding="utf-8")
    code, _, stderr = run_command("results", recipe)
    assert (code, stderr.count("\n")) == (1, 1)
    assert stderr.startswith(f"error: {message}")
