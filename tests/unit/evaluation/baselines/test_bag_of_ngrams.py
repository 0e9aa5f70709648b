"""The bag of n-grams compared with means by hand and torch's gradients, and what it can and cannot learn."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.autograd import grad

from factories.baseline_texts import SETTINGS, make_texts
from textrnn.evaluation.baselines.bag_of_ngrams import BagOfNgrams, Bags, fit_bag
from textrnn.evaluation.baselines.ngram_features import NgramFeatures

SMALL = [[2, 3, 2], [], [3], [2, 3, 2, 3, 4]]
# the class depends only on the order of two tokens
ORDERED = [[2, 3], [3, 2]] * 20
ORDERED_LABELS = [0, 1] * 20


def presence_of(train, *others, order=2):
    features = NgramFeatures.select(make_texts(train), 5, order, 1000)
    return tuple(features.presence(make_texts(rows)) for rows in (train, *others))


def random_bag(features, classes=3):
    network = BagOfNgrams(features, classes, SETTINGS)
    generator = torch.Generator().manual_seed(5)
    network.weight.normal_(generator=generator)
    network.bias.normal_(generator=generator)
    return network


def test_logits_come_from_the_mean_of_distinct_ngrams():
    (matrix,) = presence_of(SMALL)
    network = random_bag(matrix.shape[1])
    assert network.embedding.shape == (matrix.shape[1], 8)
    logits = network.logits(Bags.of(matrix))
    for index in range(len(SMALL)):
        columns = np.flatnonzero(matrix[[index]].toarray()[0])
        mean = network.embedding[columns].mean(0) if len(columns) else torch.zeros(8)
        torch.testing.assert_close(logits[index], network.weight @ mean + network.bias)


def test_a_text_without_ngrams_gets_the_bias():
    matrix, empty = presence_of([[2, 3], [3, 2]], [[]], order=1)
    network = random_bag(matrix.shape[1])
    assert torch.equal(network.logits(Bags.of(empty))[0], network.bias)


def test_bags_are_taken_in_the_order_of_the_index():
    (matrix,) = presence_of(SMALL)
    taken = Bags.of(matrix).take(torch.tensor([3, 1, 0, 3]))
    expected = matrix[[3, 1, 0, 3]]
    assert (taken.columns.tolist(), taken.ends.tolist()) == (expected.indices.tolist(), expected.indptr.tolist())


def test_more_texts_than_one_part_are_predicted(monkeypatch):
    monkeypatch.setattr("textrnn.evaluation.baselines.bag_of_ngrams.ROWS_AT_ONCE", 3)
    (matrix,) = presence_of(SMALL)
    network, bags = random_bag(matrix.shape[1]), Bags.of(matrix)
    assert network.predict(bags).tolist() == network.logits(bags).argmax(1).tolist()


def test_a_step_is_adagrads_on_torchs_gradients():
    (matrix,) = presence_of(SMALL)
    network, bags, labels = random_bag(matrix.shape[1]), Bags.of(matrix), torch.tensor([0, 1, 2, 1])
    values = [network.embedding.clone(), network.weight.clone(), network.bias.clone()]
    dense = torch.from_numpy(matrix.toarray()).float()
    squares = [torch.zeros(matrix.shape[1]), torch.zeros(3, 8), torch.zeros(3)]
    for _ in range(2):
        embedding, weight, bias = (value.requires_grad_() for value in values)
        means = dense @ embedding / dense.sum(1, keepdim=True).clamp(min=1)
        of_mean, of_weight, of_bias = grad(F.cross_entropy(means @ weight.T + bias, labels), (means, weight, bias))
        # each occurrence of an n-gram adds the mean square of its own gradient
        of_ngram = of_mean / dense.sum(1, keepdim=True).clamp(min=1)
        squares[0] += dense.T @ (of_ngram**2).mean(1)
        squares[1] += of_weight**2
        squares[2] += of_bias**2
        roots = [(part.sqrt() + 1e-10) for part in squares]
        values = [
            (embedding - 0.5 * (dense.T @ of_ngram) / roots[0][:, None]).detach(),
            (weight - 0.5 * of_weight / roots[1]).detach(),
            (bias - 0.5 * of_bias / roots[2]).detach(),
        ]
        network.step(bags, labels, 0.5)
        for ours, expected in zip((network.embedding, network.weight, network.bias), values, strict=True):
            torch.testing.assert_close(ours, expected)


def fit(train, labels, dev=None, dev_labels=None, epochs=10, order=2, **changes):
    settings = dataclasses.replace(SETTINGS, epochs=epochs, **changes)
    dev, dev_labels = (train, labels) if dev is None else (dev, dev_labels)
    presence = presence_of(train, dev, [*train, [2, 3, 3, 2]], order=order)
    return fit_bag(presence, (np.array(labels), np.array(dev_labels)), 2, settings)


def test_bigrams_learn_the_order_that_single_tokens_cannot():
    bag = fit(ORDERED, ORDERED_LABELS)
    assert bag.dev.tolist() == ORDERED_LABELS
    assert bag.test.tolist()[:40] == ORDERED_LABELS
    unigrams = fit(ORDERED, ORDERED_LABELS, order=1)
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
    monkeypatch.setattr(BagOfNgrams, "step", lambda self, bags, labels, rate: steps.append((bags, labels, rate)))
    rows, labels = [[2 + row % 3, 2 + row // 3] for row in range(9)], list(range(9))
    settings = dataclasses.replace(SETTINGS, epochs=2)
    fit_bag(presence_of(rows, rows, rows, order=1), (np.array(labels), np.array(labels)), 9, settings)
    assert [len(bags) for bags, _, _ in steps] == [4, 4, 1] * 2
    assert [rate for _, _, rate in steps] == pytest.approx([0.3 * (6 - step) / 6 for step in range(6)])
    epochs = [torch.cat([labels for _, labels, _ in part]).tolist() for part in (steps[:3], steps[3:])]
    assert sorted(epochs[0]) == sorted(epochs[1]) == labels
    assert epochs[0] != epochs[1]
    for bags, batch_labels, _ in steps:  # the bags are those of the labels' rows
        for index, label in enumerate(batch_labels.tolist()):
            columns = bags.columns[bags.ends[index] : bags.ends[index + 1]]
            assert (columns + 2).tolist() == sorted(set(rows[label]))


def test_two_fits_are_equal_and_another_seed_has_other_weights():
    first, again = (fit(ORDERED, ORDERED_LABELS, epochs=1) for _ in range(2))
    assert np.array_equal(first.test, again.test)
    weights = [BagOfNgrams(5, 2, dataclasses.replace(SETTINGS, seed=seed)).embedding for seed in (1, 1, 2)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert float(weights[0].abs().max()) <= 1 / 8
