"""The mean of a network's weights over training: what is evaluated, and kept, in place of the latest weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Ema, Swa

PREFIX = "average."


class WeightAverage:
    """The mean of the weights that learn, as `Ema` or `Swa` has it; without either it does nothing.

    Ema's mean is divided by the sum of its weights, as Adam does with its moments (Kingma and Ba 2015,
    arXiv:1412.6980, section 3), so that the weights before the first step have no share in it.
    """

    def __init__(self, network: nn.Module, kind: Ema | Swa | None) -> None:
        self._kind = kind
        self._names = [name for name, weight in network.named_parameters() if weight.requires_grad and kind]
        self._weights: list[Tensor] = [network.get_parameter(name) for name in self._names]
        self._means: list[Tensor] = [torch.zeros_like(weight, requires_grad=False) for weight in self._weights]
        self._count = 0

    @torch.no_grad()
    def update(self, step: int, per_epoch: int) -> None:
        """After `step` steps, counted from 1: take the weights into the mean where it is time to."""
        if isinstance(self._kind, Ema):
            self._count += 1
            torch._foreach_lerp_(self._means, self._weights, ema_weight(self._kind.decay, self._count))
        elif isinstance(self._kind, Swa) and step % per_epoch == 0 and step >= self._kind.from_epoch * per_epoch:
            self._count += 1
            torch._foreach_lerp_(self._means, self._weights, 1 / self._count)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network with the mean as its weights, as soon as there is one; in place, as a captured step wants it."""
        if not self._count:
            yield
            return
        latest = [weight.detach().clone() for weight in self._weights]
        self._fill(self._means)
        try:
            yield
        finally:
            self._fill(latest)

    @torch.no_grad()
    def _fill(self, values: list[Tensor]) -> None:
        for weight, value in zip(self._weights, values, strict=True):
            weight.copy_(value)

    def tensors(self) -> dict[str, Tensor]:
        """All that the mean hangs on, for `restore`."""
        if self._kind is None:
            return {}
        means = {PREFIX + name: mean for name, mean in zip(self._names, self._means, strict=True)}
        return {PREFIX + "count": torch.tensor(self._count), **means}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `tensors` gave."""
        if self._kind is None:
            return
        self._count = int(tensors[PREFIX + "count"])
        for name, mean in zip(self._names, self._means, strict=True):
            mean.copy_(tensors[PREFIX + name])


def ema_weight(decay: float, count: int) -> float:
    """What the latest of `count` weights weigh in the mean, each weighing `decay` times the next; 1 for the first."""
    return (1 - decay) / (1 - decay**count)
