"""How long recipes and baselines took to train on this machine, from files that no stage declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from textrnn.common.integrity.json_files import read_json
from textrnn.preparation.artifacts.result_files import BaselineFiles, RecipeFiles


class RecipeTiming(TypedDict):
    """`logs/<recipe>.json`, as far as it is read."""

    seconds: float
    device: str


class BaselineTiming(TypedDict):
    """An entry of `logs/<encoding>.baselines.json`."""

    seconds: float


@dataclass(frozen=True)
class TrainingTimes:
    """Seconds of a recipe and the device, None if it was not trained here; seconds of its baselines by name."""

    seconds: float | None = None
    device: str | None = None
    baselines: Mapping[str, float] | None = None

    def of_baseline(self, name: str) -> float | None:
        """Seconds of a baseline; None if it was not trained here."""
        return (self.baselines or {}).get(name)


def read_training_times(recipe: str, encoding: str, project: Path = Path()) -> TrainingTimes:
    """Read the times of a recipe and of its encoding's baselines; a missing file means a model trained elsewhere.

    project: the folder that holds params.yaml. Raises UserError, naming the file, for one that is damaged.
    """
    own, others = RecipeFiles(recipe, project).timings, BaselineFiles(encoding, project).timings
    timing = read_json(own, RecipeTiming) if own.is_file() else None
    baselines = read_json(others, dict[str, BaselineTiming]) if others.is_file() else {}
    return TrainingTimes(
        seconds=None if timing is None else timing["seconds"],
        device=None if timing is None else timing["device"],
        baselines={name: each["seconds"] for name, each in baselines.items()},
    )
