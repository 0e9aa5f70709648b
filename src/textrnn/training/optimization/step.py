"""One training step: forward, loss, backward, the sum of gradients over processes, and Adam's update."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Train
from textrnn.modeling.devices.precision import forward_in_precision, make_scaler
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.nn.crf import CRF
from textrnn.modeling.nn.embedding_lookup import SparseTable
from textrnn.training.batching.batch import Batch
from textrnn.training.batching.batches import Selected
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.optimization.perturbation import perturbed
from textrnn.training.optimization.row_adam import RowAdam, sum_rows

EMBEDDING = "embedding.weight"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # Adam's state of a parameter


def make_optimizer(network: nn.Module, settings: Train) -> torch.optim.Adam:
    """Fused Adam over all parameters except the sparse tables.

    On a GPU the learning rate is a tensor, as a CUDA graph needs. The embedding is a parameter group of its own if
    `embedding_rate` is set, the factor of its learning rate; with a factor of 0 it gets no gradient and stays bitwise
    the same.
    """
    factor, device = settings.embedding_rate, next(network.parameters()).device
    if factor == 0:
        network.get_parameter(EMBEDDING).requires_grad_(False)
    sparse = set(map(id, sparse_tables(network)))
    dense = {
        name: weight for name, weight in network.named_parameters() if weight.requires_grad and id(weight) not in sparse
    }
    embedding_groups = []
    if factor:
        lr = _initial_learning_rate(settings, device)
        embedding_groups = [{"params": dense.pop(EMBEDDING), "lr": lr, "factor": factor}]
    groups: list[dict[str, Any]] = [
        {"params": list(dense.values()), "lr": _initial_learning_rate(settings, device)},
        *embedding_groups,
    ]
    return torch.optim.Adam(groups, weight_decay=settings.weight_decay, fused=True, capturable=device.type == "cuda")


def sparse_tables(network: nn.Module) -> list[nn.Parameter]:
    """The weights that are trained and whose gradients are sparse."""
    tables = [module.weight for module in network.modules() if isinstance(module, SparseTable)]
    return [weight for weight in tables if weight.requires_grad]


def _initial_learning_rate(settings: Train, device: torch.device) -> float | Tensor:
    return torch.tensor(settings.learning_rate, device=device) if device.type == "cuda" else settings.learning_rate


def decayed_matrices(network: nn.Module) -> list[Tensor]:
    """The weights that decoupled decay shrinks: matrices of layers, but no embedding, bias, norm or CRF transition."""
    excluded = {id(module.weight) for module in network.modules() if isinstance(module, (nn.Embedding, SparseTable))}
    excluded |= {id(module.transitions) for module in network.modules() if isinstance(module, CRF)}
    return [
        weight
        for weight in network.parameters()
        if weight.requires_grad and weight.dim() > 1 and id(weight) not in excluded
    ]


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> None:
    """torch.nn.utils.clip_grad_norm_, bitwise the same, that also accepts the sparse gradients of `sum_rows`."""
    gradients = [weight.grad for weight in parameters if weight.grad is not None]
    values = [gradient._values() if gradient.is_sparse else gradient for gradient in gradients]
    if values:
        scale = max_norm / (nn.utils.get_total_norm(values) + 1e-6)
        torch._foreach_mul_(values, scale.clamp(max=1.0))


class TrainStep:
    """Takes the training step of one batch, in place, and adds its loss and accuracy to the running metrics.

    In a group each process takes its part of the batch, and its running metrics cover that part alone. The gradients
    are those of the mean loss over the whole batch, and the same in every process.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        running_metrics: RunningMetrics,
        settings: Train,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self.network, self.running_metrics = network, running_metrics
        self.clip_norm, self.precision = settings.clip_norm, settings.precision
        self.decoupled_decay, self.decayed = settings.decoupled_decay, decayed_matrices(network)
        self.group, self.adversarial = group, settings.adversarial
        device = next(network.parameters()).device
        self.scaler = make_scaler(settings.precision, device)
        self.tables = sparse_tables(network)
        self.optimizers = [optimizer]
        if self.tables:
            learning_rate = _initial_learning_rate(settings, device)
            self.optimizers.append(RowAdam(self.tables, learning_rate, settings.weight_decay))

    def __call__(self, batch: Selected, learning_rate: float) -> None:
        """Take the step of this batch at this learning rate."""
        self.set_learning_rate(learning_rate)
        batch = batch.gather()
        if self.group.world_size == 1:
            self.forward_backward(batch)
        else:
            # of the whole batch: each process holds all its targets, so no count has to be exchanged
            divisor = self.running_metrics.total_weight(batch.targets)
            self.forward_backward(batch, divisor)
            self.group.sum_gradients(self._dense_parameters())
        self.update()

    def close(self) -> None:
        """Release what was kept for further steps."""

    def forget_unfinished_step(self) -> None:
        """Drop the gradients and the loss scaler's unfinished step; weights, moments and the scale stay."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
            for name in ("grad_scale", "found_inf"):  # the scaler hands them over for the time of an update
                optimizer.__dict__.pop(name, None)
        state = self.scaler.state_dict()
        self.scaler = make_scaler(self.precision, next(self.network.parameters()).device)
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state)

    def _dense_parameters(self) -> list[nn.Parameter]:
        sparse = set(map(id, self.tables))
        return [weight for weight in self.network.parameters() if weight.requires_grad and id(weight) not in sparse]

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the learning rate of all parameter groups; a group with a factor gets its multiple."""
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            scaled = learning_rate * group.get("factor", 1.0)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(scaled)
            else:
                group["lr"] = scaled

    def forward_backward(self, batch: Batch, divisor: Tensor | None = None) -> None:
        """Replace the gradients by those of the loss of this process's part of the batch, which may have no rows.

        divisor: see RunningMetrics.update. With `adversarial` of weight w the loss is (loss + w * adversarial loss) /
        (1 + w), so that `clip_norm` and `weight_decay` mean what they mean without it. Both losses are of the same
        dropout masks: the second pass starts from the generators' state before the first.
        """
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        part = batch if self.group.world_size == 1 else batch.part(self.group.local_slice(len(batch)))
        if self.adversarial is None:
            self._add_gradients(part, divisor)
            return
        epsilon, weight = self.adversarial.epsilon, self.adversarial.weight
        embedding = self.network.get_parameter(EMBEDDING)
        with torch.random.fork_rng([embedding.device] if embedding.device.type == "cuda" else []):
            self._add_gradients(part, divisor, 1 / (1 + weight))
        with perturbed(embedding, batch.ids, epsilon, self.group):
            self._add_gradients(part, divisor, weight / (1 + weight), counted=False)

    def _add_gradients(
        self, batch: Batch, divisor: Tensor | None, factor: float = 1.0, *, counted: bool = True
    ) -> None:
        """Add the gradients of `factor` times the loss. counted: see RunningMetrics.update."""
        if not len(batch):
            return
        logits = forward_in_precision(self.network, batch.ids, batch.lengths, self.precision)
        soft_targets = batch.soft_targets
        loss = self.running_metrics.update(logits, batch.targets, divisor, soft_targets=soft_targets, counted=counted)
        self.scaler.scale(loss if factor == 1 else factor * loss).backward()

    def update(self) -> None:
        """Clip the gradients if `clip_norm` is set, and update the weights."""
        sum_rows(self.tables, self.group)
        if self.clip_norm is not None:
            for optimizer in self.optimizers:
                self.scaler.unscale_(optimizer)
            clip_gradients(self.network.parameters(), self.clip_norm)
        if self.decoupled_decay:
            self._apply_decoupled_decay()
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
        self.scaler.update()

    @torch.no_grad()
    def _apply_decoupled_decay(self) -> None:
        """Decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), applied before Adam's update."""
        learning_rate = self.optimizers[0].param_groups[0]["lr"]
        torch._foreach_mul_(self.decayed, 1 - learning_rate * self.decoupled_decay)

    def state_dict(self) -> dict[str, Tensor]:
        """Everything that the next step depends on besides its batch and its seed, for `load_state_dict`."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            state = self._optimizer_of(parameter).state.get(parameter, {})
            tensors |= {f"adam.{name}.{moment}": state[moment] for moment in MOMENTS if moment in state}
        if self.scaler.is_enabled():
            scaler = self.scaler.state_dict()
            tensors["scaler"] = torch.tensor([scaler["scale"], scaler["_growth_tracker"]], dtype=torch.float64)
        return tensors

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state_dict` returned; other entries of the dict are ignored."""
        self.network.load_state_dict({name: tensors[f"network.{name}"] for name in self.network.state_dict()})
        for name, parameter in self.network.named_parameters():
            saved = {moment: tensors.get(f"adam.{name}.{moment}") for moment in MOMENTS}
            state = {
                moment: value.to(parameter.device, copy=True) for moment, value in saved.items() if value is not None
            }
            if state:
                self._optimizer_of(parameter).state[parameter] = state
        if self.scaler.is_enabled():
            scale, tracker = tensors["scaler"].tolist()
            self.scaler.load_state_dict({**self.scaler.state_dict(), "scale": scale, "_growth_tracker": int(tracker)})

    def _optimizer_of(self, parameter: nn.Parameter) -> torch.optim.Optimizer:
        """The optimizer that updates the parameter, or that would if it were not frozen."""
        return self.optimizers[-1 if any(parameter is table for table in self.tables) else 0]


def seed_step(device: torch.device, seed: int, step: int, rank: int) -> None:
    """Seed the generator of a step's dropout. The seed depends on these numbers alone, so no state has to be saved."""
    mixed = mix_seed(seed, step, rank)
    # not torch.manual_seed, which records the stack for a GPU that has not been used: 0.1 ms per step
    torch.default_generator.manual_seed(mixed)
    if device.type == "cuda":
        torch.cuda.manual_seed(mixed)


def mix_seed(*numbers: int) -> int:
    """One number below 2^63 from several: SplitMix64 (Steele et al. 2014), applied once for each."""
    mixed = 0
    for number in numbers:
        mixed = ((mixed ^ number) + 0x9E3779B97F4A7C15) % 2**64
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        mixed ^= mixed >> 31
    return mixed >> 1
