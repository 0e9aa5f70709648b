"""Late fusion: add the wide part to a trained network, with the two scales under which dev is most likely.

The network is trained without the wide part, so that n-grams, which fit train first, do not keep it from learning.
Shapes: N rows of dev, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from textrnn.common.config.model import WideOptions
from textrnn.common.config.train import Train
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.models.wide import WidePart
from textrnn.modeling.nn.precision import forward_in_precision
from textrnn.preparation.artifacts.linear_model import LinearModel
from textrnn.training.batching.batches import batch_size, batches
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup

MIN_ROWS = 50  # of dev; fewer say too little, and both scales stay 1
# Of the squared scales, in units of the margins' spread. Where a sum of the two makes no error on dev, larger scales
# are always more likely; the penalty keeps them finite. Elsewhere it is nothing beside the loss of MIN_ROWS rows.
PENALTY = 0.001
MAX_NEWTON_STEPS = 100
NEWTON_TOLERANCE = 1e-10  # of a step


@dataclass(frozen=True)
class Fusion:
    """How a wide part was added: accuracy on dev of the network alone, of the wide part and of both; the two scales.

    fitted: whether the scales were fitted on dev; else they are 1, or what the recipe states.
    """

    deep_accuracy: float
    wide_accuracy: float
    both_accuracy: float
    deep_scale: float
    wide_scale: float
    fitted: bool

    def describe(self, recipe: str) -> str:
        """One line for the log."""
        accuracies = {"deep": self.deep_accuracy, "wide": self.wide_accuracy, "both": self.both_accuracy}
        listed = ", ".join(f"{value:.4f} {name}" for name, value in accuracies.items())
        scales = f"scales {self.deep_scale:.3g}, {self.wide_scale:.3g}" + ("" if self.fitted else ", not fitted")
        return f"{recipe}: dev accuracy {listed} ({scales})"


def add_wide_part(
    network: TextRNN,
    linear: LinearModel,
    dev: Sequence[AnyBucket],
    settings: Train,
    group: ProcessGroup = SINGLE_PROCESS,
) -> Fusion:
    """Add the linear model to a trained network; from then on its logits are the sum.

    Every process of a group calls this, and gets the scales that process 0 has fitted.
    """
    options = network.options.wide
    wide = WidePart.from_linear(linear, network.pad_side).to(next(network.parameters()).device)
    deep_scores, wide_scores, targets = _score_dev(network, wide, dev, settings)
    scales = (1.0, options.scale) if isinstance(options, WideOptions) else fit_scales(deep_scores, wide_scores, targets)
    deep_scale, wide_scale = group.all_gather(torch.tensor(scales or (1.0, 1.0), dtype=torch.float32))[0].tolist()
    wide.scales.copy_(torch.tensor([deep_scale, wide_scale]))
    network.wide = wide
    both_scores = wide.scales[0].item() * deep_scores + wide.scales[1].item() * wide_scores
    deep, wide_alone, both = (
        float((scores.argmax(1) == targets).mean()) for scores in (deep_scores, wide_scores, both_scores)
    )
    fitted = scales is not None and not isinstance(options, WideOptions)
    return Fusion(deep, wide_alone, both, deep_scale, wide_scale, fitted)


@torch.no_grad()
def _score_dev(
    network: TextRNN, wide: WidePart, dev: Sequence[AnyBucket], settings: Train
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The logits of the network, the scores of the wide part, both (N, C) float32, and the classes (N,) of dev."""
    network.eval()
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for batch in batches(dev, batch_size(settings)):
        logits = forward_in_precision(network, batch.ids, batch.lengths, settings.precision)
        parts.append((logits, wide(batch.ids, batch.lengths), batch.targets))
    network.train()
    deep_scores, wide_scores, targets = (torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True))
    return deep_scores, wide_scores, targets


def fit_scales(deep: np.ndarray, wide: np.ndarray, targets: np.ndarray) -> tuple[float, float] | None:
    """The scales a, b >= 0 for which softmax(a * deep + b * wide) makes the classes of dev most likely.

    deep, wide: (N, C); targets: (N,). The loss is convex in the scales: where Newton's method finds its minimum below
    0 for one of them, the minimum lies on a boundary, on which one scale is fitted alone. As a = 0 and b = 0 are among
    the candidates, the sum is no less likely on dev than either part, whatever its own scale.
    Returns None if dev cannot tell: fewer than MIN_ROWS rows, a single class, or parts that both mislead.
    """
    if len(targets) < MIN_ROWS or len(np.unique(targets)) < 2:
        return None
    scores = np.stack((deep, wide)).astype(np.float64)
    margins = scores - np.take_along_axis(scores, targets[None, :, None], axis=2)
    spread = np.sqrt((margins**2).mean((1, 2)))
    spread[spread == 0] = 1
    margins /= spread[:, None, None]
    solution = _minimize(margins)
    if (solution < 0).any():
        alone = [np.maximum(_minimize(margins[[part]]), 0) * unit for part, unit in enumerate(np.eye(2))]
        solution = min(alone, key=lambda scales: _loss(margins, scales))
    if not solution.any():
        return None
    deep_scale, wide_scale = (solution / spread).tolist()
    return deep_scale, wide_scale


def _minimize(margins: np.ndarray) -> np.ndarray:
    """The scales (P,) of the least loss for the margins (P, N, C) of P parts, of any sign: Newton's method, damped."""
    scales = np.zeros(len(margins))
    for _ in range(MAX_NEWTON_STEPS):
        total = np.tensordot(scales, margins, 1)
        probabilities = np.exp(total - total.max(1, keepdims=True))
        probabilities /= probabilities.sum(1, keepdims=True)
        means = (probabilities * margins).sum(2)  # (P, N)
        gradient = means.sum(1) + PENALTY * scales
        hessian = np.einsum("nc,pnc,qnc->pq", probabilities, margins, margins) - means @ means.T
        step = np.linalg.solve(hessian + PENALTY * np.eye(len(scales)), gradient)
        loss = _loss(margins, scales)
        while _loss(margins, scales - step) > loss and np.abs(step).max() > NEWTON_TOLERANCE:
            step /= 2
        scales = scales - step
        if np.abs(step).max() <= NEWTON_TOLERANCE:
            break
    return scales


def _loss(margins: np.ndarray, scales: np.ndarray) -> float:
    """The negative log-likelihood of dev, and the penalty."""
    total = np.tensordot(scales, margins, 1)
    highest = total.max(1)
    log_sums = highest + np.log(np.exp(total - highest[:, None]).sum(1))
    return float(log_sums.sum() + PENALTY / 2 * (scales**2).sum())
