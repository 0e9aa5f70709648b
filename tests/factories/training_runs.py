"""Training on random rows: data, small models, and what is observed while they train."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from factories.lexicons import SOME_WORDS
from factories.networks import PLAIN
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.training.batching.buckets import Bucket
from textrnn.training.features.token_features import learn_token_features
from textrnn.training.trainer.callbacks import early_stopping
from textrnn.training.trainer.loop import Callback, Trainer, TrainingData


def rows_of(count, width=6, vocabulary_size=12, classes=4, tags=False):
    """A bucket of random rows with random labels, or with tags that end in padding."""
    generator = torch.Generator().manual_seed(count)
    lengths = torch.randint(1, width + 1, (count,), generator=generator)
    past = torch.arange(width) >= lengths[:, None]
    ids = torch.randint(2, vocabulary_size, (count, width), generator=generator).masked_fill(past, 0)
    targets = torch.randint(0, classes, (count, width) if tags else (count,), generator=generator)
    return [Bucket(torch.arange(count), ids, lengths, targets.masked_fill(past, -100) if tags else targets)]


def small(*, seed=0, classes=4, **changes):
    torch.manual_seed(seed)
    options = dataclasses.replace(PLAIN, **{"hidden_size": 8, **changes})
    features = learn_token_features(rows_of(18), 12, options, SOME_WORDS, "w")
    model = TextRNN(options, 12, 6, classes, "right", features.bigram_count, features.lexicon_sizes)
    features.fill(model)
    return model


class Events(Callback):
    """Calls functions at the events of a run."""

    def __init__(self, on_step=lambda _: None, on_evaluation=lambda _: None):
        self.step, self.evaluation = on_step, on_evaluation

    def on_step_end(self, trainer, batch):
        self.step(trainer.state.step)

    def on_evaluation(self, trainer, point):
        self.evaluation(point)


def fit(network, data, options, *callbacks, **parts):
    """Train with early stopping as the settings say; return the outcome."""
    trainer = Trainer(network, data, options, callbacks=[*callbacks, *early_stopping(options)], **parts)
    trainer.fit()
    return trainer.outcome


def run(model, rows, options, dev=None, weights=None):
    """Train; return the outcome, the evaluations and the numbers of the reported steps."""
    points, steps = [], []
    outcome = fit(model, TrainingData(rows, dev or rows, weights), options, Events(steps.append, points.append))
    return outcome, points, steps


class Constant(nn.Module):
    """A model whose logits are its weight, whatever the row: just enough for tests of the loop."""

    def __init__(self, classes=4):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(classes))

    def forward(self, ids, lengths):
        return self.weight.expand(len(ids), -1)


class Notes:
    """A fake recorder that logs its calls; a replay simply does the work again."""

    def __init__(self):
        self.calls = []

    def warm_up(self, work):
        self.calls.append("warm up")
        work()

    def record(self, work):
        self.calls.append("record")

        def replay():
            self.calls.append("replay")
            work()

        return replay
