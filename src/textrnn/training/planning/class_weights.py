"""Compute the weight of each label in the loss from `train.class_weights`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.errors import require
from textrnn.preparation.artifacts.labels import Labels
from textrnn.training.batching.buckets import AnyBucket, Bucket


def class_weights(
    weights: Literal["balanced"] | Mapping[str, float] | None, labels: Labels, train: Sequence[AnyBucket], where: str
) -> list[float] | None:
    """The weight of each label, in order of label id; None if no weights are set, so that all labels weigh the same.

    train: its rows are counted for `balanced`. Raises UserError as `stated_weights` does.
    """
    if weights is None:
        return None
    if weights == "balanced":
        return balanced_weights(count_targets(train, len(labels.names)))
    return stated_weights(weights, labels, where)


def stated_weights(weights: Mapping[str, float], labels: Labels, where: str) -> list[float]:
    """The weight of each label by name.

    A name in `weights` is a label, or an entity type, which stands for all of its tags. A tag's own weight takes
    precedence over that of its type. Every other label weighs 1.
    Raises UserError, naming `where.name`, if a name is neither a label nor an entity type.
    """
    types = labels.type_names()
    known = dict.fromkeys([*labels.names, *types])
    for name in weights:
        require(name in known, f"{where}.{name}", f"must be one of {', '.join(known)}", name)
    return [weights.get(name, weights.get(type_, 1.0)) for name, type_ in zip(labels.names, types, strict=True)]


def balanced_weights(counts: np.ndarray) -> list[float]:
    """The weights that give all classes the same total weight, from how often each occurs, (C,).

    They are n / (classes * count), as scikit-learn's compute_class_weight has them, over the classes that occur. A
    class that never occurs weighs 1: train has no loss of it.
    """
    occurring = counts > 0
    weights = counts.sum() / (occurring.sum() * np.maximum(counts, 1))
    balanced: list[float] = np.where(occurring, weights, 1.0).tolist()
    return balanced


def count_targets(buckets: Sequence[AnyBucket], classes: int) -> np.ndarray:
    """How often each class is the target of a row, or of a token for tagging, (C,)."""
    counts = np.zeros(classes, dtype=np.int64)
    for bucket in buckets:
        chunks = [bucket.targets.cpu().numpy()] if isinstance(bucket, Bucket) else bucket.targets.chunks
        for chunk in chunks:
            counts += np.bincount(chunk[chunk != IGNORED_TAG], minlength=classes)
    return counts
