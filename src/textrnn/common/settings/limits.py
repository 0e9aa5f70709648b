"""Caps applied after everything else, so that one params file serves a first run, CI and full scale."""

from __future__ import annotations

from dataclasses import replace

from textrnn.common.config.data import Limits
from textrnn.common.config.model import Model
from textrnn.common.config.train import Train


def cap(value: int, apply_limits: int | None) -> int:
    """The value, or the limit where that is smaller."""
    return value if apply_limits is None else min(value, apply_limits)


def apply_limits(model: Model, settings: Train, limits: Limits) -> tuple[Model, Train]:
    """Both with the caps of `limits`."""
    hidden = cap(model.hidden_size, limits.hidden_size)
    return replace(model, hidden_size=hidden), replace(settings, epochs=cap(settings.epochs, limits.epochs))
