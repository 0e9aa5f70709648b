"""The CRF by enumeration of all tag sequences: loss and marginals; and random CRFs and batches."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from textrnn.modeling.nn.crf import CRF

CLASSES, WIDTH = 3, 5
LENGTHS = [4, 0, 5, 1, 2]
TAGGER = {"readout": "every_step", "crf": True}


def random_crf(classes=CLASSES, *, whole=False, dtype=torch.float64, scale=1.0):
    """A CRF with random scores; with whole numbers tag sequences tie."""
    crf = CRF(classes).to(dtype)
    for score in crf.parameters():
        nn.init.normal_(score, std=scale)
        if whole:
            score.data.round_()
    return crf


def tokens(side, lengths=LENGTHS, width=WIDTH):
    """A mask (B, T) that is true at tokens."""
    steps, lengths = torch.arange(width), torch.tensor(lengths)[:, None]
    return steps < lengths if side == "right" else steps >= width - lengths


def batch(side, *, dtype=torch.float64):
    """Logits and targets of five rows."""
    valid = tokens(side)
    logits = torch.randn(*valid.shape, CLASSES, dtype=dtype)
    return logits, torch.randint(0, CLASSES, valid.shape).masked_fill(~valid, -100)


def sequence_score(crf, logits, tags):
    """The score of one tag sequence (T,) with its logits (T, C); 0 without tokens."""
    if len(tags) == 0:
        return logits.sum()
    transitions = [crf.transitions[before, after] for before, after in itertools.pairwise(tags)]
    return (
        crf.start[tags[0]]
        + sum(logits[step, tag] for step, tag in enumerate(tags))
        + sum(transitions)
        + crf.end[tags[-1]]
    )


def all_sequences(classes, length):
    return list(itertools.product(range(classes), repeat=length))


def loss_of_all(crf, logits, targets):
    """The summed loss of a batch, by enumeration of all tag sequences."""
    total = 0
    for row, gold in zip(logits, targets, strict=True):
        row, gold = row[gold >= 0], gold[gold >= 0]
        scores = torch.stack([sequence_score(crf, row, tags) for tags in all_sequences(row.shape[1], len(gold))])
        total = total + scores.logsumexp(0) - sequence_score(crf, row, gold.tolist())
    return total


def marginals_of_all(crf, logits, temperature):
    """The marginals (T, C) of one row with logits (T, C), by enumeration of all tag sequences."""
    paths = all_sequences(logits.shape[1], len(logits))
    probabilities = (torch.stack([sequence_score(crf, logits, tags) for tags in paths]) / temperature).softmax(0)
    return (
        torch.stack(
            [F.one_hot(torch.tensor(path), logits.shape[1]).to(probabilities) for path in zip(*paths, strict=True)]
        )
        .mul(probabilities[:, None])
        .sum(1)
    )


SIDES = pytest.mark.parametrize("side", ["right", "left"])
