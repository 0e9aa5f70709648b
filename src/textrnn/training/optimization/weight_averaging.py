"""Average a network's weights over training; the mean is evaluated and saved in place of the latest weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Ema, Swa

PREFIX = "average."


class WeightAverage:
    """The mean of the trainable weights, exponential (`Ema`) or plain (`Swa`); without either it does nothing.

    The exponential mean is divided by the sum of its weights, as Adam does with its moments (Kingma and Ba 2015,
    arXiv:1412.6980, section 3), so that the zeros that it starts from do not count.
    """

    def __init__(self, network: nn.Module, kind: Ema | Swa | None) -> None:
        self._kind = kind
        self._names = [name for name, weight in network.named_parameters() if weight.requires_grad and kind]
        self._weights: list[Tensor] = [network.get_parameter(name) for name in self._names]
        self._means: list[Tensor] = [torch.zeros_like(weight, requires_grad=False) for weight in self._weights]
        self._count = 0

    @torch.no_grad()
    def update(self, step: int, steps_per_epoch: int) -> None:
        """Add the weights after `step` steps (counted from 1) to the mean: Ema at each step, Swa at ends of epochs."""
        if isinstance(self._kind, Ema):
            assert self._kind.decay is not None, "average.share has not been resolved"
            self._count += 1
            torch._foreach_lerp_(self._means, self._weights, ema_weight(self._kind.decay, self._count))
        elif (
            isinstance(self._kind, Swa)
            and step % steps_per_epoch == 0
            and step >= self._kind.from_epoch * steps_per_epoch
        ):
            self._count += 1
            torch._foreach_lerp_(self._means, self._weights, 1 / self._count)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the mean, if there is one yet, in place of the network's weights for as long as the block runs.

        Weights are copied in place, because a captured CUDA graph reads them from fixed memory.
        """
        if not self._count:
            yield
            return
        latest = [weight.detach().clone() for weight in self._weights]
        self._set_weights(self._means)
        try:
            yield
        finally:
            self._set_weights(latest)

    @torch.no_grad()
    def _set_weights(self, values: list[Tensor]) -> None:
        for weight, value in zip(self._weights, values, strict=True):
            weight.copy_(value)

    def state_dict(self) -> dict[str, Tensor]:
        """The mean and how many weights are in it, for `load_state_dict`."""
        if self._kind is None:
            return {}
        means = {PREFIX + name: mean for name, mean in zip(self._names, self._means, strict=True)}
        return {PREFIX + "count": torch.tensor(self._count), **means}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state_dict` returned; other entries of the dict are ignored."""
        if self._kind is None:
            return
        self._count = int(tensors[PREFIX + "count"])
        for name, mean in zip(self._names, self._means, strict=True):
            mean.copy_(tensors[PREFIX + name])


def ema_weight(decay: float, count: int) -> float:
    """The latest value's weight among `count` in a mean where each weighs `decay` times the next; 1 for the first."""
    return (1 - decay) / (1 - decay**count)
