"""The params of the stage `pad`: truncation, the side of the padding, and buckets."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.params import require
from textrnn.common.config.types import Side


@dataclass(frozen=True)
class Pad:
    """How a recipe's rows of different lengths become rectangular.

    pad_size: longer rows keep their first `pad_size` tokens; null truncates nothing.
    pad_side: the side that is padded; must be `right` with buckets.
    buckets: the largest number of widths, chosen on train to minimise padding; null pads every row to pad_size.
    """

    pad_size: int | None
    pad_side: Side
    buckets: int | None

    def check(self, where: str) -> None:
        """Refuse invalid values and combinations; `where` is the dotted name of the recipe."""
        for name in ("pad_size", "buckets"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"{where}.{name}", "must be at least 1", value)
        if self.buckets is None:
            require(self.pad_size is not None, f"{where}.buckets", "must be a number where pad_size is null", None)
        valid = self.buckets is None or self.pad_side == "right"
        require(valid, f"{where}.pad_side", "must be right where there are buckets", self.pad_side)
