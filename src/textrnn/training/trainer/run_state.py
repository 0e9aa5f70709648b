"""The state of a training run between two steps, what is to be done there, and the checkpoint.

The bytes of a checkpoint are a safetensors file. Tensors are named `state.*` (what the next step depends on) and
`best.*` (the best weights); everything else is JSON in the file's metadata.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import safetensors.torch
import torch
from torch import Tensor

from textrnn.common.integrity.checksums import one_line
from textrnn.common.integrity.tensor_files import DAMAGE
from textrnn.errors import UserError
from textrnn.modeling.models.running_metrics import Score
from textrnn.training.distributed.process_group import ProcessGroup

MAX_LOSS_FACTOR = 100.0  # times ln(classes), the loss of a uniform prediction; above this the loss explodes
RUNNING_SUMS = "running_metrics"  # their name in a checkpoint
# the last two in a learning-rate range test and in a refit alone
StopReason = Literal["patience", "time_limit", "range_test", "step_limit"]


@dataclass(frozen=True)
class EvaluationPoint:
    """One point of the learning curve, after `step` batches: train since the previous point, and dev."""

    step: int
    epoch: float
    train: Score
    dev: Score


@dataclass(frozen=True)
class TrainingOutcome:
    """The result of a run, whose network holds the weights of `best_step`.

    dev_macro_f1, dev_entity_f1: None if they were not counted. stopped_by: why the run stopped early; None if it took
    the steps of all epochs.
    """

    steps: int
    epochs: float
    best_step: int
    dev_loss: float
    dev_accuracy: float
    stopped_by: StopReason | None
    dev_macro_f1: float | None = None
    dev_entity_f1: float | None = None

    def record(self) -> dict[str, Any]:
        """The values by name, floats rounded, without the F1 scores that were not counted."""
        values = {name: value for name, value in asdict(self).items() if value is not None or name == "stopped_by"}
        return {name: round(value, 6) if isinstance(value, float) else value for name, value in values.items()}


@dataclass
class RunState:
    """The progress of a run: steps taken and their rows, seconds trained, points of the curve, best weights.

    best: the point that `train.monitor` chose; `best_weights` are its weights. stopped_by: why the run stopped before
    its last epoch was over, or None. resumed: the steps at which it was resumed. batch_rows: the lines of the file of
    batch losses, if there is one.
    """

    step: int = 0
    rows: int = 0
    seconds: float = 0.0
    points: list[EvaluationPoint] = field(default_factory=list)
    best: EvaluationPoint | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    stopped_by: StopReason | None = None
    resumed: list[int] = field(default_factory=list)
    batch_rows: list[str] = field(default_factory=list)

    def copy(self) -> RunState:
        """An independent copy. It shares the best weights, which no run changes in place."""
        return replace(self, points=[*self.points], resumed=[*self.resumed], batch_rows=[*self.batch_rows])

    def outcome(self, steps_per_epoch: int) -> TrainingOutcome:
        """The outcome of a run that ends here, after one evaluation or more."""
        assert self.best is not None
        return TrainingOutcome(
            steps=self.step,
            epochs=self.step / steps_per_epoch,
            best_step=self.best.step,
            dev_loss=self.best.dev.loss,
            dev_accuracy=self.best.dev.accuracy,
            stopped_by=self.stopped_by,
            dev_macro_f1=self.best.dev.macro_f1,
            dev_entity_f1=self.best.dev.entity_f1,
        )


@dataclass
class Actions:
    """What is to be done after a step: what one process asks for, or what all of them do.

    save: a checkpoint. evaluate: an evaluation. out_of_time: an evaluation, and the end of the run by its time limit.
    interrupt: a checkpoint, and the end of the run without a result.
    """

    save: bool = False
    evaluate: bool = False
    out_of_time: bool = False
    interrupt: bool = False

    def of_any(self, group: ProcessGroup) -> Actions:
        """The actions that are asked for in any process of the group."""
        return Actions(*group.any_process(self.save, self.evaluate, self.out_of_time, self.interrupt))


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run, and the tensors that its next step depends on; none for a run that takes no more steps.

    Among them are the sums of the running metrics of the P processes that saved it, (P, 4).
    """

    state: RunState
    tensors: dict[str, Tensor]

    def running_sums(self, group: ProcessGroup) -> Tensor:
        """The sums (4,) with which a process of the group continues; if it has another P, process 0 has all of them."""
        sums = self.tensors[RUNNING_SUMS]
        if len(sums) != group.world_size:
            sums = torch.cat((sums.sum(0)[None], sums.new_zeros(group.world_size - 1, 4)))
        return sums[group.rank]

    def encode(self) -> bytes:
        """The checkpoint as the bytes of a safetensors file."""
        state = self.state
        facts = {name: value for name, value in vars(state).items() if name not in ("points", "best", "best_weights")}
        facts["points"] = [asdict(point) for point in state.points]
        facts["best"] = None if state.best is None else state.best.step
        named = {f"state.{name}": value for name, value in self.tensors.items()}
        named |= {f"best.{name}": value for name, value in state.best_weights.items()}
        on_cpu = {name: value.detach().cpu().contiguous() for name, value in named.items()}
        data: bytes = safetensors.torch.save(on_cpu, {"facts": json.dumps(facts, allow_nan=False)})
        return data

    @classmethod
    def decode(cls, data: bytes) -> Checkpoint:
        """The checkpoint that `encode` made these bytes of; its tensors are on the CPU.

        Raises UserError for other bytes. They had the checksum of their marker, so no retry would read others.
        """
        try:
            return cls._decode(data)
        except (*DAMAGE, ValueError, RecursionError, AttributeError) as error:
            do = "remove the working folder of the run, next to the model directory"
            raise UserError("the checkpoint", "is damaged", got=one_line(error), do=do) from error

    @classmethod
    def _decode(cls, data: bytes) -> Checkpoint:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        facts: dict[str, Any] = json.loads(header["__metadata__"]["facts"])
        points = [
            EvaluationPoint(
                step=point["step"], epoch=point["epoch"], train=Score(**point["train"]), dev=Score(**point["dev"])
            )
            for point in facts.pop("points")
        ]
        best = next((point for point in points if point.step == facts["best"]), None)
        groups: dict[str, dict[str, Tensor]] = {"state": {}, "best": {}}
        for name, value in safetensors.torch.load(data).items():
            group, _, rest = name.partition(".")
            groups[group][rest] = value
        facts |= {"points": points, "best": best, "best_weights": groups["best"]}
        return cls(RunState(**facts), groups["state"])


class DivergedError(UserError):
    """The loss is not finite, or explodes. The cause is the run itself, so resuming it would fail in the same way."""


def check_finite(score: Score, step: int, learning_rate: float) -> None:
    """Raise DivergedError, naming the step's learning rate, if the loss is not finite."""
    if not math.isfinite(score.loss):
        got = f"{score.loss} at learning rate {learning_rate}"
        do = "try a smaller train.learning_rate, or train.clip_norm"
        raise DivergedError(f"training, batch {step}", "the loss is no longer finite", got=got, do=do)


def check_explosion(score: Score, classes: int, step: int) -> None:
    """Raise DivergedError if the loss is MAX_LOSS_FACTOR times that of a uniform prediction of the classes."""
    if score.loss > MAX_LOSS_FACTOR * math.log(max(classes, 2)):
        got = f"a mean of {score.loss:.4g}"
        do = "try a smaller train.learning_rate, train.clip_norm, or model.readout last_valid instead of last_step"
        raise DivergedError(f"training, batch {step}", "the loss explodes", got=got, do=do)
