"""Probabilities of BIO tags from those of the schemes that a tagger may have, by hand."""

import numpy as np
import pytest

from textrnn.estimator.tag_probabilities import bio_probabilities
from textrnn.preparation.artifacts.labels import Labels, make_labels

BIO = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def labels(scheme) -> Labels:
    return make_labels("tag", BIO, scheme, "e")


def test_bio_stays_as_it_is():
    values = np.array([[0.1, 0.2, 0.3, 0.15, 0.25], [0.5, 0.1, 0.1, 0.2, 0.1]])
    np.testing.assert_array_equal(bio_probabilities(values, labels("bio"), BIO), values)
    reordered = bio_probabilities(values, labels("bio"), BIO[::-1])
    np.testing.assert_array_equal(reordered, values[:, ::-1])


def test_single_tokens_begin_and_ends_go_on_in_bioes():
    # O, then B, I, E, S of LOC and of PER
    assert labels("bioes").names == ["O", *(f"{prefix}-{kind}" for kind in ("LOC", "PER") for prefix in "BIES")]
    values = np.array([[0.1, 0.05, 0.1, 0.15, 0.2, 0.01, 0.02, 0.03, 0.34]])
    np.testing.assert_allclose(bio_probabilities(values, labels("bioes"), BIO), [[0.1, 0.25, 0.25, 0.35, 0.05]])


def test_a_type_begins_where_the_token_before_is_of_another():
    values = np.array([[0.2, 0.5, 0.3], [0.1, 0.6, 0.3]])  # O, LOC, PER
    expected = [[0.2, 0.5, 0, 0.3, 0], [0.1, 0.6 * 0.5, 0.6 * 0.5, 0.3 * 0.7, 0.3 * 0.3]]
    np.testing.assert_allclose(bio_probabilities(values, labels("type"), BIO), expected)


@pytest.mark.parametrize("scheme", ["bio", "bioes", "type"])
def test_no_tokens_have_no_probabilities(scheme):
    empty = np.zeros((0, len(labels(scheme).names)))
    assert bio_probabilities(empty, labels(scheme), BIO).shape == (0, 5)
