"""Loss and accuracy of a batch, and of all batches since the last look, without waiting for the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.common.config.train import Distill, Monitor
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.modeling.nn.crf import CRF, find_crf, log_probabilities


@dataclass(frozen=True)
class Score:
    """Mean loss by row or token, weighted as in training, and the share of correct rows or tokens."""

    loss: float
    accuracy: float

    def beats(self, other: Score, monitor: Monitor) -> bool:
        """Whether it is the better one by what is monitored; of two with the same accuracy the lower loss is."""
        if monitor == "accuracy" and self.accuracy != other.accuracy:
            return self.accuracy > other.accuracy
        return self.loss < other.loss


class RunningLoss:
    """Sums that make a Score, kept on the device so that no step waits for them.

    sums: (4,) float64: loss, the weights it is divided by, correct targets, targets. classes: of the last logits.
    With a CRF the loss is its own, shared out over the tokens, so that it compares with the cross-entropy of a token.
    smoothing: share of each target that is spread over all classes (Szegedy et al. 2016, arXiv:1512.00567, section 7).
    distill: how much of the loss is a distance from soft targets, and how it is softened.
    Raises ValueError for a CRF with weights or smoothing.
    """

    def __init__(
        self,
        weights: Tensor | None,
        device: torch.device,
        smoothing: float = 0.0,
        crf: CRF | None = None,
        distill: Distill | None = None,
    ) -> None:
        if crf is not None and (weights is not None or smoothing):
            raise ValueError("the loss of a CRF is of whole rows: no class has a weight or a share of its own")
        self._weights, self._smoothing, self._crf, self._distill = weights, smoothing, crf, distill
        self.sums = torch.zeros(4, dtype=torch.float64, device=device)
        self.classes = 0

    @classmethod
    def of(
        cls, network: nn.Module, weights: Tensor | None, smoothing: float = 0.0, distill: Distill | None = None
    ) -> RunningLoss:
        """The tally of a network's loss, on its device, with its CRF where it has one."""
        return cls(weights, next(network.parameters()).device, smoothing, find_crf(network), distill)

    def share(self, targets: Tensor) -> Tensor:
        """What a mean loss over targets (B,) or (B, T) is divided by: the sum of their weights; () float."""
        weighed = self._weigh(targets)
        return weighed.sum().to(torch.get_default_dtype()) if self._weights is None else weighed.sum()

    def _weigh(self, targets: Tensor) -> Tensor:
        """What each target weighs, in their shape."""
        valid = targets != IGNORED_TAG
        # clamped and not picked out by `valid`: how many a mask picks is known only after waiting for the device
        return valid if self._weights is None else valid * self._weights[targets.clamp(min=0)]

    def loss(
        self,
        logits: Tensor,
        targets: Tensor,
        share: Tensor | None = None,
        guess: Tensor | None = None,
        soft: Tensor | None = None,
    ) -> Tensor:
        """The batch's mean loss, logits (B, C) or (B, T, C) against targets (B,) or (B, T); adds it to the sums.

        share: () float, what to divide by where the batch is one process's part of a larger one; None for the part's
        own. guess: (B,) or (B, T), what is counted as correct or not; None for the highest logits, which is also what
        training with a CRF counts, as best rows would take it as long as the loss. soft: the logits' shape, the
        probabilities that `distill` asks for, and None without it. The loss is 0 where no target counts: rows without
        a token, or of classes that weigh 0.
        """
        flat, gold = logits.flatten(0, -2), targets.flatten()
        self.classes = flat.shape[-1]
        if self._crf is None:
            smoothing = self._smoothing
            loss = F.cross_entropy(
                flat, gold, self._weights, ignore_index=IGNORED_TAG, reduction="sum", label_smoothing=smoothing
            )
        else:
            loss = self._crf(logits, targets)
        if self._distill is not None:
            assert soft is not None, "distillation without soft targets"
            distance = self._distance(self._distill.temperature, logits, targets, soft)
            loss = (1 - self._distill.weight) * loss + self._distill.weight * distance
        with torch.no_grad():
            own = self.share(gold)
            correct = ((flat.argmax(-1) if guess is None else guess.flatten()) == gold).sum()
            count = (gold != IGNORED_TAG).sum()
            self.sums += torch.stack((loss.detach().double(), own.double(), correct.double(), count.double()))
        divisor = (own if share is None else share).to(loss.dtype)
        return loss / divisor.clamp(min=torch.finfo(loss.dtype).tiny)

    def _distance(self, temperature: float, logits: Tensor, targets: Tensor, soft: Tensor) -> Tensor:
        """Kullback-Leibler divergence of each row's or token's probabilities from soft, weighed as its target is; ().

        Summed, times the temperature squared, so that its gradient is of the size of that of gold targets (Hinton et
        al. 2015, arXiv:1503.02531, section 2). With a CRF the probabilities are a token's over all rows of tags, on
        both sides (Wang et al. 2020, arXiv:2004.03846, its posterior distillation).
        """
        told = log_probabilities(self._crf, logits, targets != IGNORED_TAG, temperature)
        distances = F.kl_div(told, soft, reduction="none").sum(-1)
        return temperature**2 * (self._weigh(targets) * distances).sum()

    def score(self) -> Score:
        return score_of(self.sums)

    def reset(self) -> None:
        """Back to no batches, in place: a captured step adds to these very sums."""
        self.sums.zero_()


def score_of(sums: Tensor) -> Score:
    """The Score of a Tally's sums, or of several tallies' added up."""
    loss, share, correct, count = sums.tolist()
    return Score(loss / max(share, 1e-12), correct / max(count, 1))
