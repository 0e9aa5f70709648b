"""What a training run needs to continue exactly where it was."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import safetensors.torch
from torch import Tensor

from textrnn.errors import UserError
from textrnn.modeling.models.loss import Score

StopReason = Literal["patience", "time_limit"]


@dataclass(frozen=True)
class EvaluationPoint:
    """One point of the curves: after `step` batches, train over the batches since the last point, and dev."""

    step: int
    epoch: float
    train: Score
    dev: Score


@dataclass
class RunState:
    """How far a run is: steps taken and their rows, seconds trained, the points of its curves, its best weights.

    best: the point that `train.monitor` chose, whose weights `best_weights` are. resumed: the steps it went on from.
    """

    step: int = 0
    rows: int = 0
    seconds: float = 0.0
    points: list[EvaluationPoint] = field(default_factory=list)
    best: EvaluationPoint | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    stopped_by: StopReason | None = None
    resumed: list[int] = field(default_factory=list)


def encode_run_state(state: RunState, tensors: dict[str, Tensor]) -> bytes:
    """The state, and the tensors that go with it, as bytes."""
    facts = {name: value for name, value in vars(state).items() if name not in ("points", "best", "best_weights")}
    facts["points"] = [asdict(point) for point in state.points]
    facts["best"] = None if state.best is None else state.best.step
    kept = {f"state.{name}": value for name, value in tensors.items()}
    kept |= {f"best.{name}": value for name, value in state.best_weights.items()}
    plain = {name: value.detach().cpu().contiguous() for name, value in kept.items()}
    made: bytes = safetensors.torch.save(plain, {"facts": json.dumps(facts, allow_nan=False)})
    return made


def decode_run_state(data: bytes) -> tuple[RunState, dict[str, Tensor]]:
    """What `encode` was given, on the CPU."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    facts: dict[str, Any] = json.loads(header["__metadata__"]["facts"])
    points = [
        EvaluationPoint(point["step"], point["epoch"], Score(**point["train"]), Score(**point["dev"]))
        for point in facts.pop("points")
    ]
    best = next((point for point in points if point.step == facts["best"]), None)
    kept = safetensors.torch.load(data)
    parts: dict[str, dict[str, Tensor]] = {"state": {}, "best": {}}
    for name, value in kept.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = value
    facts |= {"points": points, "best": best, "best_weights": parts["best"]}
    return RunState(**facts), parts["state"]


class DivergedError(UserError):
    """The loss is no number, or explodes: a fault of the run itself, which going on would only repeat."""
