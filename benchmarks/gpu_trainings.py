"""The part `trainings` of benchmarks/gpu.py: whole trainings of recipes on all headlines, as `train` takes them."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from gpu_folder import GpuFolder
from gpu_record import Recorder
from gpu_sides import replays_graphs, synchronize
from textrnn.common.config.train import Train
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.evaluation.scoring.evaluate import evaluate
from textrnn.modeling.models.model_directory import SavedModel
from textrnn.training.trainer.loop import Callback, Trainer
from textrnn.training.trainer.recipe import Recipe
from textrnn.training.trainer.run_state import EvaluationPoint
from textrnn.training.trainer.setup import TrainingSetup, set_up_training

TARGET = 0.911  # accuracy on test
RESERVE = 8.0  # seconds of the part's time for padding, the last scores on dev, and those on test
LEAST_SECONDS = 2.0  # what must be left for steps


@dataclass(frozen=True)
class Training:
    """A training of a recipe; batch_size: in place of the recipe's own. target: also find the seconds to TARGET."""

    recipe: str
    batch_size: int | None = None
    target: bool = False
    again: bool = False


# the first one also pays for what a process does once: the second one of its kind shows how much that is
TRAININGS = (
    Training("news_rnn", 1024),
    Training("news_rnn", 256),
    Training("news_bilstm", target=True),
    Training("news_lstm"),
    Training("news_rnn", 64),
    Training("news_rnn", 1024, again=True),
)


@dataclass(frozen=True)
class TrainingSizes:
    """epochs: None for the recipe's own. seconds: the longest that one training may take."""

    epochs: int | None
    seconds: float


class Watch(Callback):
    """Keeps each point at which dev has chosen new weights: its seconds since the start, and the weights.

    keep: False keeps none of them. graphed: whether the run's steps were CUDA graphs.
    """

    def __init__(self, *, keep: bool) -> None:
        self.points: list[tuple[float, EvaluationPoint, dict[str, Tensor]]] = []
        self.graphed, self._keep, self._started = False, keep, 0.0

    def on_start(self, trainer: Trainer) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_evaluation(self, trainer: Trainer, point: EvaluationPoint) -> None:
        """Keep the point if its weights are the best so far."""
        if self._keep and trainer.state.best is point:
            seconds = time.perf_counter() - self._started
            weights = {name: value.clone() for name, value in trainer.state.best_weights.items()}
            self.points.append((seconds, point, weights))

    def on_end(self, trainer: Trainer) -> None:
        """Look at the steps before they let go of their graphs."""
        self.graphed = replays_graphs(trainer.train_step)


def trainings(
    recorder: Recorder, folder: GpuFolder, device: torch.device, sizes: TrainingSizes, deadline: float
) -> None:
    """Train each recipe; deadline: the time.monotonic() until which all must be done."""
    with tempfile.TemporaryDirectory() as work:
        padded: dict[str, Recipe] = {}
        for each in TRAININGS:
            values = {"recipe": each.recipe, "batch_size": each.batch_size, "again": each.again}
            left = deadline - time.monotonic()
            if left < LEAST_SECONDS + RESERVE:
                recorder.add("training", **values, exception="no time was left for it")
                continue
            with recorder.attempt("training", **values) as found:
                if each.recipe not in padded:
                    (rows := Path(work) / each.recipe).mkdir()
                    padded[each.recipe] = folder.recipe(each.recipe, rows)
                recipe = padded[each.recipe]
                settings = _settings(recipe.train, each, sizes, min(sizes.seconds, left - RESERVE))
                found |= train(replace(recipe, train=settings), device, target=each.target)


def _settings(settings: Train, each: Training, sizes: TrainingSizes, seconds: float) -> Train:
    settings = replace(settings, time_limit_seconds=seconds, patience=None)  # all epochs, as the goals say
    settings = settings if each.batch_size is None else replace(settings, batch_size=each.batch_size)
    return settings if sizes.epochs is None else replace(settings, epochs=sizes.epochs, min_steps=None)


def train(recipe: Recipe, device: torch.device, *, target: bool) -> dict[str, object]:
    """Train a recipe and score its model on test.

    seconds: of all epochs, with the evaluations on dev. setup_seconds: of loading the rows and building the network.
    """
    began = time.perf_counter()
    setup, watch = set_up_training(recipe, device), Watch(keep=target)
    trainer = setup.build_trainer(setup.data, setup.recipe.train, checkpointer=None, callbacks=[watch])
    synchronize(device)
    started = time.perf_counter()
    trainer.fit()
    synchronize(device)
    seconds = time.perf_counter() - started
    outcome, settings = trainer.outcome, setup.recipe.train
    found: dict[str, object] = {
        "seconds": seconds,
        "setup_seconds": started - began,
        "graphed": watch.graphed,
        "batch_size": settings.batch_size,
        "precision": settings.precision,
        "epochs": outcome.epochs,
        "steps": outcome.steps,
        "rows_per_second": trainer.state.rows / seconds,
        "stopped_by": outcome.stopped_by,
        "dev_accuracy": outcome.dev_accuracy,
        "test_accuracy": _test_accuracy(setup, trainer, recipe.data.padded),
    }
    return found | (_reach_target(setup, trainer, recipe.data.padded, watch) if target else {})


def _reach_target(setup: TrainingSetup, trainer: Trainer, padded: PaddedRows, watch: Watch) -> dict[str, object]:
    """The seconds after which the weights that dev had chosen reached TARGET on test; None if they never did."""
    points = []
    for seconds, point, weights in watch.points:
        trainer.network.load_state_dict(weights)
        accuracy = _test_accuracy(setup, trainer, padded)
        points.append({"seconds": seconds, "epoch": point.epoch, "test_accuracy": accuracy})
    reached = [point["seconds"] for point in points if point["test_accuracy"] >= TARGET]
    return {"points": points, "target": TARGET, "seconds_to_target": reached[0] if reached else None}


def _test_accuracy(setup: TrainingSetup, trainer: Trainer, padded: PaddedRows) -> float:
    trainer.network.eval()
    saved = SavedModel(setup.config, setup.recipe.data.labels, trainer.network)
    return evaluate(saved, padded, "test").classes.accuracy
