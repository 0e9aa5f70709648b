"""One run of the study: a variant trained with a seed, each batch's loss and the seconds up to each evaluation kept."""

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
from textrnn.training.trainer.run_state import DivergedError, EvaluationPoint
from textrnn.training.trainer.setup import build_network, report_out_of_memory


@dataclass(frozen=True)
class StudyRun:
    """What a run came to.

    facts: what another run with the same seed repeats: accuracy and loss on test, points of the curve, the loss of
    each batch and which of them were short, gradients by distance before and after training, whether it diverged.
    clock: what none repeats: seconds of training up to each point, evaluations left out, and the number of threads.
    """

    facts: dict[str, Any]
    clock: dict[str, Any]


class RunRecorder:
    """Receives the steps and evaluations of `train`, and by a hook the logits of each batch that is trained on."""

    def __init__(self, network: nn.Module) -> None:
        self.losses: list[float] = []
        self.rows: list[int] = []
        self.points: list[EvaluationPoint] = []
        self.seconds: list[float] = []
        self._trained = 0.0
        self._mark = math.nan
        self._hooks = [
            network.register_forward_pre_hook(self._begin),
            network.register_forward_hook(self._watch),
        ]

    def _begin(self, module: nn.Module, _inputs: object) -> None:
        # at the first batch: the making of the optimizer loads modules for seconds, which are no training
        if module.training and math.isnan(self._mark):
            self._mark = time.perf_counter()

    def _watch(self, _module: nn.Module, _inputs: object, logits: Tensor) -> None:
        if not logits.requires_grad:
            return  # an evaluation

        def keep(gradient: Tensor) -> None:
            # of cross-entropy it is p - 1 at the target and p elsewhere: negative at the target alone
            # where the network is so sure that it is zero everywhere, its guess is the target: a wrong one has -1
            targets = torch.where(gradient.any(1), gradient.argmin(1), logits.argmax(1))
            self.losses.append(F.cross_entropy(logits.detach(), targets).item())

        logits.register_hook(keep)

    def on_step(self, _step: int, rows: int) -> None:
        self.rows.append(rows)
        now = time.perf_counter()
        self._trained, self._mark = self._trained + now - self._mark, now

    def report(self, point: EvaluationPoint) -> None:
        self.points.append(point)
        self.seconds.append(self._trained)
        self._mark = time.perf_counter()

    def close(self) -> None:
        for hook in self._hooks:
            hook.remove()


def run_variant(
    name: str,
    padded: ShardReader,
    matrix: np.ndarray,
    labels: Labels,
    model: Model,
    settings: Train,
    gradient_rows: int,
) -> StudyRun:
    """Train a classifier on padded shards, from the embedding matrix (tokens, width), and look at it.

    It is trained as a recipe is, on the CPU: seconds of all runs then compare, and hooks see each batch. A run that
    diverges has a result too, that of the weights it ended with. Raises UserError for values that do not fit the data.
    """
    model.check_task(f"study.variants.{name}.model", labels.task, len(labels.names))
    with report_out_of_memory():
        rows, dev, test = (_resident(padded, split) for split in ("train", "dev", "test"))
        check_id_ranges([*rows, *dev, *test], len(matrix), len(labels.names), padded.folder)
        config = make_config(name, model, matrix.shape, len(labels.names), padded.facts, 0)
        network = build_network(config, matrix, settings.seed, CPU)
        before = by_distance(network, dev, gradient_rows)
        recorder, diverged = RunRecorder(network), False
        try:
            train_model(network, rows, dev, settings, None, recorder.report, recorder.on_step)
        except DivergedError:
            diverged = True
        recorder.close()
        facts = _facts(recorder, settings, sum(map(len, rows)))
        facts |= {
            "diverged": diverged,
            "gradients": {"before": before, "after": by_distance(network, dev, gradient_rows)},
        }
        score = evaluate_loss(network, test, settings.batch_size, None)
    facts["test_accuracy"] = score.accuracy
    return StudyRun(facts, {"seconds": recorder.seconds, "threads": torch.get_num_threads(), "device": "cpu"})


def _resident(padded: ShardReader, split: str) -> list[Bucket]:
    return [bucket if isinstance(bucket, Bucket) else bucket.to_device() for bucket in load_buckets(padded, split)]


def _facts(recorder: RunRecorder, settings: Train, rows: int) -> dict[str, Any]:
    points = [[p.step, p.epoch, p.train.loss, p.dev.loss, p.dev.accuracy] for p in recorder.points]
    short = [at for at, count in enumerate(recorder.rows) if count < settings.batch_size]
    return {
        "batch_size": settings.batch_size,
        "rows": rows,
        "points": points,
        "losses": recorder.losses,
        "short": short,
    }
