"""Spans of many tag sequences at once are those of `tag_schemes.spans`, sequence by sequence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.errors import UserError
from textrnn.modeling.models.span_reader import SpanReader
from textrnn.preparation.artifacts.labels import Labels, make_labels
from textrnn.preparation.artifacts.tag_schemes import spans

RAW = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
LABELS = {scheme: make_labels("tag", RAW, scheme, "encode") for scheme in ("bio", "bioes", "type")}


def read(labels, rows):
    """The spans (start, end, type) of each row, as `SpanReader` reads them from all rows at once."""
    offsets = np.cumsum([0, *map(len, rows)])
    tags = np.array([tag for row in rows for tag in row], dtype=np.int64)
    found = SpanReader(labels).read(tags, np.isin(np.arange(len(tags)), offsets[:-1]))
    by_row = [[] for _ in rows]
    for start, end, kind in zip(found.starts.tolist(), found.ends.tolist(), found.types.tolist(), strict=True):
        row = int(np.searchsorted(offsets, start, side="right")) - 1
        by_row[row].append((start - offsets[row], end - offsets[row], labels.types[kind]))
    return by_row


@pytest.mark.parametrize("scheme", LABELS)
@given(data=st.data())
def test_the_spans_are_those_read_one_by_one(scheme, data):
    labels = LABELS[scheme]
    tags = st.integers(0, len(labels.names) - 1)
    rows = data.draw(st.lists(st.lists(tags, max_size=9), max_size=6))
    assert read(labels, rows) == [spans([labels.names[tag] for tag in row], scheme) for row in rows]


def test_a_span_ends_with_its_row():
    assert read(LABELS["bio"], [[1, 2], [2, 2], [], [2, 4]]) == [
        [(0, 2, "LOC")],
        [(0, 2, "LOC")],
        [],
        [(0, 1, "LOC"), (1, 2, "PER")],
    ]
    assert read(LABELS["type"], [[1, 1, 2], [1]]) == [[(0, 2, "LOC"), (2, 3, "PER")], [(0, 1, "LOC")]]


def test_classes_have_no_spans():
    with pytest.raises(UserError, match=r"^labels: have no tag scheme"):
        SpanReader(Labels("classify", ["a"], None, []))
