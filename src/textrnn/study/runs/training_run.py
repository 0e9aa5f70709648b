"""One run of the study: train a variant with a seed, and record each batch's loss and the time of each evaluation."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from textrnn.study.runs.gradients import by_distance
from textrnn.training.batching.batches import Selected, evaluation_size
from textrnn.training.batching.loading import CPU, check_id_ranges, load_buckets
from textrnn.training.trainer.callbacks import early_stopping
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.loop import Callback, Trainer
from textrnn.training.trainer.recipe import Recipe
from textrnn.training.trainer.run_state import DivergedError, EvaluationPoint
from textrnn.training.trainer.setup import report_out_of_memory, set_up_training


@dataclass(frozen=True)
class StudyRun:
    """The result of a run.

    facts: reproducible with the same seed: test accuracy, the points of the curves, the loss of each batch, which
    batches were short, gradients by distance before and after training, and whether training diverged.
    timings: not reproducible: seconds of training up to each point, without evaluations, and the number of threads.
    """

    facts: dict[str, Any]
    timings: dict[str, Any]


class RunRecorder(Callback):
    """Records the steps and evaluations of training, and the loss of each training batch by hooks on the network."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.rows: list[int] = []
        self.points: list[EvaluationPoint] = []
        self.seconds: list[float] = []
        self._seconds_trained = 0.0
        self._resumed_at = math.nan
        self._hooks: list[RemovableHandle] = []

    def on_start(self, trainer: Trainer) -> None:
        """Set the hooks."""
        network = trainer.network
        self._hooks = [
            network.register_forward_pre_hook(self._start_timer),
            network.register_forward_hook(self._record_loss),
        ]

    def on_step_end(self, trainer: Trainer, batch: Selected) -> None:
        """Record the rows of the batch; add the time since the last step or evaluation."""
        self.rows.append(len(batch))
        now = time.perf_counter()
        self._seconds_trained, self._resumed_at = self._seconds_trained + now - self._resumed_at, now

    def on_evaluation(self, trainer: Trainer, point: EvaluationPoint) -> None:
        """Record the point, and the seconds of training up to it."""
        self.points.append(point)
        self.seconds.append(self._seconds_trained)
        self._resumed_at = time.perf_counter()

    def on_end(self, trainer: Trainer) -> None:
        """Remove the hooks."""
        for hook in self._hooks:
            hook.remove()

    def _start_timer(self, module: nn.Module, _inputs: object) -> None:
        # not before the first batch: creating the optimizer spends seconds on loading modules, which is not training
        if module.training and math.isnan(self._resumed_at):
            self._resumed_at = time.perf_counter()

    def _record_loss(self, _module: nn.Module, _inputs: object, logits: Tensor) -> None:
        if not logits.requires_grad:
            return  # an evaluation

        def append_loss(gradient: Tensor) -> None:
            # the gradient of cross-entropy is p - 1 at the target and p elsewhere: negative only at the target
            # if a confident network makes it zero everywhere, the prediction is the target: a wrong one would have -1
            targets = torch.where(gradient.any(1), gradient.argmin(1), logits.argmax(1))
            self.losses.append(F.cross_entropy(logits.detach(), targets).item())

        logits.register_hook(append_loss)


def run_variant(recipe: Recipe, *, gradient_rows: int) -> StudyRun:
    """Train a variant of the study's recipe, a classifier, and measure it.

    Training is that of a recipe, on the CPU, so that the times of all runs are comparable and hooks see every batch. A
    run that diverges has a result too, that of its final weights. gradient_rows: see `by_distance`. Raises UserError
    for values that do not fit the data.
    """
    with report_out_of_memory():
        setup = set_up_training(recipe, CPU)
        padded, data, settings = recipe.data.padded, setup.data, setup.recipe.train
        test = load_buckets(padded, "test")
        check_id_ranges(test, len(recipe.data.matrix), len(recipe.data.labels.names), padded.folder)
        network = setup.initial_network(settings.seed)
        before = by_distance(network, data.dev, gradient_rows)
        recorder, diverged = RunRecorder(), False
        try:
            Trainer(network, data, settings, callbacks=[recorder, *early_stopping(settings)]).fit()
        except DivergedError:
            diverged = True
        assert settings.batch_size != "auto"  # load_variant refuses it
        facts = _training_facts(recorder, settings.batch_size, sum(map(len, data.train)))
        facts |= {
            "diverged": diverged,
            "gradients": {"before": before, "after": by_distance(network, data.dev, gradient_rows)},
            "test_accuracy": evaluate_loss(network, test, evaluation_size(CPU), class_weights=None).accuracy,
        }
    return StudyRun(facts, {"seconds": recorder.seconds, "threads": torch.get_num_threads(), "device": "cpu"})


def _training_facts(recorder: RunRecorder, batch_size: int, rows: int) -> dict[str, Any]:
    points = [
        [point.step, point.epoch, point.train.loss, point.dev.loss, point.dev.accuracy] for point in recorder.points
    ]
    short = [index for index, count in enumerate(recorder.rows) if count < batch_size]
    return {"batch_size": batch_size, "rows": rows, "points": points, "losses": recorder.losses, "short": short}
