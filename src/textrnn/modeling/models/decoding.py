"""Decode the logits of a saved model: classes or tags, their probabilities, and entity spans.

Shapes: B batch, T steps, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from textrnn.modeling.models.model_directory import SavedModel
from textrnn.modeling.nn.crf import find_crf, forbidden_transitions, predict_classes
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.tag_schemes import Span, spans


def decode_classes(saved: SavedModel, logits: Tensor, valid: Tensor) -> Tensor:
    """The class of each row (B,) or the tag of each token (B, T), for logits (B, C) or (B, T, C).

    valid: (B, T), true at tokens. A CRF predicts its best tag sequence without transitions that its scheme forbids.
    """
    forbidden = _forbidden_transitions(tuple(saved.labels.names)) if saved.labels.prefixed else None
    return predict_classes(saved.network, logits, valid, forbidden)


@lru_cache(maxsize=16)
def _forbidden_transitions(names: tuple[str, ...]) -> Tensor:
    return forbidden_transitions(names)


def entity_spans(labels: Labels, tags: Sequence[int]) -> list[Span]:
    """The entity spans of a row's tags, in order; start and end are token indices."""
    assert labels.scheme is not None  # every tagger has one
    return spans([labels.names[tag] for tag in tags], labels.scheme)


def class_probabilities(network: torch.nn.Module, logits: Tensor, targets: Tensor | None) -> Tensor:
    """Probabilities of the classes, float64, in the shape of logits (B, C) or (B, T, C); with a CRF the tag marginals.

    The gradient of a CRF's loss is its marginals minus the one-hot targets, which are added back. Where targets (B, T)
    are ignored, the result is meaningless. Without a CRF, targets are not used.
    """
    crf = find_crf(network)
    if crf is None:
        return logits.double().softmax(-1)
    assert targets is not None
    with torch.enable_grad():
        leaf = logits.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(crf(leaf, targets), leaf)
    return gradient.double() + F.one_hot(targets.clamp(min=0), logits.shape[-1])
