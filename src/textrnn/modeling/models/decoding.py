"""What a saved model's logits come to: classes or tags, how probable they are, and entities.

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
    """The class of each row (B,), or the tag of each token (B, T), for logits (B, C) or (B, T, C).

    valid: where a row has tokens. A CRF's tags are its best row without moves that tags of its scheme never make.
    """
    barred = _barred(tuple(saved.labels.names)) if saved.labels.chained else None
    return predict_classes(saved.network, logits, valid, barred)


@lru_cache(maxsize=16)
def _barred(names: tuple[str, ...]) -> Tensor:
    return forbidden_transitions(names)


def entity_spans(labels: Labels, tags: Sequence[int]) -> list[Span]:
    """The entity spans of a row's tags, in order, start and end in tokens."""
    assert labels.scheme is not None  # as every tagger has it
    return spans([labels.names[tag] for tag in tags], labels.scheme)


def class_probabilities(network: torch.nn.Module, logits: Tensor, targets: Tensor | None) -> Tensor:
    """Of each class under logits (B, C) or (B, T, C), in their shape, float64; with a CRF the marginals of each tag.

    The gradient of a CRF's loss is its marginals less the gold tags, which are added back: where targets (B, T) are
    ignored nothing is said. Without a CRF targets are not looked at.
    """
    crf = find_crf(network)
    if crf is None:
        return logits.double().softmax(-1)
    assert targets is not None
    with torch.enable_grad():
        given = logits.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(crf(given, targets), given)
    return gradient.double() + F.one_hot(targets.clamp(min=0), logits.shape[-1])
