"""Dropout whose masks cost little on a CPU."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 1 << 16


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """x with each value set to 0 with probability `share`, the rest scaled so that the expectation stays.

    On a CPU the share is rounded to 1/65,536, and the mask is 16 bits a value from NumPy's SFC64, which torch's
    generator seeds: torch.manual_seed decides it, whatever the number of threads. Torch draws its own masks one value
    after the other. Elsewhere this is torch's dropout. Source: Srivastava et al. 2014, JMLR 15.
    """
    if not training or share == 0 or x.device.type != "cpu":
        return F.dropout(x, share, training)
    dropped = min(round(share * LEVELS), LEVELS - 1)
    seed = int(torch.randint(2**63 - 1, ()))
    words = np.random.SFC64(seed).random_raw(-(-x.numel() // 4)).view(np.int16)[: x.numel()]
    kept = torch.from_numpy(words).view(x.shape) >= dropped - LEVELS // 2
    return x * kept.to(x.dtype).mul_(LEVELS / (LEVELS - dropped))


def locked_dropout(x: Tensor, share: float, training: bool, steps: int) -> Tensor:
    """`dropout` with one mask for all steps, which stand in dimension `steps` of x: a value is dropped in all or none.

    Source: Gal and Ghahramani 2016, arXiv:1512.05287; between layers as in Merity et al. 2018, arXiv:1708.02182.
    """
    if not training or share == 0:
        return x
    return x * dropout(torch.ones_like(x.select(steps, 0)), share, training).unsqueeze(steps)
