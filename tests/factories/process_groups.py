"""Training in several processes: a group of threads, and the cases that processes of their own run too."""

from __future__ import annotations

import dataclasses
import json
import threading

import torch

from factories.settings import settings
from factories.training_runs import Events, fit, rows_of, small
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.common.config.train import Adversarial, Distill, Ema, Swa
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.trainer.checkpointer import Checkpointer, load_checkpoint
from textrnn.training.trainer.loop import TrainingData

CLASS_WEIGHTS = torch.tensor([1.0, 10.0, 0.5, 0.0])
SEEDED = threading.Lock()  # threads share one generator
CASES = {
    "classify": ({}, {"epochs": 3, "batch_size": 5}),  # batches of 5, 5, ..., 3 rows of one width and one of another
    "one row": ({}, {"epochs": 1, "batch_size": 1}),  # so one of two processes never has a row
    "clip": ({"cell": "lstm", "layers": 2}, {"epochs": 2, "clip_norm": 0.05, "weight_decay": 0.01}),
    "tag": ({"readout": "every_step", "cell": "gru"}, {"epochs": 2, "batch_size": 7}),
    "crf": ({"readout": "every_step", "crf": True}, {"epochs": 2, "batch_size": 7}),
    "bigrams": (
        {"bigrams": BigramOptions(3, 1), "readout": ("max", "attention")},
        {"epochs": 2, "batch_size": 5, "clip_norm": 0.05, "weight_decay": 0.01, "average": Ema("ema", 0.5)},
    ),
    "words": (
        {"words": SoftLexiconOptions(3, 2)},
        {"epochs": 2, "batch_size": 5, "clip_norm": 0.05, "weight_decay": 0.01},
    ),
    "one row of words": ({"words": SoftLexiconOptions(3, 2)}, {"epochs": 1, "batch_size": 1}),
    "one row of bigrams": ({"bigrams": BigramOptions(3, 1)}, {"epochs": 1, "batch_size": 1}),
    "sampled": ({}, {"epochs": 2, "sampling": "balanced", "embedding_rate": 0.0, "label_smoothing": 0.1}),
    "decoupled": ({}, {"epochs": 2, "decoupled_decay": 0.5, "embedding_rate": 0.5, "average": Swa("swa", 1)}),
    "distill": ({}, {"epochs": 2, "batch_size": 5, "distill": Distill((2,), 0.7, 2.0)}),
    "distill tags": ({"readout": "every_step"}, {"epochs": 2, "batch_size": 7, "distill": Distill((2,), 0.4, 3.0)}),
    "distill crf": (
        {"readout": "every_step", "crf": True},
        {"epochs": 2, "batch_size": 7, "distill": Distill((2,), 0.4, 3.0)},
    ),
    "adversarial": (
        {"bigrams": BigramOptions(3, 1)},
        {"epochs": 2, "batch_size": 5, "clip_norm": 0.05, "adversarial": Adversarial(0.5, 1.0)},
    ),
    "one row, adversarial": ({}, {"epochs": 1, "batch_size": 1, "adversarial": Adversarial(0.5, 0.5)}),
    "patience": ({}, {"epochs": 30, "evaluate_every": 2, "patience": 3, "learning_rate": 0.3}),
}


def trained(case, group=SINGLE_PROCESS, on_step=lambda *_: None, folder=None):
    """Outcome, points, and the weights as one vector."""
    changes, options = CASES[case]
    with SEEDED:
        model, tags = small(**changes), changes.get("readout") == "every_step"
    rows = [*rows_of(18, tags=tags), *rows_of(6, width=4, tags=tags)]
    if "distill" in options:
        generator = torch.Generator().manual_seed(3)
        shapes = [(*bucket.targets.shape, 4) for bucket in rows]
        targets = [torch.randn(shape, generator=generator).softmax(-1) for shape in shapes]
        rows = [bucket.with_soft_targets(soft) for bucket, soft in zip(rows, targets, strict=True)]
    dev, points = [*rows_of(9, tags=tags), *rows_of(3, width=4, tags=tags)], []
    checkpointer = None if folder is None or group.rank else Checkpointer(folder)
    data = TrainingData(rows, dev, None if "crf" in changes else CLASS_WEIGHTS)
    callbacks = [Events(on_step, points.append), *([] if checkpointer is None else [checkpointer])]
    checkpoint = load_checkpoint(checkpointer, group)
    outcome = fit(model, data, settings(**options), *callbacks, group=group, checkpoint=checkpoint)
    return outcome, points, torch.nn.utils.parameters_to_vector(model.parameters()).detach()


class Board:
    """Where the threads of one test exchange values."""

    def __init__(self, count):
        self.barrier, self.values = threading.Barrier(count), [None] * count


@dataclasses.dataclass(frozen=True)
class Threads(ProcessGroup):
    """A group of threads that exchange values as processes do, over a board."""

    board: Board | None = None

    def all(self, value):
        self.board.values[self.rank] = value
        self.board.barrier.wait(20)
        values = list(self.board.values)
        self.board.barrier.wait(20)
        return values

    def _stack(self, values):
        return torch.stack(self.all(values.detach().clone()))

    def sum_gradients(self, parameters):
        parameters = list(parameters)
        local = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in parameters]
        for weight, gradients in zip(parameters, zip(*self.all(local), strict=True), strict=True):
            weight.grad = sum(gradients[1:], gradients[0].clone())

    def sum(self, values):
        first, *others = self.all(values.detach().clone())
        return sum(others, first.clone())

    def share_weights(self, network):
        for weight in network.parameters():
            weight.data.copy_(self.all(weight.detach().clone())[0])

    def broadcast_bytes(self, data):
        return self.all(data)[0]


def together(count, work):
    """What each of so many threads returns."""
    board, results = Board(count), [None] * count

    def run(rank):
        try:
            results[rank] = work(Threads(rank, count, rank, board=board))
        except BaseException:
            board.barrier.abort()
            raise

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


REAL = (
    "classify",
    "tag",
    "bigrams",
    "one row of bigrams",
    "one row, adversarial",
)  # in processes of their own, which takes longer than in threads


def plain(record):
    return json.loads(json.dumps(dataclasses.asdict(record)))
