"""Rows of different lengths as rectangles: which width a row goes to, and its values with padding beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textrnn.common.config.types import Side


def choose_widths(lengths: np.ndarray, widths: Sequence[int]) -> np.ndarray:
    """Of rows of these lengths (N,), which of the rising widths each goes to: the least that holds it, or the last."""
    return np.searchsorted(widths, np.minimum(lengths, widths[-1]))


def pad_rows_to(
    values: np.ndarray, offsets: np.ndarray, width: int, side: Side, fill: int, kind: type[np.generic]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows as a rectangle (N, width): their first `width` values and `fill`; and how many are kept of each (N,).

    values: of all rows, one after the other; offsets (N + 1,): where each row begins in them, and the last one's end.
    """
    sizes = offsets[1:] - offsets[:-1]
    values = values[offsets[0] : offsets[-1]]
    lengths = np.minimum(sizes, width)
    if sizes.max(initial=0) > width:
        values = values[np.arange(len(values)) - np.repeat(offsets[:-1] - offsets[0], sizes) < width]
    step, ends = np.arange(width), lengths[:, None]
    out = np.full((len(lengths), width), fill, dtype=kind)
    out[step >= width - ends if side == "left" else step < ends] = values
    return out, lengths
