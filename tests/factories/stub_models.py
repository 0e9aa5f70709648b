"""Saved models that predict by a table, and the rows whose metrics are counted by hand."""

from __future__ import annotations

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import nn

from factories.networks import PLAIN
from textrnn.modeling.models.model_directory import SavedModel, make_config
from textrnn.preparation.artifacts.labels import Labels


class Stub(nn.Module):
    """Predicts by a table from ids to classes; its logits are (B, C) by the first id of a row, or (B, T, C)."""

    def __init__(self, table, classes, tags):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))  # evaluate takes the device from the parameters
        self.table, self.classes, self.tags = torch.tensor(table), classes, tags
        self.wide = None

    def forward(self, ids, lengths):
        predicted = self.table[ids if self.tags else ids[:, 0]]
        return F.one_hot(predicted, self.classes) * math.log(4)


def stub(padded, labels, table):
    """A saved model that predicts by the table."""
    tags = labels.task == "tag"
    model = dataclasses.replace(PLAIN, readout="every_step") if tags else PLAIN
    config = make_config("stub", model, (len(table), 1), len(labels.names), padded.facts)
    return SavedModel(config, labels, Stub(table, len(labels.names), tags))


CLASSES = Labels("classify", ["a", "b", "c"], None, [])
# by the row's first id, 2, 3 or 4, the stub predicts a, b or c
TEXTS = [([2], 0), ([2, 9, 9], 0), ([3], 0), ([3, 2], 1), ([4, 2], 1), ([4], 1), ([4, 4], 1), ([4, 2, 3], 2)]
TABLE = [0, 0, 0, 1, 2, 0, 0, 0, 0, 0]
TYPES = Labels("tag", ["O", "LOC", "PER"], "type", ["LOC", "PER"])
BIO = Labels("tag", ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"], "bio", ["LOC", "PER"])


def tagged(tags, *gold):
    """A row with its gold spans; its ids are its tags + 2, so that the table (0, 0, 0, 1, 2, ...) predicts them."""
    return [tag + 2 for tag in tags], tags, [{"start": a, "end": b, "type": kind} for a, b, kind in gold]


# with a width of 4: row 0 loses half of its PER, row 1 all of it, row 3 has no token
TYPE_ROWS = [
    tagged([1, 1, 0, 2, 2, 0], (0, 2, 0), (3, 5, 1)),
    tagged([0, 0, 0, 0, 2], (4, 5, 1)),
    tagged([2, 0], (0, 1, 1)),
    tagged([]),
]
