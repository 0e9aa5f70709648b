"""Caps applied after everything else, so that one params file serves a first run, CI and full scale."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.params import require


@dataclass(frozen=True)
class Limits:
    """The largest rows of a split, epochs and hidden size; null lifts one."""

    rows: int | None
    epochs: int | None
    hidden_size: int | None

    def check(self) -> None:
        for name, value in self.__dict__.items():
            require(value is None or value >= 1, f"limits.{name}", "must be at least 1, or null", value)


def cap(value: int, limit: int | None) -> int:
    """The value, or the limit where that is smaller."""
    return value if limit is None else min(value, limit)
