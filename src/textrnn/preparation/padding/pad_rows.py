"""Pads rows of different lengths to one width, and chooses the width of each row among several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textrnn.common.config.types import Side


def choose_widths(lengths: np.ndarray, widths: Sequence[int]) -> np.ndarray:
    """The index (N,) of the width for each of the lengths (N,): the smallest that holds the row, else the last.

    widths: in ascending order.
    """
    return np.searchsorted(widths, np.minimum(lengths, widths[-1]))


def pad_rows_to(
    values: np.ndarray, offsets: np.ndarray, width: int, side: Side, fill: int, dtype: type[np.generic]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows as a rectangle (N, width) of their first `width` values and `fill`, and the number of values kept (N,).

    values: those of all rows, concatenated. offsets (N + 1,): where each row starts in `values`, and where the last
    one ends. side: where the padding goes.
    """
    sizes = offsets[1:] - offsets[:-1]
    values = values[offsets[0] : offsets[-1]]
    lengths = np.minimum(sizes, width)
    if sizes.max(initial=0) > width:
        values = values[np.arange(len(values)) - np.repeat(offsets[:-1] - offsets[0], sizes) < width]
    positions, column_lengths = np.arange(width), lengths[:, None]
    padded = np.full((len(lengths), width), fill, dtype=dtype)
    padded[positions >= width - column_lengths if side == "left" else positions < column_lengths] = values
    return padded, lengths
