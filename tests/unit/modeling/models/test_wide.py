"""The wide part: its scores by hand, by brute force and by the artifact's own numpy; the sum with the network."""

import itertools

import numpy as np
import pytest
import torch

from factories.linear_models import LINEAR_ROWS, brute_force, random_linear
from factories.networks import LENGTHS, ROWS, padded, small
from textrnn.modeling.models.wide import WidePart, find_distinct
from textrnn.preparation.artifacts.linear_model import LinearModel

SIDES = pytest.mark.parametrize("side", ["right", "left"])
# V is 5: token 2, token 4; the bigrams (mark, 2), (2, 4), (4, mark)
BY_HAND = LinearModel(
    "linear_svm",
    5,
    (np.array([2, 4]), np.array([2, 14, 20])),
    np.array([[1, -1], [2, 0], [4, 0], [8, 0], [16, 1]], np.float32),
    np.array([1, 4, 4, 0, 7], np.float32),
    np.array([0.5, -0.5], np.float32),
)


def lengths_of(rows):
    return torch.tensor([len(row) for row in rows])


@SIDES
def test_scores_by_hand(side):
    rows = [[2, 2, 4], [], [3], [4]]  # token 2 twice counts once, and 3 is unknown
    scores = WidePart.from_linear(BY_HAND, side)(padded(rows, 3, side), lengths_of(rows))
    assert scores.tolist() == [
        pytest.approx([0.5 + 31 / 4, -0.5]),  # the squares 1 + 4 + 4 + 0 + 7
        [0.5, -0.5],
        [0.5, -0.5],
        pytest.approx([0.5 + 18 / 11**0.5, -0.5 + 1 / 11**0.5]),
    ]
    assert scores.dtype == torch.float32


@SIDES
@pytest.mark.parametrize(("orders", "squares"), [(1, True), (2, False), (3, True), (4, True)])
def test_scores_equal_brute_force_and_the_artifacts_own(side, orders, squares):
    generator = np.random.default_rng(orders)
    rows = [generator.integers(1, 9, generator.integers(0, 9)).tolist() for _ in range(60)]
    linear = random_linear(rows[:30], orders=orders, squares=squares, seed=orders)
    lengths, width = lengths_of(rows), max(map(len, rows)) + 2
    scores = WidePart.from_linear(linear, side)(padded(rows, width, side), lengths).numpy()
    np.testing.assert_allclose(scores, brute_force(linear, rows, rows[:30]), rtol=1e-5, atol=1e-5)
    ids = np.array([token for row in rows for token in row])
    offsets = np.concatenate(([0], np.cumsum(lengths.numpy())))
    np.testing.assert_allclose(scores, linear.scores(ids, offsets), rtol=1e-5, atol=1e-5)


def test_every_row_of_up_to_three_tokens():
    known = [list(row) for count in (1, 2, 3) for row in itertools.product((2, 3), repeat=count)]
    linear = random_linear(known[::2], vocabulary_size=4, orders=4, classes=2)
    rows = [[], *known]
    for width in (3, 4):
        scores = WidePart.from_linear(linear, "right")(padded(rows, width), lengths_of(rows))
        np.testing.assert_allclose(scores, brute_force(linear, rows, known[::2]), rtol=1e-5, atol=1e-5)
    for row in rows[:3]:  # rows that are shorter than the longest n-gram with its marks
        width = max(1, len(row))
        scores = WidePart.from_linear(linear, "left")(padded([row], width, "left"), lengths_of([row]))
        np.testing.assert_allclose(scores, brute_force(linear, [row], known[::2]), rtol=1e-5, atol=1e-5)


@SIDES
def test_scores_of_a_row_depend_on_nothing_else(side):
    wide = WidePart.from_linear(random_linear(), side)
    rows = LINEAR_ROWS
    together = wide(padded(rows, 9, side), lengths_of(rows))
    for row, scores in zip(rows, together, strict=True):
        width = max(1, len(row))
        assert torch.equal(wide(padded([row], width, side).int(), lengths_of([row]))[0], scores)


def test_an_order_without_known_ngrams_adds_nothing():
    linear = random_linear(orders=3)
    first, second, third = linear.keys
    rows = np.r_[: len(first), len(first) + len(second) : len(linear.weights)]
    reduced = LinearModel("x", 9, (first, second[:0], third), linear.weights[rows], linear.squares[rows], linear.bias)
    ids = np.array([token for row in ROWS for token in row])
    expected = reduced.scores(ids, np.concatenate(([0], np.cumsum(LENGTHS.numpy()))))
    np.testing.assert_allclose(WidePart.from_linear(reduced, "right")(padded(), LENGTHS), expected, rtol=1e-5)


def test_places_are_distinct_and_ascending():
    known = torch.tensor([3, 5, 8])
    keys, valid = torch.tensor([[8, 3, 8, 9, 0], [5, 5, 3, 8, 2]]), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 1, 1]])
    places, distinct = find_distinct(known, keys, valid.bool())
    assert [row[mask].tolist() for row, mask in zip(places, distinct, strict=True)] == [[0, 2], [1, 2]]
    assert places.max() <= 2


@pytest.mark.parametrize("loss", ["cross_entropy", "bce"])
def test_the_networks_logits_are_the_weighted_sum(loss):
    model = small(classes=2, loss=loss)
    deep = model(padded(), LENGTHS)
    wide = WidePart.from_linear(random_linear(classes=2), "right")
    wide.scales.copy_(torch.tensor([0.5, 3.0]))
    assert torch.equal(model.deep_logits(padded(), LENGTHS), deep)
    parameters = [name for name, _ in model.named_parameters()]
    model.wide = wide
    assert torch.equal(model.deep_logits(padded(), LENGTHS), deep)
    torch.testing.assert_close(
        model(padded(), LENGTHS), 0.5 * deep + 3 * wide(padded(), LENGTHS), rtol=1e-6, atol=1e-6, check_dtype=False
    )
    assert [name for name, _ in model.named_parameters()] == parameters  # nothing to train was added
    assert model.train()(padded(), LENGTHS).requires_grad
