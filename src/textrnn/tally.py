"""Loss and accuracy of a batch, and of all batches since the last look, without waiting for the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from textrnn.records import IGNORED_TAG


@dataclass(frozen=True)
class Score:
    """Mean loss, weighted as in training, and the share of correct rows or tokens."""

    loss: float
    accuracy: float


class Tally:
    """Sums that make a Score, kept on the device so that no step waits for them."""

    def __init__(self, weights: Tensor | None, device: torch.device) -> None:
        self._weights = weights
        self._sums = torch.zeros(4, dtype=torch.float64, device=device)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The batch's mean loss, logits (B, C) or (B, T, C) against targets (B,) or (B, T); adds it to the sums.

        It is 0 where no target counts: rows without a token, or of classes that weigh 0.
        """
        flat, gold = logits.flatten(0, -2), targets.flatten()
        loss = F.cross_entropy(flat, gold, self._weights, ignore_index=IGNORED_TAG, reduction="sum")
        with torch.no_grad():
            valid = gold != IGNORED_TAG
            # clamped and not picked out by `valid`: how many a mask picks is known only after waiting for the device
            share = (valid if self._weights is None else valid * self._weights[gold.clamp(min=0)]).sum().to(loss.dtype)
            correct = (flat.argmax(-1) == gold).sum()
            self._sums += torch.stack((loss.detach().double(), share.double(), correct.double(), valid.sum().double()))
        return loss / share.clamp(min=torch.finfo(loss.dtype).tiny)

    def score(self) -> Score:
        loss, share, correct, count = self._sums.tolist()
        return Score(loss / max(share, 1e-12), correct / max(count, 1))

    def reset(self) -> None:
        """Back to no batches, in place: a captured step adds to these very sums."""
        self._sums.zero_()
