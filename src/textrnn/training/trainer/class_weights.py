"""Compute the weight of each label in the loss from `train.class_weights`."""

from __future__ import annotations

from collections.abc import Mapping

from textrnn.errors import require
from textrnn.preparation.artifacts.labels import Labels


def class_weights(weights: Mapping[str, float] | None, labels: Labels, where: str) -> list[float] | None:
    """The weight of each label, in order of label id; None if no weights are set, so that all labels weigh the same.

    A name in `weights` is a label, or an entity type, which stands for all of its tags. A tag's own weight takes
    precedence over that of its type. Every other label weighs 1.
    Raises UserError, naming `where.name`, if a name is neither a label nor an entity type.
    """
    if weights is None:
        return None
    types = labels.type_names()
    known = dict.fromkeys([*labels.names, *types])
    for name in weights:
        require(name in known, f"{where}.{name}", f"must be one of {', '.join(known)}", name)
    return [weights.get(name, weights.get(type_, 1.0)) for name, type_ in zip(labels.names, types, strict=True)]
