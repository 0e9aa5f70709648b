"""Applies the section `limits` last, so that one params file serves a first run, CI and a full-scale run."""

from __future__ import annotations

from dataclasses import replace

from textrnn.common.config.data import Limits
from textrnn.common.config.model import Model
from textrnn.common.config.train import Train


def cap(value: int, limit: int | None) -> int:
    """The smaller of the value and the limit; None is no limit."""
    return value if limit is None else min(value, limit)


def apply_limits(model: Model, settings: Train, limits: Limits) -> tuple[Model, Train]:
    """The model and the training settings with hidden size and epochs capped by `limits`."""
    hidden_size = cap(model.hidden_size, limits.hidden_size)
    return replace(model, hidden_size=hidden_size), replace(settings, epochs=cap(settings.epochs, limits.epochs))
