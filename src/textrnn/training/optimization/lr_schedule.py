"""The learning rate at each step."""

from __future__ import annotations

import math

from textrnn.common.config.train import CosineSchedule, StepSchedule, Train


def learning_rate(settings: Train, step: int, steps_per_epoch: int) -> float:
    """The learning rate of batch `step` (from 0) in a run of `settings.epochs` epochs."""
    schedule = settings.schedule
    if isinstance(schedule, StepSchedule):
        return settings.learning_rate * schedule.factor ** (step // steps_per_epoch // schedule.every)
    if isinstance(schedule, CosineSchedule):
        total_steps = settings.epochs * steps_per_epoch
        warmup_steps = round(schedule.warmup * total_steps)
        if step < warmup_steps:
            return settings.learning_rate * (step + 1) / warmup_steps
        progress = (step - warmup_steps) / (total_steps - warmup_steps)
        return settings.learning_rate * (schedule.floor + (1 - schedule.floor) * (1 + math.cos(math.pi * progress)) / 2)
    return settings.learning_rate
