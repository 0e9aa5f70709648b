"""Paired tests of two models on the same rows, and the file of their predictions."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from textrnn.errors import UserError
from textrnn.evaluation.metrics.bootstrap import Interval
from textrnn.evaluation.metrics.paired_tests import Difference, mcnemar_p_value, paired_test, same_rows
from textrnn.evaluation.metrics.precision_recall import score_classes, score_spans
from textrnn.evaluation.metrics.predicted_rows import PredictedRows

NAMES = ["a", "b", "c"]


def classified(gold, names=NAMES, rows=None, **predicted):
    numbers = np.arange(len(gold)) if rows is None else np.array(rows)
    ids = {name: np.array(values) for name, values in predicted.items()}
    return PredictedRows.of_classes(numbers, np.array(gold), ids, names)


def drawn_rows(count, difference, resamples=3_000):
    generator = np.random.default_rng(5)
    values = [difference(generator.integers(0, count, count)) for _ in range(resamples)]
    return np.quantile(values, [0.025, 0.975])


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (3, 3), (0, 5), (12, 3), (3, 12), (7, 6), (40, 60), (1500, 1400), (2600, 2100)]
)
def test_mcnemar_is_the_two_sided_binomial_test(first, second):
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar_p_value(first, second) == pytest.approx(expected, rel=1e-9)


def test_classes_are_compared_row_by_row():
    generator = np.random.default_rng(6)
    gold = generator.integers(0, 3, 300)
    one = np.where(generator.random(300) < 0.85, gold, generator.integers(0, 3, 300))
    two = np.where(generator.random(300) < 0.9, one, (gold + 1) % 3)  # wrong where the first is, and more
    test = paired_test(classified(gold, m=one), "m", classified(gold, x=gold, n=two), "n")
    assert test.rows == 300
    assert list(test.differences) == ["accuracy", "macro_f1"]
    for metric, found in test.differences.items():

        def score(ids, rows, metric=metric):
            return getattr(score_classes(gold[rows], ids[rows], NAMES), metric)

        every = np.arange(300)
        assert (found.first, found.second) == pytest.approx((score(one, every), score(two, every)))
        assert found.value == found.first - found.second > 0
        expected = drawn_rows(300, lambda rows, score=score: score(one, rows) - score(two, rows))
        assert [found.interval.low, found.interval.high] == pytest.approx(expected, abs=0.006)
        assert found.verdict == "ahead"
    only_one, only_two = ((one == gold) & (two != gold)).sum(), ((two == gold) & (one != gold)).sum()
    assert (test.mcnemar.only_first, test.mcnemar.only_second) == (only_one, only_two)
    assert test.mcnemar.p_value == pytest.approx(binomtest(only_one, only_one + only_two).pvalue)
    assert test.score == ("accuracy", test.differences["accuracy"])


def test_the_pairs_tell_what_two_intervals_cannot():
    gold = np.zeros(1000, int)
    one, two = (np.r_[np.zeros(right, int), np.ones(1000 - right, int)] for right in (905, 895))
    test = paired_test(classified(gold, m=one), "m", classified(gold, m=two), "m")
    found = test.differences["accuracy"]
    assert found.value == pytest.approx(0.01)
    assert 0 < found.interval.low < 0.006 < 0.014 < found.interval.high < 0.02  # Wilson's are 0.04 wide each
    swapped = paired_test(classified(gold, m=two), "m", classified(gold, m=one), "m").differences["accuracy"]
    assert (swapped.interval.low, swapped.interval.high) == pytest.approx((-found.interval.high, -found.interval.low))
    assert (found.words, swapped.words) == ("ahead by 1.00", "behind by 1.00")


def test_a_model_is_level_with_itself():
    rows = classified([0, 1, 2, 2], m=[0, 1, 1, 2])
    test = paired_test(rows, "m", rows, "m")
    assert test.differences["accuracy"] == Difference(0.75, 0.75, Interval(0.0, 0.0))
    assert (test.differences["macro_f1"].verdict, test.differences["macro_f1"].words) == ("level", "level")
    assert (test.mcnemar.only_first, test.mcnemar.only_second, test.mcnemar.p_value) == (0, 0, 1.0)


def test_class_names_are_compared_and_no_ids():
    first = classified([0, 1, 2], m=[0, 1, 1])
    second = classified([2, 1, 0], names=["c", "b", "a"], m=[2, 1, 1])
    assert same_rows(first, second) is None
    test = paired_test(first, "m", second, "m")
    assert (test.differences["accuracy"].first, test.differences["accuracy"].second) == (2 / 3, 2 / 3)
    assert (test.mcnemar.only_first, test.mcnemar.only_second) == (0, 0)


def test_entities_are_compared_sentence_by_sentence():
    generator = np.random.default_rng(8)
    gold = [{(start, start + 2, "LOC") for start in np.flatnonzero(generator.random(8) < 0.3)} for _ in range(200)]
    one = [{span for span in row if generator.random() < 0.9} for row in gold]
    two = [{span for span in row if generator.random() < 0.8} | {(20, 21, "PER")} for row in gold]
    rows = PredictedRows.of_entities(np.arange(200), gold, {"m": one, "n": two})
    test = paired_test(rows, "m", rows, "n")
    found = test.differences["entity_f1"]
    assert list(test.differences) == ["entity_f1"]
    assert (test.rows, test.mcnemar) == (200, None)

    def f1(spans, indices):
        return score_spans([gold[row] for row in indices], [spans[row] for row in indices]).f1

    assert (found.first, found.second) == pytest.approx((f1(one, range(200)), f1(two, range(200))))
    expected = drawn_rows(200, lambda indices: f1(one, indices) - f1(two, indices), 1_500)
    assert [found.interval.low, found.interval.high] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("other", "unlike"),
    [
        (classified([0, 1], m=[0, 1], rows=[3, 5]), "2 and 2 rows with other numbers"),
        (classified([0, 1, 2], m=[0, 1, 2]), "2 and 3 rows with other numbers"),
        (classified([0, 2], m=[0, 1]), "other gold labels"),
        (classified([0, 1], names=["a", "b"], m=[0, 1]), "other names of classes"),
        (PredictedRows.of_entities(np.arange(2), [[], []], {"m": [[], []]}), "one has classes, the other entities"),
    ],
)
def test_other_rows_are_told(other, unlike):
    assert same_rows(classified([0, 1], m=[1, 1]), other) == unlike


def test_rows_come_back_from_their_file(tmp_path):
    rows = classified([2, 0, 1], rows=[7, 3, 5], names=["甲", "乙", "丙"], first=[2, 0, 0], second=[1, 1, 1])
    rows.write(tmp_path / "classes.arrow")
    read = PredictedRows.read(tmp_path / "classes.arrow")
    assert (read.task, read.row_numbers.tolist(), read.gold.to_pylist()) == ("classify", [3, 5, 7], ["甲", "乙", "丙"])
    assert {name: column.to_pylist() for name, column in read.predicted.items()} == {
        "first": ["甲", "甲", "丙"],
        "second": ["乙", "乙", "乙"],
    }
    spans = [{(3, 4, "b"), (0, 2, "a")}, set()]
    PredictedRows.of_entities(np.array([9, 4]), spans, {"m": [set(), {(1, 2, "c")}]}).write(tmp_path / "tags.arrow")
    read = PredictedRows.read(tmp_path / "tags.arrow")
    assert (read.task, read.row_numbers.tolist()) == ("tag", [4, 9])
    assert (read.entities(), read.entities("m")) == ([set(), {(3, 4, "b"), (0, 2, "a")}], [{(1, 2, "c")}, set()])
    assert read.gold.to_pylist()[1][0] == {"start": 0, "end": 2, "type": "a"}


def test_another_file_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"none.arrow: no such file; run the stage that writes it"):
        PredictedRows.read(tmp_path / "none.arrow")
    path = tmp_path / "other.arrow"
    with pa.ipc.new_file(str(path), pa.schema([("row", pa.int64()), ("gold", pa.int32())])) as file:
        file.write_table(pa.table({"row": pa.array([1]), "gold": pa.array([1], pa.int32())}))
    wrong = r"other.arrow: does not contain the labels and predictions of rows; got \['row', 'gold'\]"
    with pytest.raises(UserError, match=wrong):
        PredictedRows.read(path)
