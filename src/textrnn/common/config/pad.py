"""The params of `pad`: truncation, side of the padding and buckets."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.params import require
from textrnn.common.config.types import Side


@dataclass(frozen=True)
class Pad:
    """How a recipe's rows become rectangular.

    pad_size: the most tokens of a row, longer ones keeping their first; null where nothing is truncated.
    pad_side: where padding goes; buckets are padded on the right.
    buckets: at most so many widths, chosen on train so that padding is least; null for pad_size as the one width.
    """

    pad_size: int | None
    pad_side: Side
    buckets: int | None

    def check(self, where: str) -> None:
        """Refuse what the types let through; `where` is the dotted name of the recipe."""
        for name in ("pad_size", "buckets"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"{where}.{name}", "must be at least 1", value)
        if self.buckets is None:
            require(self.pad_size is not None, f"{where}.buckets", "must be a number where pad_size is null", None)
        right = self.buckets is None or self.pad_side == "right"
        require(right, f"{where}.pad_side", "must be right where there are buckets", self.pad_side)
