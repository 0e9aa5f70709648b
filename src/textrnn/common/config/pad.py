"""The section `pad`: truncation, the side of the padding, and buckets."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.common.config.bounds import MAX_PADDED
from textrnn.common.config.types import Side
from textrnn.errors import ErrorCollector


@dataclass(frozen=True)
class Pad:
    """How a recipe's rows of different lengths become rectangular.

    max_length: longer rows keep their first `max_length` tokens; null truncates nothing.
    side: the side that is padded; must be `right` with buckets.
    buckets: the largest number of widths, chosen on train to minimise padding; null pads every row to max_length.
    """

    max_length: int | None
    side: Side
    buckets: int | None

    def check(self, where: str) -> None:
        """Refuse invalid values and combinations; `where` is the dotted name of the section."""
        with ErrorCollector() as errors:
            for name, value in (("max_length", self.max_length), ("buckets", self.buckets)):
                errors.require(value is None or value >= 1, f"{where}.{name}", "must be at least 1", value)
            has_width = self.buckets is not None or self.max_length is not None
            errors.require(has_width, f"{where}.buckets", "must be a number if max_length is null", None)
            padded = self.max_length is None or self.max_length <= MAX_PADDED or self.buckets is not None
            wrong = f"must be at most {MAX_PADDED:,} if buckets is null: every row is padded to it"
            errors.require(padded, f"{where}.max_length", wrong, self.max_length)
            valid = self.buckets is None or self.side == "right"
            errors.require(
                valid, f"{where}.side", "must be right if there are buckets (or set buckets: null)", self.side
            )
