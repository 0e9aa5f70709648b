"""Rows and sentences of test, packed and unpacked."""

import numpy as np
import pytest

from textrnn.study.plan.packed_rows import pack_bits, pack_counts, unpack_bits, unpack_counts


def test_bits_by_hand():
    assert pack_bits(np.array([True, False, True, True, False, False, False, False, True])) == {
        "rows": 9,
        "bits": "b080",
    }


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 1000])
def test_rows_come_back(rows):
    correct = np.random.default_rng(rows).random(rows) < 0.7
    assert (unpack_bits(pack_bits(correct)) == correct).all()


def test_counts_come_back_and_none_is_above_a_byte():
    counts = np.array([[0, 3, 300], [1, 2, 255], [0, 2, 7]])
    packed = pack_counts(counts)
    assert packed["sentences"] == 3
    assert unpack_counts(packed).tolist() == [[0, 3, 255], [1, 2, 255], [0, 2, 7]]


def test_too_few_bits_are_refused():
    with pytest.raises(ValueError, match="8 bits for 9 rows"):
        unpack_bits({"rows": 9, "bits": "ff"})
    with pytest.raises(ValueError, match="reshape"):
        unpack_counts(pack_counts(np.zeros((3, 4), int)) | {"sentences": 5})
