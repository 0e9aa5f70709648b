"""One step of training: forward, loss, backward, Adam."""

from __future__ import annotations

import torch
from torch import nn

from textrnn.batches import Bucket
from textrnn.tally import Tally
from textrnn.train import Train


def make_optimizer(network: nn.Module, settings: Train) -> torch.optim.Adam:
    """Adam over all parameters, in one fused pass over each."""
    return torch.optim.Adam(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )


class Stepper:
    """Takes the step of one batch, in place; the batch's loss and accuracy are added to the tally."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer, tally: Tally, settings: Train) -> None:
        self.network, self.optimizer, self.tally = network, optimizer, tally
        self.clip_norm = settings.clip_norm

    def __call__(self, batch: Bucket, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        self.tally.loss(self.network(batch.ids, batch.lengths), batch.targets).backward()
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        self.optimizer.step()
