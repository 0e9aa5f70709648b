"""`textrnn compare`: models by name, what it prints, and one line for what cannot be compared."""

import json

import numpy as np
import pytest

from textrnn.evaluation.metrics.predicted_rows import PREDICTED, PredictedRows

PARAMS = "recipes:\n  better: {encoding: chars}\n  worse: {encoding: chars}\n  tags: {encoding: tagged}\n"
NAMES = ["a", "b"]


def rows(right, count=400, **others):
    """Predictions of class a for rows that all have it, right in the first `right` of them."""
    ids = others or {PREDICTED: right}
    predicted = {name: np.repeat([0, 1], [each, count - each]) for name, each in ids.items()}
    return PredictedRows.of_classes(np.arange(count), np.zeros(count, int), predicted, NAMES)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """Two recipes of one encoding with two baselines, and a tagger."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS)
    evaluated, baselines = tmp_path / "data" / "evaluated", tmp_path / "data" / "baselines"
    for name in ("better", "worse", "tags"):
        (evaluated / name).mkdir(parents=True)
    rows(380).write(evaluated / "better" / "predicted.arrow")
    rows(360).write(evaluated / "worse" / "predicted.arrow")
    baselines.mkdir()
    rows(0, majority=100, linear_svm=379).write(baselines / "chars.arrow")
    scores = {
        name: {split: {"accuracy": value, "macro_f1": value} for split in ("dev", "test")}
        for name, value in (("majority", 0.2), ("linear_svm", 0.9))
    }
    (baselines / "chars.json").write_text(json.dumps({"baselines": scores, "ceiling": None}))
    spans = [{(0, 2, "LOC")}, {(1, 2, "PER")}] * 20
    tagged = PredictedRows.of_entities(np.arange(40), spans, {PREDICTED: [*spans[:38], set(), set()]})
    tagged.write(evaluated / "tags" / "predicted.arrow")
    return tmp_path


def test_the_better_model_is_named_with_its_lead(run_command):
    code, text, _ = run_command("compare", "better", "worse")
    assert code == 0
    lines = text.splitlines()
    assert lines[:4] == ["400 rows of test", "accuracy", "  better       95.00", "  worse        90.00"]
    assert lines[4].startswith("  difference   +5.00, 95% interval ")
    assert "macro-F1" in lines
    assert lines[-2] == "McNemar's exact test: 20 rows are right in better alone, 0 in worse alone, p = 1.9e-06"
    *words, low, _, high = lines[-1].split()
    assert words == ["better", "is", "ahead", "by", "5.00", "points,", "interval"]
    assert [float(low), float(high)] == pytest.approx([2.9, 7.1], abs=0.4)  # 5 ± 196 * (0.05 * 0.95 / 400) ** 0.5
    _, swapped, _ = run_command("compare", "worse", "better")
    assert swapped.splitlines()[-1] == lines[-1]


def test_a_difference_that_cannot_be_told_has_a_width(run_command):
    code, text, _ = run_command("compare", "better", "best_baseline")
    assert code == 0
    assert "  chars:linear_svm   94.75" in text.splitlines()
    last = text.splitlines()[-1]
    assert last.startswith("no significant difference: the interval contains 0, its width is 0.")
    assert last.endswith(" points")
    assert run_command("compare", "better", "chars:best_baseline")[1] == text
    assert run_command("compare", "better", "chars:linear_svm")[1] == text
    _, text, _ = run_command("compare", "best_baseline", "worse")
    assert text.splitlines()[-1].startswith("chars:linear_svm is ahead by 4.75 points")


def test_json_has_the_figures(run_command):
    code, (found,), _ = run_command("compare", "better", "worse", "--json")
    assert code == 0
    assert (found["first"], found["second"], found["rows"]) == ("better", "worse", 400)
    accuracy = found["metrics"]["accuracy"]
    assert (accuracy["first"], accuracy["second"], accuracy["verdict"]) == (0.95, 0.9, "ahead")
    assert accuracy["difference"] == pytest.approx(0.05)
    assert accuracy["interval"] == pytest.approx([0.029, 0.071], abs=0.004)
    assert found["mcnemar"] == {"only_first": 20, "only_second": 0, "p_value": 2 / 2**20}


def test_a_folder_is_a_model_too_and_taggers_have_no_mcnemar(run_command, project):
    moved = project / "earlier"
    (project / "data" / "evaluated" / "worse").rename(moved)
    code, text, _ = run_command("compare", "better", "earlier")
    assert (code, text.splitlines()[3]) == (0, "  earlier      90.00")
    code, text, _ = run_command("compare", "tags", project / "data" / "evaluated" / "tags")
    assert code == 0
    assert text.splitlines()[:2] == ["40 rows of test", "entity F1"]
    assert "McNemar" not in text
    code, (found,), _ = run_command("compare", "tags", "tags", "--json")
    assert (found["mcnemar"], found["metrics"]["entity_f1"]["first"]) == (None, pytest.approx(2 * 38 / 78))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("better", "tags"), "better and tags: have no common rows of test; got one has classes, the other entities; "),
        (("better", "other"), "other: there are no predictions of such a model; give a recipe that has run, "),
        (("better", "chars:bag"), "chars:bag: the encoding has no such baseline; give one of majority, linear_svm or "),
        (("better", "words:bag"), "data/baselines/words.arrow: no such file; run the stage that writes it"),
        (("best_baseline", "chars:majority"), "best_baseline: stands for the best baseline of a recipe's encoding; "),
    ],
)
def test_what_cannot_be_compared_is_one_line(run_command, arguments, message):
    code, text, error = run_command("compare", *arguments)
    assert (code, text) == (1, "")
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1


def test_other_rows_are_refused(run_command, project):
    rows(300, count=399).write(project / "data" / "evaluated" / "worse" / "predicted.arrow")
    code, _, error = run_command("compare", "better", "worse")
    wrong = "better and worse: have no common rows of test; got 400 and 399 rows with other numbers"
    assert (code, error) == (1, f"error: {wrong}; compare models of one corpus, evaluated on the same rows\n")


def test_without_predictions_the_file_is_named(run_command, project):
    (project / "data" / "evaluated" / "worse" / "predicted.arrow").unlink()
    code, _, error = run_command("compare", "better", "worse")
    assert (code, error) == (
        1,
        "error: data/evaluated/worse/predicted.arrow: no such file; run the stage that writes it\n",
    )
