"""A bag of n-grams as in fastText: the mean embedding of a text's n-grams, then a linear layer, trained by Adagrad.

Shapes: B texts of a batch, F n-grams, G n-grams in all texts of a batch, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import sparse
from torch import Tensor

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.hashing import hash_range

ROWS_AT_ONCE = 4_096
EPSILON = 1e-10  # Adagrad's, as torch has it


@dataclass(frozen=True, eq=False)
class Bags:
    """The n-grams of some texts: their columns, text by text (G,) int64, and where each text begins and ends."""

    columns: Tensor
    ends: Tensor

    @classmethod
    def of(cls, presence: sparse.csr_matrix) -> Bags:
        """The bags of a matrix (N, F) of zeros and ones."""
        columns, ends = (torch.from_numpy(part.astype(np.int64)) for part in (presence.indices, presence.indptr))
        return cls(columns, ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def take(self, rows: Tensor) -> Bags:
        """The bags of the texts with these numbers (B,), in their order."""
        starts, lengths = self.ends[rows], self.ends[rows + 1] - self.ends[rows]
        ends = torch.cat((torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)))
        positions = torch.arange(int(ends[-1])) + (starts - ends[:-1]).repeat_interleave(lengths)
        return Bags(self.columns[positions], ends)


class BagOfNgrams:
    """Classify a text by the mean embedding of its n-grams.

    Embeddings start uniform in +-1/width, the linear layer at zero. Source: Joulin et al. 2016 (arXiv:1607.01759), and
    fastText's code. Unlike there, an n-gram has an embedding of its own and counts once in a text, and the steps are
    Adagrad's (Duchi et al. 2011), with one sum of squares for each embedding: plain SGD on batches diverges where few
    n-grams stand in most texts.
    """

    def __init__(self, features: int, classes: int, settings: Baseline) -> None:
        generator = torch.Generator().manual_seed(settings.seed)
        bound = 1 / settings.width
        self.embedding = torch.empty(features, settings.width).uniform_(-bound, bound, generator=generator)
        self.weight, self.bias = torch.zeros(classes, settings.width), torch.zeros(classes)
        self.squares = torch.zeros(features), torch.zeros(classes, settings.width), torch.zeros(classes)

    def mean(self, bags: Bags) -> Tensor:
        """The mean embeddings (B, width); zeros for a text without n-grams."""
        return F.embedding_bag(bags.columns, self.embedding, bags.ends[:-1], mode="mean")

    def logits(self, bags: Bags) -> Tensor:
        """The logits (B, C)."""
        return self.mean(bags) @ self.weight.T + self.bias

    def predict(self, bags: Bags) -> np.ndarray:
        """The most probable class of each text, (N,) int64."""
        parts = torch.arange(len(bags)).split(ROWS_AT_ONCE)
        return torch.cat([self.logits(bags.take(part)).argmax(1) for part in parts]).numpy()

    def step(self, bags: Bags, labels: Tensor, learning_rate: float) -> None:
        """One step on the mean cross-entropy of a batch; the gradients are written out, which is fastest."""
        mean = self.mean(bags)
        error = (mean @ self.weight.T + self.bias).softmax(1)
        error[torch.arange(len(labels)), labels] -= 1
        error /= len(labels)
        lengths = bags.ends.diff()
        of_ngrams = error @ self.weight / lengths.clamp(min=1).unsqueeze(1)
        of_embedding, of_weight, of_bias = self.squares
        for value, gradient, squares in ((self.weight, error.T @ mean, of_weight), (self.bias, error.sum(0), of_bias)):
            squares += gradient**2
            value.addcdiv_(gradient, squares.sqrt() + EPSILON, value=-learning_rate)
        of_embedding.index_add_(0, bags.columns, (of_ngrams**2).mean(1).repeat_interleave(lengths))
        steps = of_ngrams.repeat_interleave(lengths, 0) / (of_embedding[bags.columns].sqrt() + EPSILON).unsqueeze(1)
        self.embedding.index_add_(0, bags.columns, steps, alpha=-learning_rate)


@dataclass(frozen=True, eq=False)
class BagResult:
    """The bag after the epoch with the best dev accuracy: predicted classes of dev and test, and the epoch, from 1."""

    dev: np.ndarray
    test: np.ndarray
    epoch: int


@torch.no_grad()
def fit_bag(
    presence: tuple[sparse.csr_matrix, ...], gold: tuple[np.ndarray, np.ndarray], classes: int, settings: Baseline
) -> BagResult:
    """Train a bag of n-grams on the CPU and return its predictions after the epoch with the best dev accuracy.

    presence: (N, F) of train, dev and test; gold: classes (N,) of train and dev. The learning rate decays linearly to
    zero over the run, as in fastText. The order of texts depends on seed and epoch. A tie goes to the earlier epoch.
    """
    train, dev, test = (Bags.of(matrix) for matrix in presence)
    labels = torch.from_numpy(gold[0])
    network = BagOfNgrams(presence[0].shape[1], classes, settings)
    steps = -(-len(train) // settings.batch_size) * settings.epochs
    best, best_hits, step = None, -1, 0
    for epoch in range(settings.epochs):
        order = np.argsort(hash_range(len(train), settings.seed, f"bag/{epoch}"), kind="stable")
        for rows in torch.from_numpy(order).split(settings.batch_size):
            network.step(train.take(rows), labels[rows], settings.learning_rate * (1 - step / steps))
            step += 1
        predicted = network.predict(dev)
        hits = int((predicted == gold[1]).sum())
        if hits > best_hits:
            best, best_hits = BagResult(predicted, network.predict(test), epoch + 1), hits
    assert best is not None
    return best
