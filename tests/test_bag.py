"""The bag of n-grams against a mean taken by hand, and what it can and cannot learn."""

import dataclasses

import numpy as np
import pytest
import torch

from test_ngrams import ROWS, SETTINGS, make_texts
from textrnn.evaluation.baselines.bag_of_ngrams import BagOfNgrams, fit_bag
from textrnn.evaluation.baselines.ngrams import ngrams

SMALL = [[2, 3, 2], [], [3], [2, 3, 2, 3, 4]]
# which class depends on the order of two tokens alone
ORDERED = [[2, 3], [3, 2]] * 20
WHICH = [0, 1] * 20


def test_logits_are_of_the_mean_of_tokens_and_hashed_ngrams():
    torch.manual_seed(1)
    network = BagOfNgrams(5, 3, dataclasses.replace(SETTINGS, ngrams=3, buckets=7))
    torch.nn.init.normal_(network.linear.weight)
    torch.nn.init.normal_(network.linear.bias)
    assert network.embedding.weight.shape == (5 + 7, 8)
    found = network(make_texts(SMALL))
    for at, row in enumerate(SMALL):
        numbers = list(row)
        for order in (2, 3):
            numbers += [5 + code % 7 for code in ngrams(make_texts([row]), order)[0].tolist()]
        mean = network.embedding.weight[numbers].mean(0)
        torch.testing.assert_close(found[at], network.linear.weight @ mean + network.linear.bias)


def test_without_ngrams_a_row_without_tokens_has_the_bias():
    network = BagOfNgrams(5, 3, dataclasses.replace(SETTINGS, ngrams=1))
    torch.nn.init.ones_(network.linear.weight)
    network.linear.bias.data = torch.tensor([1.0, 5.0, 2.0])
    assert network.embedding.weight.shape == (5, 8)
    assert network(make_texts(SMALL))[1].tolist() == [1.0, 5.0, 2.0]
    # a mean of eight values within 1/8 is summed by ones for every class: the bias decides
    assert network.guess(make_texts(SMALL)).tolist() == [1, 1, 1, 1]


def test_more_rows_than_are_guessed_at_once(monkeypatch):
    monkeypatch.setattr("textrnn.evaluation.baselines.bag_of_ngrams.ROWS_AT_ONCE", 2)
    torch.manual_seed(1)
    network = BagOfNgrams(5, 3, SETTINGS)
    torch.nn.init.normal_(network.linear.weight)
    texts = make_texts(SMALL)
    assert network.guess(texts).tolist() == network(texts).argmax(1).tolist()


def fitted(train, labels, dev=None, dev_labels=None, epochs=10, **changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    dev, dev_labels = (train, labels) if dev is None else (dev, dev_labels)
    data = make_texts(train, labels), make_texts(dev, dev_labels), make_texts([*train, [2, 3, 3, 2]])
    return fit_bag(*data, 5, 2, settings, epochs)


def test_bigrams_learn_the_order_that_tokens_alone_do_not_tell():
    found = fitted(ORDERED, WHICH)
    assert found.dev.tolist() == WHICH
    assert found.test.tolist()[:40] == WHICH
    alone = fitted(ORDERED, WHICH, ngrams=1)
    assert len(set(alone.dev.tolist())) == 1


def test_the_first_epoch_of_the_best_dev_accuracy_is_kept(monkeypatch):
    hits = iter([1, 3, 3, 2])  # of the four rows of dev, in each epoch

    def guess(self, texts):
        # test is asked for only where dev has just become better, and says by which epoch it was asked
        if len(texts) == 41:
            return np.full(41, self.epoch)
        self.epoch = getattr(self, "epoch", 0) + 1
        right = next(hits)
        return np.array([0] * right + [1] * (4 - right))

    monkeypatch.setattr(BagOfNgrams, "guess", guess)
    found = fitted(ORDERED, WHICH, dev=SMALL, dev_labels=[0] * 4, epochs=4)
    assert (found.epoch, found.dev.tolist(), set(found.test.tolist())) == (2, [0, 0, 0, 1], {2})


def test_the_rate_falls_linearly_and_each_epoch_has_all_rows(monkeypatch):
    steps = []
    monkeypatch.setattr(
        "textrnn.evaluation.baselines.bag_of_ngrams._step",
        lambda network, optimizers, batch, rate: steps.append((batch, rate)),
    )
    rows = [[2 + at % 3, 2 + at // 3] for at in range(9)]
    fitted(rows, [0, 1, 1] * 3, epochs=2)
    assert [len(batch) for batch, _ in steps] == [4, 4, 1] * 2
    assert [rate for _, rate in steps] == pytest.approx([0.05 * (6 - at) / 6 for at in range(6)])
    epochs = [
        np.concatenate([batch.ids.reshape(-1, 2) for batch, _ in part]).tolist() for part in (steps[:3], steps[3:])
    ]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(rows)
    assert epochs[0] != epochs[1]


def test_two_fits_are_the_same_and_another_seed_is_another():
    first, again = (fitted(ORDERED, WHICH, epochs=1) for _ in range(2))
    assert np.array_equal(first.test, again.test)
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(BagOfNgrams(5, 2, SETTINGS).embedding.weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert float(weights[0].abs().max()) <= 1 / 8


def test_ids_of_any_size_are_hashed_into_the_buckets():
    network = BagOfNgrams(5, 3, dataclasses.replace(SETTINGS, ngrams=4, buckets=2))
    numbers, first = network.members(make_texts(ROWS[:4]))
    assert int(numbers.max()) < 5 + 2
    assert first.tolist() == [0, 3 + 4 + 3 + 2, 12 + 1, 13 + 1 + 2 + 1]
