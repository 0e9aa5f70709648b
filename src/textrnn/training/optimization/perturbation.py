"""Adversarial training: perturb an embedding in the direction in which the loss of a batch grows fastest.

Source: Miyato et al. 2017, "Adversarial Training Methods for Semi-Supervised Text Classification", arXiv:1605.07725,
section 3, equation 5. There each text has a perturbation of its own; here there is one for the distinct tokens of a
batch, so that each token is still embedded and projected once, wherever it occurs. Shapes: V tokens, E width, U tokens
of the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from textrnn.common.storage.schemas import UNKNOWN_ID
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup


@contextmanager
def perturbed(
    embedding: nn.Parameter, ids: Tensor, epsilon: float, group: ProcessGroup = SINGLE_PROCESS
) -> Iterator[None]:
    """Move the rows of a batch's tokens by epsilon * g / |g| for as long as the block runs; then restore them bitwise.

    g is the gradient that the embedding (V, E) has, of the rows (U, E) of all distinct ids together: the norm of the
    whole perturbation is epsilon. Padding has no gradient, and stays where it is. ids: those of the whole batch, as the
    gradients of a group's processes are added up, which makes the perturbation the same in all of them.
    """
    unknown = torch.tensor([UNKNOWN_ID], device=ids.device)  # word dropout reads it in place of others
    rows = torch.cat((ids.flatten().long(), unknown)).unique()
    local = torch.zeros_like(embedding) if embedding.grad is None else embedding.grad
    gradient = group.sum(local[rows])
    tiny = torch.finfo(gradient.dtype).tiny
    with torch.no_grad():
        original = embedding[rows]
        embedding[rows] = original + gradient * (epsilon / gradient.norm().clamp(min=tiny))
    try:
        yield
    finally:
        with torch.no_grad():
            embedding[rows] = original
