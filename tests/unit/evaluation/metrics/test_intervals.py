"""Intervals of metrics: Wilson's by published values, the bootstrap against one that draws rows one by one."""

import numpy as np
import pytest

from textrnn.evaluation.metrics.bootstrap import (
    RESAMPLES,
    Counts,
    accuracy,
    bootstrap_sums,
    macro_f1,
    percentile_interval,
    precision,
    wilson_interval,
)
from textrnn.evaluation.metrics.intervals import (
    class_counts,
    class_intervals,
    entity_counts,
    entity_intervals,
    group_rows,
    token_intervals,
)
from textrnn.evaluation.metrics.precision_recall import score_classes, score_spans

LABELS = ["a", "b", "c", "d"]


def drawn_rows(count, score, resamples=4_000):
    """The percentile interval of a score of resamples that are drawn row by row; score: from row indices (N,)."""
    generator = np.random.default_rng(7)
    values = [score(generator.integers(0, count, count)) for _ in range(resamples)]
    return [np.quantile(values, 0.025), np.quantile(values, 0.975)]


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3, all four
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_wilson_by_published_values(hits, total, low, high):
    interval = wilson_interval(hits, total)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)
    assert interval.half_width == pytest.approx((high - low) / 2, abs=1e-4)


def test_wilson_needs_a_row():
    with pytest.raises(ValueError, match="no rows"):
        wilson_interval(0, 0)


def test_the_percentile_interval_is_the_middle_of_the_values():
    interval = percentile_interval(np.arange(1001.0)[::-1])
    assert (interval.low, interval.high) == pytest.approx((25, 975))


def test_scores_of_counts_equal_those_of_the_rows():
    generator = np.random.default_rng(1)
    gold, predicted = generator.integers(0, 3, 60), generator.integers(0, 3, 60)  # nothing has the fourth class
    counts = class_counts(gold, predicted, 4).sums(np.ones(60))
    expected = score_classes(gold, predicted, LABELS)
    assert accuracy(counts) == pytest.approx(expected.accuracy)
    assert macro_f1(counts) == pytest.approx(expected.macro_f1)
    spans = [{(0, 1, "x"), (2, 3, "y")}, set(), {(1, 2, "x")}, {(0, 4, "y")}]
    others = [{(0, 1, "x"), (2, 3, "x")}, {(0, 1, "x")}, {(1, 2, "x")}, set()]
    counts, expected = entity_counts(spans, others).sums(np.ones(4)), score_spans(spans, others)
    assert precision(counts) == expected.precision == 0.5
    assert accuracy(counts) == expected.recall == 0.5
    assert macro_f1(counts) == expected.f1 == 0.5
    nothing = Counts(*np.zeros((3, 1)))
    assert (precision(nothing), accuracy(nothing), macro_f1(nothing)) == (0, 0, 0)


def test_a_resample_has_as_many_rows_as_the_split_and_every_kind_in_its_share():
    identity = Counts(*np.eye(3)[None].repeat(3, 0))
    sums, same = bootstrap_sums(np.array([50, 30, 20]), identity, identity)
    assert sums.hits.shape == (RESAMPLES, 3)
    assert (sums.hits.sum(1) == 100).all()
    assert (sums.hits == same.hits).all()
    assert sums.gold.mean(0) == pytest.approx([50, 30, 20], abs=0.6)  # more than three standard errors
    assert sums.gold.var(0) == pytest.approx([25, 21, 16], rel=0.2)
    again, _ = bootstrap_sums(np.array([50, 30, 20]), identity, identity)
    assert (sums.predicted == again.predicted).all()


def test_rows_with_equal_counts_are_one_kind():
    first = Counts(*(np.array(rows) for rows in ([[1], [0], [1], [1]], [[1], [2], [1], [1]], [[1], [1], [1], [1]])))
    second = Counts(*(np.array(rows) for rows in ([[0], [0], [0], [1]], [[1], [1], [1], [1]], [[1], [1], [1], [1]])))
    numbers, (one,) = group_rows(first)
    assert sorted(zip(one.hits[:, 0], one.predicted[:, 0], numbers, strict=True)) == [(0, 2, 1), (1, 1, 3)]
    numbers, (one, two) = group_rows(first, second)
    kinds = zip(one.hits[:, 0], one.predicted[:, 0], two.hits[:, 0], numbers, strict=True)
    assert sorted(kinds) == [(0, 2, 0, 1), (1, 1, 0, 2), (1, 1, 1, 1)]


def test_classes_are_resampled_by_row():
    generator = np.random.default_rng(2)
    gold = generator.integers(0, 3, 200)
    predicted = np.where(generator.random(200) < 0.8, gold, generator.integers(0, 4, 200))
    intervals = class_intervals(gold, predicted, 4)
    assert list(intervals) == ["accuracy", "macro_f1"]
    assert intervals["accuracy"] == wilson_interval(int((gold == predicted).sum()), 200).bounds()
    expected = drawn_rows(200, lambda rows: score_classes(gold[rows], predicted[rows], LABELS).macro_f1)
    assert intervals["macro_f1"] == pytest.approx(expected, abs=0.01)


def test_tokens_are_resampled_by_sentence():
    generator = np.random.default_rng(3)
    lengths = generator.integers(0, 9, 150)
    offsets = np.concatenate(([0], lengths.cumsum()))
    gold = generator.integers(0, 3, offsets[-1])
    # a sentence is right or wrong as a whole, so that it is far from so many independent tokens
    right = np.repeat(generator.random(150) < 0.7, lengths)
    predicted = np.where(right, gold, (gold + 1) % 4)
    intervals = token_intervals(gold, predicted, offsets, 4)

    def scores(rows):
        tokens = np.concatenate([np.arange(offsets[row], offsets[row + 1]) for row in rows])
        return score_classes(gold[tokens], predicted[tokens], LABELS)

    expected = {name: drawn_rows(150, lambda rows, name=name: getattr(scores(rows), name), 2_000) for name in intervals}
    assert list(intervals) == ["accuracy", "macro_f1"]
    assert intervals["accuracy"] == pytest.approx(expected["accuracy"], abs=0.01)
    assert intervals["macro_f1"] == pytest.approx(expected["macro_f1"], abs=0.01)
    of_tokens = wilson_interval(int((gold == predicted).sum()), len(gold))
    assert intervals["accuracy"][1] - intervals["accuracy"][0] > 1.5 * 2 * of_tokens.half_width


def test_entities_are_resampled_by_sentence():
    generator = np.random.default_rng(4)
    places = [[(start, start + 1, "x") for start in np.flatnonzero(generator.random(6) < 0.4)] for _ in range(120)]
    gold = [set(row) for row in places]
    predicted = [{span for span in row if generator.random() < 0.8} | {(9, 10, "y")} for row in gold]
    intervals = entity_intervals(gold, predicted)
    assert list(intervals) == ["entity_precision", "entity_recall", "entity_f1"]
    for name, interval in intervals.items():

        def score(rows, name=name):
            scores = score_spans([gold[row] for row in rows], [predicted[row] for row in rows])
            return getattr(scores, name.removeprefix("entity_"))

        assert interval == pytest.approx(drawn_rows(120, score, 2_000), abs=0.01), name
