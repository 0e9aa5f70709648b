"""Loss and accuracy of a batch, and running means over batches, without waiting for the device."""

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
    """Mean loss per row or token, weighted as in training, and the fraction of correct rows or tokens.

    macro_f1: of a classifier's classes; entity_f1: of a tagger's exact entity spans; None if they were not counted.
    """

    loss: float
    accuracy: float
    macro_f1: float | None = None
    entity_f1: float | None = None

    def beats(self, other: Score, monitor: Monitor) -> bool:
        """Whether this score is better by the monitored metric; of two equal ones the lower loss is better."""
        if monitor != "loss":
            own, others = getattr(self, monitor), getattr(other, monitor)
            assert own is not None, f"{monitor} was not counted"
            assert others is not None, f"{monitor} was not counted"
            if own != others:
                return bool(own > others)
        return self.loss < other.loss

    def f1(self) -> dict[str, float]:
        """The F1 scores that were counted, by name."""
        values = {"macro_f1": self.macro_f1, "entity_f1": self.entity_f1}
        return {name: value for name, value in values.items() if value is not None}


class RunningMetrics:
    """Computes the loss of each batch, and sums loss and accuracy on the device, so that no step waits for them.

    sums: (4,) float64: loss, total target weight, number of correct targets, number of targets. classes: the number of
    classes of the last logits. The loss of a CRF is divided by the number of tokens, which makes it comparable with the
    cross-entropy of a token.
    smoothing: label smoothing, the fraction of each target that is spread over all classes (Szegedy et al. 2016,
    arXiv:1512.00567, section 7). distill: the weight of the distance from soft targets, and its temperature.
    Raises ValueError for a CRF with class weights or smoothing.
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
            raise ValueError("a CRF's loss is defined on tag sequences: it allows no class weights and no smoothing")
        self._weights, self._smoothing, self._crf, self._distill = weights, smoothing, crf, distill
        self.sums = torch.zeros(4, dtype=torch.float64, device=device)
        self.classes = 0

    @classmethod
    def for_network(
        cls, network: nn.Module, weights: Tensor | None, smoothing: float = 0.0, distill: Distill | None = None
    ) -> RunningMetrics:
        """The running metrics of a network, on its device and with its CRF if it has one."""
        return cls(weights, next(network.parameters()).device, smoothing, find_crf(network), distill)

    def total_weight(self, targets: Tensor) -> Tensor:
        """The sum of the weights of targets (B,) or (B, T), which a mean loss is divided by; () float."""
        weights = self._target_weights(targets)
        return weights.sum().to(torch.get_default_dtype()) if self._weights is None else weights.sum()

    def _target_weights(self, targets: Tensor) -> Tensor:
        """The weight of each target, in the shape of targets."""
        valid = targets != IGNORED_TAG
        # Clamped instead of selected with a mask: the size of a selection is known only after waiting for the device.
        return valid if self._weights is None else valid * self._weights[targets.clamp(min=0)]

    def update(
        self,
        logits: Tensor,
        targets: Tensor,
        divisor: Tensor | None = None,
        predictions: Tensor | None = None,
        soft_targets: Tensor | None = None,
        *,
        counted: bool = True,
    ) -> Tensor:
        """The mean loss of a batch, logits (B, C) or (B, T, C) and targets (B,) or (B, T); it is added to the sums.

        divisor: () float, the total weight of the whole batch if this is one process's part of it; None for the
        part's own total weight. predictions: (B,) or (B, T), the classes that count as correct or wrong; None for the
        highest logits. Training with a CRF counts these too, because decoding would take as long as the loss.
        counted: False leaves the sums as they are.
        soft_targets: probabilities in the shape of the logits, required with `distill` and None without. The loss is 0
        if no target counts, that is, if rows are without tokens or their classes have weight 0.
        """
        flat_logits, flat_targets = logits.flatten(0, -2), targets.flatten()
        self.classes = flat_logits.shape[-1]
        if self._crf is None:
            loss = F.cross_entropy(
                flat_logits,
                flat_targets,
                self._weights,
                ignore_index=IGNORED_TAG,
                reduction="sum",
                label_smoothing=self._smoothing,
            )
        else:
            loss = self._crf(logits, targets)
        if self._distill is not None:
            assert soft_targets is not None, "distillation without soft targets"
            distance = self._distance(self._distill.temperature, logits, targets, soft_targets)
            loss = (1 - self._distill.weight) * loss + self._distill.weight * distance
        with torch.no_grad():
            weight = self.total_weight(flat_targets)
            if counted:
                predicted = flat_logits.argmax(-1) if predictions is None else predictions.flatten()
                correct = (predicted == flat_targets).sum()
                count = (flat_targets != IGNORED_TAG).sum()
                self.sums += torch.stack((loss.detach().double(), weight.double(), correct.double(), count.double()))
        divisor = (weight if divisor is None else divisor).to(loss.dtype)
        return loss / divisor.clamp(min=torch.finfo(loss.dtype).tiny)

    def _distance(self, temperature: float, logits: Tensor, targets: Tensor, soft_targets: Tensor) -> Tensor:
        """Kullback-Leibler divergence from the soft targets, weighted like the loss and summed over rows or tokens; ().

        It is multiplied by the squared temperature, so that its gradient is of the same magnitude as that of the hard
        targets (Hinton et al. 2015, arXiv:1503.02531, section 2). With a CRF both sides are the marginals of a token
        over all tag sequences (posterior distillation of Wang et al. 2020, arXiv:2004.03846).
        """
        log_probs = log_probabilities(self._crf, logits, targets != IGNORED_TAG, temperature)
        distances = F.kl_div(log_probs, soft_targets, reduction="none").sum(-1)
        return temperature**2 * (self._target_weights(targets) * distances).sum()

    def compute(self) -> Score:
        """The mean loss and the accuracy of all batches since the last reset."""
        return score_from_sums(self.sums)

    def reset(self) -> None:
        """Set the sums to zero, in place: a captured CUDA graph keeps adding to the same memory."""
        self.sums.zero_()


def score_from_sums(sums: Tensor) -> Score:
    """The Score of the sums (4,) of one RunningMetrics, or of several added up."""
    loss, weight, correct, count = sums.tolist()
    return Score(loss / max(weight, 1e-12), correct / max(count, 1))
