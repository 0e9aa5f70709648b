"""The learning rate at each step."""

from __future__ import annotations

import math

from textrnn.common.config.train import CosineSchedule, StepSchedule, Train


def learning_rate(settings: Train, step: int, steps_per_epoch: int) -> float:
    """The rate of batch `step` (from 0) of a run of `settings.epochs`."""
    schedule = settings.schedule
    if isinstance(schedule, StepSchedule):
        return settings.learning_rate * schedule.factor ** (step // steps_per_epoch // schedule.every)
    if isinstance(schedule, CosineSchedule):
        steps = settings.epochs * steps_per_epoch
        rising = round(schedule.warmup * steps)
        if step < rising:
            return settings.learning_rate * (step + 1) / rising
        share = (step - rising) / (steps - rising)
        return settings.learning_rate * (schedule.floor + (1 - schedule.floor) * (1 + math.cos(math.pi * share)) / 2)
    return settings.learning_rate
