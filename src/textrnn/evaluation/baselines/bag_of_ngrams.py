"""A bag of n-grams as in fastText: the mean embedding of tokens and hashed n-grams, then a linear layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.common.config.baseline import Baseline
from textrnn.common.storage.hashing import hash_range
from textrnn.evaluation.baselines.ngrams import EncodedTexts, ngrams

ROWS_AT_ONCE = 4_096


class BagOfNgrams(nn.Module):
    """Classify a text by the mean embedding of its tokens and n-grams: logits (B, C).

    Each token has its own embedding; n-grams of order 2 and above share `buckets` embeddings by hash. Embeddings start
    uniform in +-1/width, the linear layer at zero. Source: Joulin et al. 2016 (arXiv:1607.01759), and fastText's code.
    """

    def __init__(self, vocabulary_size: int, classes: int, settings: Baseline) -> None:
        super().__init__()
        self.vocabulary_size, self.order, self.buckets = vocabulary_size, settings.ngrams, settings.buckets
        buckets = settings.buckets if settings.ngrams > 1 else 0
        self.embedding = nn.EmbeddingBag(vocabulary_size + buckets, settings.width, mode="mean", sparse=True)
        self.linear = nn.Linear(settings.width, classes)
        nn.init.uniform_(self.embedding.weight, -1 / settings.width, 1 / settings.width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def bag_indices(self, texts: EncodedTexts) -> tuple[Tensor, Tensor]:
        """Return the embedding indices of all rows (M,) int64 and the offset where each row begins (B,) int64."""
        indices, rows = [texts.ids.astype(np.int64)], [np.repeat(np.arange(len(texts)), np.diff(texts.offsets))]
        for order in range(2, self.order + 1):
            hashes, row = ngrams(texts, order)
            indices.append((hashes % np.uint64(self.buckets)).astype(np.int64) + self.vocabulary_size)
            rows.append(row)
        row = np.concatenate(rows)
        by_row = np.argsort(row, kind="stable")
        offsets = np.searchsorted(row[by_row], np.arange(len(texts)))
        return torch.from_numpy(np.concatenate(indices)[by_row]), torch.from_numpy(offsets)

    def forward(self, texts: EncodedTexts) -> Tensor:
        logits: Tensor = self.linear(self.embedding(*self.bag_indices(texts)))
        return logits

    @torch.no_grad()
    def predict(self, texts: EncodedTexts) -> np.ndarray:
        """Return the most probable class of each text, (N,) int64."""
        return np.concatenate([self(chunk).argmax(1).numpy() for chunk in texts.chunks(ROWS_AT_ONCE)])


@dataclass(frozen=True, eq=False)
class BagResult:
    """The bag after the epoch with the best dev accuracy: predicted classes of dev and test, and the epoch, from 1."""

    dev: np.ndarray
    test: np.ndarray
    epoch: int


def fit_bag(
    train: EncodedTexts,
    dev: EncodedTexts,
    test: EncodedTexts,
    *,
    vocabulary_size: int,
    classes: int,
    settings: Baseline,
) -> BagResult:
    """Train a bag of n-grams on the CPU and return its predictions after the epoch with the best dev accuracy.

    The optimizer is Adam; its sparse form updates only the embeddings that a batch uses. The learning rate decays
    linearly to zero over the run, as in fastText. The order of rows depends on seed and epoch. A tie goes to the
    earlier epoch.
    """
    torch.manual_seed(settings.seed)
    network = BagOfNgrams(vocabulary_size, classes, settings)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.SparseAdam(network.embedding.parameters(), lr=settings.learning_rate),
        torch.optim.Adam(network.linear.parameters(), lr=settings.learning_rate),
    ]
    steps_per_epoch = -(-len(train) // settings.batch_size)
    best, best_hits = None, -1
    for epoch in range(settings.epochs):
        order = np.argsort(hash_range(len(train), settings.seed, f"bag/{epoch}"), kind="stable")
        for step, batch in enumerate(train.take(order).chunks(settings.batch_size)):
            remaining = 1 - (epoch * steps_per_epoch + step) / (settings.epochs * steps_per_epoch)
            _step(network, optimizers, batch, settings.learning_rate * remaining)
        predicted = network.predict(dev)
        hits = int((predicted == dev.labels).sum())
        if hits > best_hits:
            best, best_hits = BagResult(predicted, network.predict(test), epoch + 1), hits
    assert best is not None
    return best


def _step(
    network: BagOfNgrams, optimizers: list[torch.optim.Optimizer], batch: EncodedTexts, learning_rate: float
) -> None:
    loss = F.cross_entropy(network(batch), torch.from_numpy(batch.labels))
    for optimizer in optimizers:
        optimizer.zero_grad()
        optimizer.param_groups[0]["lr"] = learning_rate
    loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
    for optimizer in optimizers:
        optimizer.step()
