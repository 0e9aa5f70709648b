"""Dropout with masks that are cheap to draw on a CPU."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 1 << 16  # of the 16 random bits that each value gets


def dropout(x: Tensor, probability: float, training: bool) -> Tensor:
    """Set each value of x to 0 with the given probability, and scale the rest so that the expectation is unchanged.

    On a CPU the probability is rounded to a multiple of 1/65,536. The mask takes 16 bits per value from NumPy's SFC64,
    which is seeded by torch's generator: torch.manual_seed determines the mask, whatever the number of threads. This
    is faster than torch's own dropout, which draws one value after the other. On other devices it is torch's dropout.
    Source: Srivastava et al. 2014, JMLR 15.
    """
    if not training or probability == 0 or x.device.type != "cpu":
        return F.dropout(x, probability, training)
    dropped_levels = min(round(probability * LEVELS), LEVELS - 1)
    seed = int(torch.randint(2**63 - 1, ()))
    random_bits = np.random.SFC64(seed).random_raw(-(-x.numel() // 4)).view(np.int16)[: x.numel()]
    keep = torch.from_numpy(random_bits).view(x.shape) >= dropped_levels - LEVELS // 2
    return x * keep.to(x.dtype).mul_(LEVELS / (LEVELS - dropped_levels))


def locked_dropout(x: Tensor, probability: float, training: bool, steps: int) -> Tensor:
    """`dropout` with one mask for all steps, which are dimension `steps` of x: a value is dropped at all or at none.

    Source: Gal and Ghahramani 2016, arXiv:1512.05287; between layers as in Merity et al. 2018, arXiv:1708.02182.
    """
    if not training or probability == 0:
        return x
    return x * dropout(torch.ones_like(x.select(steps, 0)), probability, training).unsqueeze(steps)
