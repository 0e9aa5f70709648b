"""Late fusion: add the wide part to a trained network, with the two scales that maximize the likelihood of dev.

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
from textrnn.modeling.devices.precision import forward_in_precision
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.models.wide import WidePart
from textrnn.preparation.artifacts.linear_model import LinearModel
from textrnn.preparation.artifacts.score_scales import equal_scales, fit_scales
from textrnn.training.batching.batches import batches, evaluation_size
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup


@dataclass(frozen=True)
class Fusion:
    """How a wide part was added: accuracy on dev of the network alone, of the wide part and of both; the two scales.

    fitted: whether the scales were fitted on dev; else both parts count equally, or as the recipe states.
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
    stated = (1.0, options.scale) if isinstance(options, WideOptions) else None
    fitted = None if stated else fit_scales(deep_scores, wide_scores, targets)
    scales = stated or fitted or equal_scales(deep_scores, wide_scores)
    deep_scale, wide_scale = group.all_gather(torch.tensor(scales, dtype=torch.float32))[0].tolist()
    wide.scales.copy_(torch.tensor([deep_scale, wide_scale]))
    network.wide = wide
    both_scores = wide.scales[0].item() * deep_scores + wide.scales[1].item() * wide_scores
    deep, wide_alone, both = (
        float((scores.argmax(1) == targets).mean()) for scores in (deep_scores, wide_scores, both_scores)
    )
    return Fusion(deep, wide_alone, both, deep_scale, wide_scale, fitted is not None)


@torch.no_grad()
def _score_dev(
    network: TextRNN, wide: WidePart, dev: Sequence[AnyBucket], settings: Train
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The logits of the network, the scores of the wide part, both (N, C) float32, and the classes (N,) of dev."""
    network.eval()
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for batch in batches(dev, evaluation_size(next(network.parameters()).device)):
        logits = forward_in_precision(network, batch.ids, batch.lengths, settings.precision)
        parts.append((logits, wide(batch.ids, batch.lengths), batch.targets))
    network.train()
    deep_scores, wide_scores, targets = (torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True))
    return deep_scores, wide_scores, targets
