"""Train once more, on train and dev together, for as many steps as the best weights on dev had.

Once dev has chosen the number of steps, its rows are worth more as training data. The dev metrics that are reported
remain those of the first run, which was not trained on these rows.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from pathlib import Path

from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.training.batching.batches import Epochs, Selected
from textrnn.training.batching.loading import load_splits
from textrnn.training.trainer.callbacks import Progress
from textrnn.training.trainer.checkpointer import Checkpointer
from textrnn.training.trainer.loop import Callback, Trainer, TrainingData
from textrnn.training.trainer.setup import TrainingSetup


@dataclass(frozen=True, eq=False)
class Refit:
    """The network of the second run, its rows and steps, the seconds that it took, and where it was resumed."""

    network: TextRNN
    rows: int
    steps: int
    seconds: float
    resumed: list[int]


class StepLimit(Callback):
    """Ends a run after so many steps."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def on_step_end(self, trainer: Trainer, batch: Selected) -> None:
        """Stop after the last step."""
        if trainer.state.step >= self._steps:
            trainer.stop("step_limit")


def refit(setup: TrainingSetup, first: Trainer[TextRNN], work_folder: Path | None, *, verbose: bool) -> Refit:
    """Train a new network of the same seed, with the learning rate of the first run at each step.

    first: the finished run. work_folder: where both runs save checkpoints; the first is not trained again.
    """
    assert first.state.best is not None
    steps, recipe = first.state.best.step, setup.recipe
    checkpointer = None
    if work_folder is not None:
        Checkpointer(work_folder).save_final(first.state)
        checkpointer = Checkpointer(work_folder, refit=True)
    rows = load_splits(recipe.data.padded, ("train", "dev"), setup.device)
    settings = replace(recipe.train, patience=None, time_limit_seconds=None)
    settings = replace(settings, epochs=math.ceil(steps / Epochs(rows, settings).steps))
    progress = Progress(f"{recipe.name}, refit", verbose=verbose)
    trainer = setup.build_trainer(
        TrainingData(rows, [], first.data.class_weights),
        settings,
        checkpointer=checkpointer,
        callbacks=[progress, StepLimit(steps)],
        schedule=first.learning_rate,
    )
    count = sum(map(len, rows))
    if verbose:
        print(f"{recipe.name}: refit on train and dev, {count:,} rows, {steps:,} steps", flush=True)
    trainer.fit()
    with trainer.average.applied():
        weights = copy.deepcopy(trainer.network.state_dict())
    trainer.network.load_state_dict(weights)
    return Refit(trainer.network, count, steps, trainer.state.seconds, trainer.state.resumed)
