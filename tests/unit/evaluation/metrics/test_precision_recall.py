"""Scores compared with counts by hand, scikit-learn and seqeval."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report as seqeval_report
from seqeval.metrics import f1_score as seqeval_f1
from seqeval.metrics import precision_score as seqeval_precision
from seqeval.metrics import recall_score as seqeval_recall
from seqeval.metrics.sequence_labeling import get_entities
from sklearn.metrics import classification_report, confusion_matrix, f1_score

from textrnn.errors import UserError
from textrnn.evaluation.metrics.precision_recall import (
    ReportRow,
    confusion_rows,
    score_classes,
    score_spans,
)
from textrnn.preparation.artifacts.tag_schemes import bio_spans, bioes_spans, bioes_tags, spans, type_spans

# Also bare B and I, a type with a dash in its name, and the type name that bare tags get.
BIO = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-A-B", "I-A-B", "B", "I", "B-_", "I-O"]
TAGS = st.lists(st.sampled_from(BIO), max_size=12)
BIOES = [*BIO, "E-PER", "S-PER", "E-LOC", "S-LOC", "E", "S", "E-S", "S-O"]
TAG_PAIRS = st.lists(st.tuples(st.sampled_from(BIO), st.sampled_from(BIO)), max_size=12)
CHECKS = settings(max_examples=150, deadline=None, derandomize=True)


def row_values(row: ReportRow) -> list[float]:
    return [row.precision, row.recall, row.f1, row.support]


def reference_values(entry: dict[str, float]) -> list[float]:
    return [float(entry[key]) for key in ("precision", "recall", "f1-score", "support")]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("", []),
        ("O O", []),
        ("B-PER I-PER O", [(0, 2, "PER")]),
        ("B-PER B-PER I-PER", [(0, 1, "PER"), (1, 3, "PER")]),
        ("I-PER I-PER B-PER", [(0, 2, "PER"), (2, 3, "PER")]),
        ("O I-LOC I-LOC", [(1, 3, "LOC")]),
        ("B-PER I-LOC I-LOC O", [(0, 1, "PER"), (1, 3, "LOC")]),
        ("I-PER O I-PER", [(0, 1, "PER"), (2, 3, "PER")]),
        ("B I B-_", [(0, 2, "_"), (2, 3, "_")]),
        ("B-A-B I-A-B", [(0, 2, "A-B")]),
    ],
)
def test_bio_spans_by_hand(tags, expected):
    assert bio_spans(tags.split()) == expected


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ("", []),
        ("O", []),
        ("PER", [(0, 1, "PER")]),
        ("PER PER O PER", [(0, 2, "PER"), (3, 4, "PER")]),
        ("O PER LOC LOC O", [(1, 2, "PER"), (2, 4, "LOC")]),
    ],
)
def test_type_spans_by_hand(types, expected):
    assert type_spans(types.split()) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("", []),
        ("S-PER B-PER E-PER", [(0, 1, "PER"), (1, 3, "PER")]),
        ("B-PER I-PER E-PER E-PER", [(0, 3, "PER"), (3, 4, "PER")]),
        ("B-PER O E-PER I-PER", [(0, 1, "PER"), (2, 3, "PER"), (3, 4, "PER")]),
        ("B-PER E-LOC I-LOC S", [(0, 1, "PER"), (1, 2, "LOC"), (2, 3, "LOC"), (3, 4, "_")]),
        ("I-LOC I-LOC S-LOC I-LOC", [(0, 2, "LOC"), (2, 3, "LOC"), (3, 4, "LOC")]),
    ],
)
def test_bioes_spans_by_hand(tags, expected):
    assert bioes_spans(tags.split()) == expected


def test_bioes_tags_by_hand():
    entities = [(0, 1, "PER"), (1, 3, "PER"), (4, 8, "LOC")]
    assert " ".join(bioes_tags(entities, 9)) == "S-PER B-PER E-PER O B-LOC I-LOC I-LOC E-LOC O"
    assert bioes_tags([], 2) == ["O", "O"]


def test_spans_follow_the_given_scheme():
    tags = ["B-PER", "I-PER"]
    assert spans(tags, "bio") == [(0, 2, "PER")]
    assert spans(tags, "type") == [(0, 1, "B-PER"), (1, 2, "I-PER")]
    assert spans(["B-PER", "E-PER", "S-PER"], "bioes") == [(0, 2, "PER"), (2, 3, "PER")]
    with pytest.raises(UserError, match="got 'iob'; use one of bio, bioes, type"):
        spans(tags, "iob")


@pytest.mark.parametrize("tag", ["PER", "S-PER", "BX", "Inner", "o", "", "O-PER"])
def test_bio_spans_refuses_other_tags(tag):
    with pytest.raises(UserError, match=f"not a BIO tag; got '{tag}'"):
        bio_spans(["O", tag])


@pytest.mark.parametrize("tag", ["PER", "L-PER", "EX", "o", "", "O-PER"])
def test_bioes_spans_refuses_other_tags(tag):
    with pytest.raises(UserError, match=f"not a BIOES tag; got '{tag}'; use B-X, I-X, E-X, S-X and O"):
        bioes_spans(["O", tag])


def test_score_spans_by_hand():
    gold = [[(0, 2, "PER"), (2, 4, "PER"), (5, 6, "LOC")], [], [(0, 1, "LOC")]]
    predicted = [[(0, 2, "PER"), (2, 5, "PER"), (5, 6, "ORG")], [(0, 1, "PER")], [(0, 1, "LOC")]]
    scores = score_spans(gold, predicted)
    # 2 hits among 5 predicted and 4 gold; PER 1 of 3 and 2, LOC 1 of 1 and 2, ORG 0 of 1 and 0.
    assert (scores.precision, scores.recall, scores.f1) == pytest.approx((2 / 5, 2 / 4, 4 / 9))
    assert [row.name for row in scores.report] == ["LOC", "ORG", "PER", "micro avg", "macro avg", "weighted avg"]
    expected = [
        [1, 1 / 2, 2 / 3, 2],
        [0, 0, 0, 0],
        [1 / 3, 1 / 2, 2 / 5, 2],
        [2 / 5, 1 / 2, 4 / 9, 4],
        [4 / 9, 1 / 3, 16 / 45, 4],
        [2 / 3, 1 / 2, 8 / 15, 4],
    ]
    assert [row_values(row) for row in scores.report] == [pytest.approx(values) for values in expected]


def test_merged_adjacent_entities_are_one_wrong_and_two_missed():
    gold, predicted = bio_spans(["B-PER", "I-PER", "B-PER"]), bio_spans(["B-PER", "I-PER", "I-PER"])
    scores = score_spans([gold], [predicted])
    assert (scores.precision, scores.recall, scores.f1) == (0, 0, 0)
    assert scores.report[0] == ReportRow("PER", 0.0, 0.0, 0.0, 2)


def test_spans_cut_off_by_truncation_are_missed():
    tags = ["B-PER", "O", "B-LOC", "I-LOC", "B-PER"]
    scores = score_spans([bio_spans(tags)], [bio_spans(tags[:3])])
    # Only three tags are predicted: PER is right, LOC ends too early, the last PER is missing.
    assert (scores.precision, scores.recall, scores.f1) == pytest.approx((1 / 2, 1 / 3, 2 / 5))


@pytest.mark.parametrize(
    ("gold", "predicted", "support"),
    [([[(0, 1, "PER")], []], [[], []], 1), ([[]], [[(0, 1, "PER")]], 0), ([[]], [[]], 0), ([], [], 0)],
)
def test_a_zero_denominator_scores_zero(gold, predicted, support):
    scores = score_spans(gold, predicted)
    assert (scores.precision, scores.recall, scores.f1) == (0, 0, 0)
    assert all(row_values(row) == [0, 0, 0, support] for row in scores.report)


def test_a_span_given_twice_counts_once():
    assert score_spans([[(0, 1, "PER")]], [[(0, 1, "PER"), (0, 1, "PER")]]).precision == 1


def test_unequal_numbers_of_sentences_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        score_spans([[], []], [[]])


@CHECKS
@given(TAGS)
def test_bio_spans_equal_seqeval(tags):
    assert bio_spans(tags) == bioes_spans(tags) == [(start, last + 1, kind) for kind, start, last in get_entities(tags)]


@CHECKS
@given(st.lists(st.sampled_from(BIOES), max_size=12))
def test_bioes_spans_equal_seqeval(tags):
    assert bioes_spans(tags) == [(start, last + 1, kind) for kind, start, last in get_entities(tags)]


@CHECKS
@given(TAGS)
def test_bioes_tags_keep_every_span(tags):
    entities = bio_spans(tags)
    assert bioes_spans(bioes_tags(entities, len(tags))) == entities


@CHECKS
@given(st.lists(TAG_PAIRS, min_size=1, max_size=5))
def test_score_spans_equal_seqeval(pairs):
    gold = [[tag for tag, _ in row] for row in pairs]
    predicted = [[tag for _, tag in row] for row in pairs]
    scores = score_spans(map(bio_spans, gold), map(bio_spans, predicted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval takes the mean of an empty array if there is no span
        micro = [score(gold, predicted, zero_division=0) for score in (seqeval_precision, seqeval_recall, seqeval_f1)]
        report = seqeval_report(gold, predicted, output_dict=True, zero_division=0)
    assert [scores.precision, scores.recall, scores.f1] == pytest.approx(micro)
    assert [row.name for row in scores.report] == list(report)
    for row in scores.report:
        # If there is no span at all, seqeval's macro mean is NaN; here it is 0.
        assert row_values(row) == pytest.approx(np.nan_to_num(reference_values(report[row.name])).tolist())


def test_score_classes_by_hand():
    scores = score_classes(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), ["a", "b", "c"])
    assert scores.accuracy == 3 / 5
    assert scores.confusion.tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]
    assert [row.name for row in scores.report] == ["a", "b", "c", "macro avg", "weighted avg"]
    assert row_values(scores.report[1]) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 3])
    assert row_values(scores.report[2]) == [0, 0, 0, 0]
    assert scores.macro_f1 == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)


def brute_macro_f1(gold: list[int], predicted: list[int], classes: int) -> float:
    total = 0.0
    for label in range(classes):
        hits = sum(g == p == label for g, p in zip(gold, predicted, strict=True))
        precision = hits / max(predicted.count(label), 1)
        recall = hits / max(gold.count(label), 1)
        total += 2 * precision * recall / (precision + recall) if hits else 0.0
    return total / classes


@pytest.mark.filterwarnings("ignore:A single label")  # scikit-learn warns about a single class
@CHECKS
@given(st.data(), st.integers(1, 5))
def test_score_classes_equal_scikit_learn(data, classes):
    # A short list of up to five classes leaves some out of the gold ids, the predicted ids or both.
    label = st.integers(0, classes - 1)
    pairs = data.draw(st.lists(st.tuples(label, label), min_size=1, max_size=20))
    gold, predicted = ([pair[side] for pair in pairs] for side in (0, 1))
    names = [f"label{index}" for index in range(classes)]
    scores = score_classes(np.array(gold), np.array(predicted), names)
    ids = list(range(classes))
    report = classification_report(gold, predicted, labels=ids, target_names=names, output_dict=True, zero_division=0)
    assert [row.name for row in scores.report] == [*names, "macro avg", "weighted avg"]
    for row in scores.report:
        assert row_values(row) == pytest.approx(reference_values(report[row.name]))
    assert scores.accuracy == pytest.approx(sum(g == p for g, p in pairs) / len(pairs))
    assert scores.macro_f1 == pytest.approx(brute_macro_f1(gold, predicted, classes))
    assert scores.macro_f1 == pytest.approx(f1_score(gold, predicted, average="macro", labels=ids, zero_division=0))
    assert np.array_equal(scores.confusion, confusion_matrix(gold, predicted, labels=ids))


def test_narrow_id_types_do_not_overflow():
    ids = np.array([0, 199, 199], dtype=np.uint8)
    scores = score_classes(ids, ids, [str(index) for index in range(200)])
    assert (scores.confusion[0, 0], scores.confusion[199, 199], scores.confusion.sum()) == (1, 2, 3)


def test_score_classes_refuses_invalid_input():
    one, two = np.array([0]), np.array([0, 1])
    with pytest.raises(UserError, match="no sample to score"):
        score_classes(one[:0], one[:0], ["a"])
    with pytest.raises(ValueError, match=r"gold \(1,\) and predicted \(2,\)"):
        score_classes(one, two, ["a", "b"])
    with pytest.raises(ValueError, match=r"class ids 0\.\.1 do not fit 1 labels"):
        score_classes(two, two, ["a"])
    with pytest.raises(ValueError, match=r"class ids -1\.\.1"):
        score_classes(two, two - 1, ["a", "b"])
    with pytest.raises(TypeError, match="float"):
        score_classes(two + 0.5, two, ["a", "b"])


def test_confusion_rows_are_exact_up_to_the_limit():
    rows = confusion_rows(np.array([[2, 1], [0, 3]]), ["a", "b"], limit=6)
    assert rows == [("a", "a")] * 2 + [("a", "b")] + [("b", "b")] * 3


def test_confusion_rows_scale_down_and_keep_rare_cells():
    confusion = np.array([[6001, 1], [2, 3999]])  # four cells, 9999 counts over one each
    counts = Counter(confusion_rows(confusion, ["a", "b"], limit=104))
    # 100 rows are distributed: 6000, 0, 1 and 3998 of 9999 give 60, 0, 0 and 39.
    assert counts == {("a", "a"): 61, ("a", "b"): 1, ("b", "a"): 1, ("b", "b"): 40}


def test_confusion_rows_keep_every_cell_under_a_small_limit():
    confusion = np.array([[50, 1], [1, 7]])
    assert confusion_rows(confusion, ["a", "b"], limit=2) == [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]


@CHECKS
@given(st.lists(st.integers(0, 300), min_size=9, max_size=9), st.integers(1, 200))
def test_confusion_rows_bounds(counts, limit):
    confusion = np.array(counts).reshape(3, 3)
    labels = ["a", "b", "c"]
    rows = Counter(confusion_rows(confusion, labels, limit))
    cells = {(labels[i], labels[j]): int(confusion[i, j]) for i in range(3) for j in range(3) if confusion[i, j]}
    assert rows.keys() == cells.keys()
    if sum(counts) <= limit:
        assert rows == cells
    else:
        # Rounding down loses less than one row per cell.
        assert max(limit - len(cells), 0) <= rows.total() <= max(limit, len(cells))
        assert all(rows[cell] <= count for cell, count in cells.items())
