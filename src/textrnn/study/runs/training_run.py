"""One run of the study: train a variant with a seed, and record each batch's loss and the time of each evaluation."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from textrnn.common.config.model import Model
from textrnn.common.config.train import Train
from textrnn.common.storage.shards import ShardReader
from textrnn.modeling.models.model_directory import make_config
from textrnn.preparation.artifacts.labels import Labels
from textrnn.study.runs.gradients import by_distance
from textrnn.training.batching.buckets import Bucket
from textrnn.training.batching.loading import CPU, check_id_ranges, load_buckets
from textrnn.training.trainer.loop import evaluate_loss, train_model
from textrnn.training.trainer.recipe import build_network, report_out_of_memory
from textrnn.training.trainer.run_state import DivergedError, EvaluationPoint


@dataclass(frozen=True)
class StudyRun:
    """The result of a run.

    facts: reproducible with the same seed: test accuracy, the points of the curves, the loss of each batch, which
    batches were short, gradients by distance before and after training, and whether training diverged.
    timings: not reproducible: seconds of training up to each point, without evaluations, and the number of threads.
    """

    facts: dict[str, Any]
    timings: dict[str, Any]


class RunRecorder:
    """Records the steps and evaluations of training, and the loss of each training batch by hooks on the network."""

    def __init__(self, network: nn.Module) -> None:
        self.losses: list[float] = []
        self.rows: list[int] = []
        self.points: list[EvaluationPoint] = []
        self.seconds: list[float] = []
        self._seconds_trained = 0.0
        self._resumed_at = math.nan
        self._hooks = [
            network.register_forward_pre_hook(self._start_timer),
            network.register_forward_hook(self._record_loss),
        ]

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

    def on_step(self, _step: int, rows: int) -> None:
        self.rows.append(rows)
        now = time.perf_counter()
        self._seconds_trained, self._resumed_at = self._seconds_trained + now - self._resumed_at, now

    def on_evaluation(self, point: EvaluationPoint) -> None:
        self.points.append(point)
        self.seconds.append(self._seconds_trained)
        self._resumed_at = time.perf_counter()

    def close(self) -> None:
        for hook in self._hooks:
            hook.remove()


def run_variant(
    name: str,
    padded: ShardReader,
    matrix: np.ndarray,
    labels: Labels,
    *,
    model: Model,
    settings: Train,
    gradient_rows: int,
) -> StudyRun:
    """Train a classifier on padded shards, starting from the embedding matrix (tokens, width), and measure it.

    Training is that of a recipe, on the CPU, so that the times of all runs are comparable and hooks see every batch. A
    run that diverges has a result too, that of its final weights. Raises UserError for values that do not fit the data.
    """
    model.check_task(f"study.variants.{name}.model", labels.task, len(labels.names))
    with report_out_of_memory():
        rows, dev, test = (_load_on_cpu(padded, split) for split in ("train", "dev", "test"))
        check_id_ranges([*rows, *dev, *test], len(matrix), len(labels.names), padded.folder)
        config = make_config(name, model, matrix.shape, len(labels.names), padded.facts, 0)
        network = build_network(config, matrix, settings.seed, CPU)
        before = by_distance(network, dev, gradient_rows)
        recorder, diverged = RunRecorder(network), False
        try:
            train_model(network, rows, dev, settings, None, recorder.on_evaluation, recorder.on_step)
        except DivergedError:
            diverged = True
        recorder.close()
        facts = _training_facts(recorder, settings, sum(map(len, rows)))
        facts |= {
            "diverged": diverged,
            "gradients": {"before": before, "after": by_distance(network, dev, gradient_rows)},
        }
        score = evaluate_loss(network, test, settings.batch_size, None)
    facts["test_accuracy"] = score.accuracy
    return StudyRun(facts, {"seconds": recorder.seconds, "threads": torch.get_num_threads(), "device": "cpu"})


def _load_on_cpu(padded: ShardReader, split: str) -> list[Bucket]:
    return [bucket if isinstance(bucket, Bucket) else bucket.to_device() for bucket in load_buckets(padded, split)]


def _training_facts(recorder: RunRecorder, settings: Train, rows: int) -> dict[str, Any]:
    points = [
        [point.step, point.epoch, point.train.loss, point.dev.loss, point.dev.accuracy] for point in recorder.points
    ]
    short = [index for index, count in enumerate(recorder.rows) if count < settings.batch_size]
    return {
        "batch_size": settings.batch_size,
        "rows": rows,
        "points": points,
        "losses": recorder.losses,
        "short": short,
    }
