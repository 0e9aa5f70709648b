"""A bag of n-grams as in fastText: the mean of token and hashed n-gram embeddings into a linear layer."""

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
    """Classes of the mean embedding of a row's tokens and n-grams: logits (B, C).

    Tokens have embeddings of their own, n-grams of 2 and more share `buckets` by hash. Embeddings start uniform in
    +-1/width and the linear layer at zero. Source: Joulin et al. 2016 (arXiv:1607.01759), and fastText's code.
    """

    def __init__(self, tokens: int, classes: int, settings: Baseline) -> None:
        super().__init__()
        self.tokens, self.order, self.buckets = tokens, settings.ngrams, settings.buckets
        hashed = settings.buckets if settings.ngrams > 1 else 0
        self.embedding = nn.EmbeddingBag(tokens + hashed, settings.width, mode="mean", sparse=True)
        self.linear = nn.Linear(settings.width, classes)
        nn.init.uniform_(self.embedding.weight, -1 / settings.width, 1 / settings.width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def members(self, texts: EncodedTexts) -> tuple[Tensor, Tensor]:
        """What each row's mean is taken over: embedding numbers (M,) int64, and where each row's begin, (B,) int64."""
        numbers, rows = [texts.ids.astype(np.int64)], [np.repeat(np.arange(len(texts)), np.diff(texts.offsets))]
        for order in range(2, self.order + 1):
            hashed, row = ngrams(texts, order)
            numbers.append((hashed % np.uint64(self.buckets)).astype(np.int64) + self.tokens)
            rows.append(row)
        row = np.concatenate(rows)
        by_row = np.argsort(row, kind="stable")
        first = np.searchsorted(row[by_row], np.arange(len(texts)))
        return torch.from_numpy(np.concatenate(numbers)[by_row]), torch.from_numpy(first)

    def forward(self, texts: EncodedTexts) -> Tensor:
        logits: Tensor = self.linear(self.embedding(*self.members(texts)))
        return logits

    @torch.no_grad()
    def guess(self, texts: EncodedTexts) -> np.ndarray:
        """The most probable class of each row, (N,) int64."""
        return np.concatenate([self(piece).argmax(1).numpy() for piece in texts.pieces(ROWS_AT_ONCE)])


@dataclass(frozen=True, eq=False)
class BagResult:
    """The bag of the epoch that dev chose: the guessed classes of dev and test, and the epoch, from 1."""

    dev: np.ndarray
    test: np.ndarray
    epoch: int


def fit_bag(
    train: EncodedTexts,
    dev: EncodedTexts,
    test: EncodedTexts,
    tokens: int,
    classes: int,
    settings: Baseline,
    epochs: int,
) -> BagResult:
    """Train a bag on the CPU for so many epochs and keep what it guesses after the one of the best dev accuracy.

    Adam, its sparse form for the embeddings, which moves those alone that a batch has; the rate falls linearly to
    zero over the run, as fastText's does. The order of rows hangs on seed and epoch; a tie goes to the earlier epoch.
    """
    torch.manual_seed(settings.seed)
    network = BagOfNgrams(tokens, classes, settings)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.SparseAdam(network.embedding.parameters(), lr=settings.learning_rate),
        torch.optim.Adam(network.linear.parameters(), lr=settings.learning_rate),
    ]
    steps_of_epoch = -(-len(train) // settings.batch_size)
    best, best_hits = None, -1
    for epoch in range(epochs):
        order = np.argsort(hash_range(len(train), settings.seed, f"bag/{epoch}"), kind="stable")
        for step, batch in enumerate(train.take(order).pieces(settings.batch_size)):
            left = 1 - (epoch * steps_of_epoch + step) / (epochs * steps_of_epoch)
            _step(network, optimizers, batch, settings.learning_rate * left)
        guess = network.guess(dev)
        hits = int((guess == dev.labels).sum())
        if hits > best_hits:
            best, best_hits = BagResult(guess, network.guess(test), epoch + 1), hits
    assert best is not None
    return best


def _step(network: BagOfNgrams, optimizers: list[torch.optim.Optimizer], batch: EncodedTexts, rate: float) -> None:
    loss = F.cross_entropy(network(batch), torch.from_numpy(batch.labels))
    for optimizer in optimizers:
        optimizer.zero_grad()
        optimizer.param_groups[0]["lr"] = rate
    loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
    for optimizer in optimizers:
        optimizer.step()
