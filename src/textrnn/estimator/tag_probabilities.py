"""Turns the probabilities of a tagger's own tags into those of BIO tags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.tag_schemes import OUTSIDE

BIO_PREFIX = {"B": "B", "S": "B", "I": "I", "E": "I"}  # of the tags of BIO and BIOES


def bio_probabilities(probabilities: np.ndarray, labels: Labels, bio_names: Sequence[str]) -> np.ndarray:
    """The probabilities (T, B) of the BIO tags for those (T, C) of the tags of the labels, token by token.

    In BIOES, S begins an entity and E goes on with one. A bare type begins an entity as far as the token before is of
    another type, both taken as independent.
    """
    columns = {name: column for column, name in enumerate(bio_names)}
    found = np.zeros((len(probabilities), len(bio_names)))
    before = np.concatenate((np.zeros((1, probabilities.shape[1])), probabilities[:-1]))[: len(probabilities)]
    for name, values, previous in zip(labels.names, probabilities.T, before.T, strict=True):
        if name == OUTSIDE:
            found[:, columns[name]] = values
        elif labels.prefixed:
            found[:, columns[f"{BIO_PREFIX[name[0]]}{name[1:]}"]] += values
        else:
            found[:, columns[f"B-{name}"]] = values * (1 - previous)
            found[:, columns[f"I-{name}"]] = values * previous
    return found
