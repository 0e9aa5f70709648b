"""One step of training: forward, loss, backward, the sum over processes, Adam."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textrnn.batches import Bucket
from textrnn.precision import forward, make_scaler
from textrnn.processes import ALONE, Group
from textrnn.tally import Tally
from textrnn.train import Train

MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what Adam keeps of a parameter


def make_optimizer(network: nn.Module, settings: Train) -> torch.optim.Adam:
    """Adam over all parameters, in one fused pass over each; on a GPU its rate is a tensor, as a CUDA graph needs."""
    device = next(network.parameters()).device
    on_gpu = device.type == "cuda"
    rate = torch.tensor(settings.learning_rate, device=device) if on_gpu else settings.learning_rate
    return torch.optim.Adam(
        network.parameters(), rate, weight_decay=settings.weight_decay, fused=True, capturable=on_gpu
    )


class Stepper:
    """Takes the step of one batch, in place; the batch's loss and accuracy are added to the tally.

    With a group each process takes its part of the batch, and the tally is of that part; gradients are of the mean
    over the whole batch, and the same everywhere.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        tally: Tally,
        settings: Train,
        group: Group = ALONE,
    ) -> None:
        self.network, self.optimizer, self.tally = network, optimizer, tally
        self.clip_norm, self.precision = settings.clip_norm, settings.precision
        self.group = group
        self.scaler = make_scaler(settings.precision, next(network.parameters()).device)

    def __call__(self, batch: Bucket, rate: float) -> None:
        self.set_rate(rate)
        if self.group.count == 1:
            self.forward_backward(batch.ids, batch.lengths, batch.targets)
        else:
            # of the whole batch: each process knows all its targets, so no count has to be exchanged
            share = self.tally.share(batch.targets)
            part = self.group.part(len(batch))
            self.forward_backward(batch.ids[part], batch.lengths[part], batch.targets[part], share)
            self.group.sum_gradients(self.network.parameters())
        self.update()

    def set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def forward_backward(self, ids: Tensor, lengths: Tensor, targets: Tensor, share: Tensor | None = None) -> None:
        """Gradients of the loss of ids (B, T), lengths (B,) and targets, anew; share: see Tally.loss. B may be 0."""
        self.optimizer.zero_grad(set_to_none=True)
        if len(ids):
            logits = forward(self.network, ids, lengths, self.precision)
            self.scaler.scale(self.tally.loss(logits, targets, share)).backward()

    def update(self) -> None:
        """Clip the gradients where asked to, and move the weights."""
        if self.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def tensors(self) -> dict[str, Tensor]:
        """All that the next step hangs on besides its batch and its seed, for `restore`."""
        found = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            kept = self.optimizer.state.get(parameter, {})
            found |= {f"adam.{name}.{moment}": kept[moment] for moment in MOMENTS if moment in kept}
        if self.scaler.is_enabled():
            state = self.scaler.state_dict()
            found["scaler"] = torch.tensor([state["scale"], state["_growth_tracker"]], dtype=torch.float64)
        return found

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `tensors` gave."""
        self.network.load_state_dict({name: tensors[f"network.{name}"] for name in self.network.state_dict()})
        for name, parameter in self.network.named_parameters():
            kept = {moment: tensors.get(f"adam.{name}.{moment}") for moment in MOMENTS}
            self.optimizer.state[parameter] = {
                moment: value.to(parameter.device, copy=True) for moment, value in kept.items() if value is not None
            }
        if self.scaler.is_enabled():
            scale, tracker = tensors["scaler"].tolist()
            self.scaler.load_state_dict({**self.scaler.state_dict(), "scale": scale, "_growth_tracker": int(tracker)})


def seed_step(device: torch.device, seed: int, step: int, rank: int) -> None:
    """Seed the generator that a step's dropout draws from: it hangs on these numbers alone, so none has to be kept."""
    mixed = mix(seed, step, rank)
    # not torch.manual_seed, which records the stack for a GPU that has not been used: 0.1 ms a step
    torch.default_generator.manual_seed(mixed)
    if device.type == "cuda":
        torch.cuda.manual_seed(mixed)


def mix(*numbers: int) -> int:
    """A number below 2^63 of several: SplitMix64 (Steele et al. 2014), once for each."""
    mixed = 0
    for number in numbers:
        mixed = ((mixed ^ number) + 0x9E3779B97F4A7C15) % 2**64
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        mixed ^= mixed >> 31
    return mixed >> 1
