"""Apply the section `limits` last, so that one params file serves a first run, CI and a full-scale run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textrnn.common.config.data import Limits
from textrnn.common.config.model import Model
from textrnn.common.config.train import Train
from textrnn.common.storage.padded_rows import PaddedRows


@dataclass(frozen=True)
class Cap:
    """A value that `limits` lowered: what it is, the value that was asked for, and the value that is used."""

    name: str
    asked: int
    used: int


def cap(value: int, limit: int | None) -> int:
    """The smaller of the value and the limit; None is no limit."""
    return value if limit is None else min(value, limit)


def apply_limits(model: Model, settings: Train, limits: Limits) -> tuple[Model, Train]:
    """The model and the training settings with hidden size and epochs capped by `limits`."""
    hidden_size = cap(model.hidden_size, limits.hidden_size)
    return replace(model, hidden_size=hidden_size), replace(settings, epochs=cap(settings.epochs, limits.epochs))


def epochs_for_min_steps(settings: Train, steps_per_epoch: int, limit: int | None) -> int:
    """The epochs of a run: `epochs`, or as many as `min_steps` takes, if these are more and no more than the limit."""
    needed = 0 if settings.min_steps is None else math.ceil(settings.min_steps / steps_per_epoch)
    return max(settings.epochs, cap(needed, limit))


def find_caps(model: Model, settings: Train, limits: Limits, padded: PaddedRows) -> list[Cap]:
    """What `limits` lowers in these settings, and what it took of the rows before they were padded."""
    capped_model, capped_settings = apply_limits(model, settings, limits)
    values = [
        Cap("train.epochs", settings.epochs, capped_settings.epochs),
        Cap("model.hidden_size", model.hidden_size, capped_model.hidden_size),
    ]
    for split, asked in padded.rows_before_limit.items():
        values.append(Cap(f"rows of {split}", asked, padded.rows(split)))
    return [value for value in values if value.used < value.asked]


def describe_caps(recipe: str, caps: Sequence[Cap]) -> str:
    """One line that names what was lowered."""
    parts = [f"{each.name} {each.asked:,} to {each.used:,}" for each in caps]
    return f"{recipe}: limits cap {', '.join(parts)}"
