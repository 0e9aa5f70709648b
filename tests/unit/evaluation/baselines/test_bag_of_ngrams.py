"""The bag of n-grams compared with a mean by hand, and what it can and cannot learn."""

import dataclasses

import numpy as np
import pytest
import torch

from factories.baseline_texts import ROWS, SETTINGS, make_texts
from textrnn.evaluation.baselines.bag_of_ngrams import BagOfNgrams, fit_bag
from textrnn.evaluation.baselines.ngrams import ngrams

SMALL = [[2, 3, 2], [], [3], [2, 3, 2, 3, 4]]
# the class depends only on the order of two tokens
ORDERED = [[2, 3], [3, 2]] * 20
ORDERED_LABELS = [0, 1] * 20


def test_logits_come_from_the_mean_of_tokens_and_hashed_ngrams():
    torch.manual_seed(1)
    network = BagOfNgrams(5, 3, dataclasses.replace(SETTINGS, ngrams=3, buckets=7))
    torch.nn.init.normal_(network.linear.weight)
    torch.nn.init.normal_(network.linear.bias)
    assert network.embedding.weight.shape == (5 + 7, 8)
    logits = network(make_texts(SMALL))
    for index, row in enumerate(SMALL):
        indices = list(row)
        for order in (2, 3):
            indices += [5 + code % 7 for code in ngrams(make_texts([row]), order)[0].tolist()]
        mean = network.embedding.weight[indices].mean(0)
        torch.testing.assert_close(logits[index], network.linear.weight @ mean + network.linear.bias)


def test_without_ngrams_an_empty_row_gets_the_bias():
    network = BagOfNgrams(5, 3, dataclasses.replace(SETTINGS, ngrams=1))
    torch.nn.init.ones_(network.linear.weight)
    network.linear.bias.data = torch.tensor([1.0, 5.0, 2.0])
    assert network.embedding.weight.shape == (5, 8)
    assert network(make_texts(SMALL))[1].tolist() == [1.0, 5.0, 2.0]
    # the eight values of a mean are within +-1/8 and all weights are one: the bias decides
    assert network.predict(make_texts(SMALL)).tolist() == [1, 1, 1, 1]


def test_more_rows_than_one_chunk_are_predicted(monkeypatch):
    monkeypatch.setattr("textrnn.evaluation.baselines.bag_of_ngrams.ROWS_AT_ONCE", 2)
    torch.manual_seed(1)
    network = BagOfNgrams(5, 3, SETTINGS)
    torch.nn.init.normal_(network.linear.weight)
    texts = make_texts(SMALL)
    assert network.predict(texts).tolist() == network(texts).argmax(1).tolist()


def fit(train, labels, dev=None, dev_labels=None, epochs=10, **changes):
    settings = dataclasses.replace(SETTINGS, epochs=epochs, **changes)
    dev, dev_labels = (train, labels) if dev is None else (dev, dev_labels)
    data = make_texts(train, labels), make_texts(dev, dev_labels), make_texts([*train, [2, 3, 3, 2]])
    return fit_bag(*data, vocabulary_size=5, classes=2, settings=settings)


def test_bigrams_learn_the_order_that_single_tokens_cannot():
    bag = fit(ORDERED, ORDERED_LABELS)
    assert bag.dev.tolist() == ORDERED_LABELS
    assert bag.test.tolist()[:40] == ORDERED_LABELS
    unigrams = fit(ORDERED, ORDERED_LABELS, ngrams=1)
    assert len(set(unigrams.dev.tolist())) == 1


def test_the_first_epoch_with_the_best_dev_accuracy_is_kept(monkeypatch):
    hits = iter([1, 3, 3, 2])  # of the four rows of dev, in each epoch

    def predict(self, texts):
        # test is predicted only after dev has improved; the prediction is then the epoch
        if len(texts) == 41:
            return np.full(41, self.epoch)
        self.epoch = getattr(self, "epoch", 0) + 1
        correct = next(hits)
        return np.array([0] * correct + [1] * (4 - correct))

    monkeypatch.setattr(BagOfNgrams, "predict", predict)
    bag = fit(ORDERED, ORDERED_LABELS, dev=SMALL, dev_labels=[0] * 4, epochs=4)
    assert (bag.epoch, bag.dev.tolist(), set(bag.test.tolist())) == (2, [0, 0, 0, 1], {2})


def test_the_learning_rate_decays_linearly_and_each_epoch_has_all_rows(monkeypatch):
    steps = []
    monkeypatch.setattr(
        "textrnn.evaluation.baselines.bag_of_ngrams._step",
        lambda network, optimizers, batch, learning_rate: steps.append((batch, learning_rate)),
    )
    rows = [[2 + row % 3, 2 + row // 3] for row in range(9)]
    fit(rows, [0, 1, 1] * 3, epochs=2)
    assert [len(batch) for batch, _ in steps] == [4, 4, 1] * 2
    assert [rate for _, rate in steps] == pytest.approx([0.05 * (6 - step) / 6 for step in range(6)])
    epochs = [
        np.concatenate([batch.ids.reshape(-1, 2) for batch, _ in part]).tolist() for part in (steps[:3], steps[3:])
    ]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(rows)
    assert epochs[0] != epochs[1]


def test_two_fits_are_equal_and_another_seed_has_other_weights():
    first, again = (fit(ORDERED, ORDERED_LABELS, epochs=1) for _ in range(2))
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
    indices, offsets = network.bag_indices(make_texts(ROWS[:4]))
    assert int(indices.max()) < 5 + 2
    assert offsets.tolist() == [0, 3 + 4 + 3 + 2, 12 + 1, 13 + 1 + 2 + 1]
