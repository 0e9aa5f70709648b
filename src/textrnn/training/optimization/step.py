"""One step of training: forward, loss, backward, the sum over processes, Adam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Train
from textrnn.modeling.models.loss import RunningLoss
from textrnn.modeling.nn.crf import CRF
from textrnn.modeling.nn.embedding_lookup import SparseTable
from textrnn.modeling.nn.precision import forward_in_precision, make_scaler
from textrnn.training.batching.buckets import Bucket
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.optimization.row_adam import RowAdam, sum_rows

EMBEDDING = "embedding.weight"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what Adam keeps of a parameter


def make_optimizer(network: nn.Module, settings: Train) -> torch.optim.Adam:
    """Adam over the parameters but those of sparse tables, in one fused pass over each.

    On a GPU its rate is a tensor, as a CUDA graph needs. The embedding has a group of its own where its rate has a
    factor; with a factor of 0 it is no longer asked for a gradient, and stays what it is to the bit.
    """
    factor, device = settings.embedding_rate, next(network.parameters()).device
    if factor == 0:
        network.get_parameter(EMBEDDING).requires_grad_(False)
    tables = set(map(id, sparse_tables(network)))
    dense = {name: each for name, each in network.named_parameters() if each.requires_grad and id(each) not in tables}
    apart = [{"params": dense.pop(EMBEDDING), "lr": _rate(settings, device), "factor": factor}] if factor else []
    groups: list[dict[str, Any]] = [{"params": list(dense.values()), "lr": _rate(settings, device)}, *apart]
    return torch.optim.Adam(groups, weight_decay=settings.weight_decay, fused=True, capturable=device.type == "cuda")


def sparse_tables(network: nn.Module) -> list[nn.Parameter]:
    """The weights whose gradients are sparse."""
    return [module.weight for module in network.modules() if isinstance(module, SparseTable)]


def _rate(settings: Train, device: torch.device) -> float | Tensor:
    return torch.tensor(settings.learning_rate, device=device) if device.type == "cuda" else settings.learning_rate


def decayed_matrices(network: nn.Module) -> list[Tensor]:
    """What decoupled decay shrinks: the matrices of layers, and no embedding, bias, norm or transition of a CRF."""
    others = {id(module.weight) for module in network.modules() if isinstance(module, (nn.Embedding, SparseTable))}
    others |= {id(module.transitions) for module in network.modules() if isinstance(module, CRF)}
    return [each for each in network.parameters() if each.requires_grad and each.dim() > 1 and id(each) not in others]


def clip_gradients(parameters: Iterable[nn.Parameter], norm: float) -> None:
    """torch.nn.utils.clip_grad_norm_, to the bit, that also knows the sparse gradients of `sum_rows`."""
    found = [each.grad for each in parameters if each.grad is not None]
    gradients = [each._values() if each.is_sparse else each for each in found]
    if gradients:
        share = norm / (nn.utils.get_total_norm(gradients) + 1e-6)
        torch._foreach_mul_(gradients, share.clamp(max=1.0))


class TrainStep:
    """Takes the step of one batch, in place; the batch's loss and accuracy are added to the tally.

    With a group each process takes its part of the batch, and the tally is of that part; gradients are of the mean
    over the whole batch, and the same everywhere.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        tally: RunningLoss,
        settings: Train,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self.network, self.tally = network, tally
        self.clip_norm, self.precision = settings.clip_norm, settings.precision
        self.decay, self.matrices = settings.decoupled_decay, decayed_matrices(network)
        self.group = group
        device = next(network.parameters()).device
        self.scaler = make_scaler(settings.precision, device)
        self.tables = sparse_tables(network)
        self.optimizers = [optimizer]
        if self.tables:
            self.optimizers.append(RowAdam(self.tables, _rate(settings, device), settings.weight_decay))

    def __call__(self, batch: Bucket, rate: float) -> None:
        self.set_rate(rate)
        if self.group.count == 1:
            self.forward_backward(*batch.inputs)
        else:
            # of the whole batch: each process knows all its targets, so no count has to be exchanged
            share = self.tally.share(batch.targets)
            part = self.group.part(len(batch))
            self.forward_backward(*(column[part] for column in batch.inputs), share=share)
            self.group.sum_gradients(self._dense())
        self.update()

    def _dense(self) -> list[nn.Parameter]:
        tables = set(map(id, self.tables))
        return [each for each in self.network.parameters() if each.requires_grad and id(each) not in tables]

    def set_rate(self, rate: float) -> None:
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            own = rate * group.get("factor", 1.0)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(own)
            else:
                group["lr"] = own

    def forward_backward(
        self, ids: Tensor, lengths: Tensor, targets: Tensor, soft: Tensor | None = None, *, share: Tensor | None = None
    ) -> None:
        """Gradients of the loss of ids (B, T), lengths (B,) and targets, anew. B may be 0.

        soft and share: see Tally.loss.
        """
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        if len(ids):
            logits = forward_in_precision(self.network, ids, lengths, self.precision)
            self.scaler.scale(self.tally.loss(logits, targets, share, soft=soft)).backward()

    def update(self) -> None:
        """Clip the gradients where asked to, and move the weights."""
        sum_rows(self.tables, self.group)
        if self.clip_norm is not None:
            for optimizer in self.optimizers:
                self.scaler.unscale_(optimizer)
            clip_gradients(self.network.parameters(), self.clip_norm)
        if self.decay:
            self._shrink()
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
        self.scaler.update()

    @torch.no_grad()
    def _shrink(self) -> None:
        """Decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101): before the step, whatever it is."""
        rate = self.optimizers[0].param_groups[0]["lr"]
        torch._foreach_mul_(self.matrices, 1 - rate * self.decay)

    def tensors(self) -> dict[str, Tensor]:
        """All that the next step hangs on besides its batch and its seed, for `restore`."""
        found = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            kept = self._owner(parameter).state.get(parameter, {})
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
            found = {
                moment: value.to(parameter.device, copy=True) for moment, value in kept.items() if value is not None
            }
            if found:
                self._owner(parameter).state[parameter] = found
        if self.scaler.is_enabled():
            scale, tracker = tensors["scaler"].tolist()
            self.scaler.load_state_dict({**self.scaler.state_dict(), "scale": scale, "_growth_tracker": int(tracker)})

    def _owner(self, parameter: nn.Parameter) -> torch.optim.Optimizer:
        """What moves the parameter, or would if it were not frozen."""
        return self.optimizers[-1 if any(parameter is table for table in self.tables) else 0]


def seed_step(device: torch.device, seed: int, step: int, rank: int) -> None:
    """Seed the generator that a step's dropout draws from: it hangs on these numbers alone, so none has to be kept."""
    mixed = mix_seed(seed, step, rank)
    # not torch.manual_seed, which records the stack for a GPU that has not been used: 0.1 ms a step
    torch.default_generator.manual_seed(mixed)
    if device.type == "cuda":
        torch.cuda.manual_seed(mixed)


def mix_seed(*numbers: int) -> int:
    """A number below 2^63 of several: SplitMix64 (Steele et al. 2014), once for each."""
    mixed = 0
    for number in numbers:
        mixed = ((mixed ^ number) + 0x9E3779B97F4A7C15) % 2**64
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        mixed ^= mixed >> 31
    return mixed >> 1
