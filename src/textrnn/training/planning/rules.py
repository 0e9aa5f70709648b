"""Rules by which settings of `train` follow the corpus. A value that the params state is never changed."""

from __future__ import annotations

from dataclasses import replace

from textrnn.common.config.train import Ema, Train
from textrnn.common.config.types import Task

# by task: (rows, batch size) for corpora with fewer rows of train than that, and the batch size of all larger ones
BATCH_SIZES: dict[Task, tuple[tuple[tuple[int, int], ...], int]] = {
    "classify": (((2_000, 16), (50_000, 32), (100_000, 64)), 128),
    "tag": (((2_500, 16),), 32),
}
LONGEST_WINDOW = 1e12  # steps; of a larger one the decay would be 1 in floats


def auto_batch_size(rows: int, task: Task) -> int:
    """The batch size that `train.batch_size: auto` stands for, for so many rows of train."""
    smaller, largest = BATCH_SIZES[task]
    return next((batch_size for limit, batch_size in smaller if rows < limit), largest)


def resolve_batch_size(settings: Train, rows: int, task: Task) -> Train:
    """The settings with a number for `batch_size: auto`."""
    if settings.batch_size != "auto":
        return settings
    return replace(settings, batch_size=auto_batch_size(rows, task))


def resolve_average(settings: Train, steps: int) -> Train:
    """The settings with the decay that `average.share` stands for in a run of so many steps.

    An exponential moving average of decay d has a window of 1 / (1 - d) steps: that is the mean age of its weights,
    the latest counted as 1. The window is `share` times the steps of the run, but at least one step.
    """
    average = settings.average
    if not isinstance(average, Ema) or average.share is None:
        return settings
    window = min(max(1.0, average.share * steps), LONGEST_WINDOW)
    return replace(settings, average=Ema("ema", decay=1 - 1 / window))
