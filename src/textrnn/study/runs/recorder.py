"""Records a run as it is trained: the loss of each batch, the time of each evaluation, and norms of gradients."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from textrnn.modeling.models.running_metrics import score_from_sums
from textrnn.training.batching.batches import Selected
from textrnn.training.trainer.loop import Callback, Trainer
from textrnn.training.trainer.run_state import EvaluationPoint


class RunRecorder(Callback):
    """Records the steps and the evaluations of training.

    score_test: computes the accuracy on test, which is recorded at each evaluation; None for a run that has none.
    gradient_norms: whether to take the norm of the whole gradient at each step, before it is clipped.
    seconds, cpu_seconds: of training up to each evaluation, without evaluations, and those of the process in this time.
    load: the highest load average of a minute at an evaluation.
    """

    def __init__(self, score_test: Callable[[], float] | None = None, *, gradient_norms: bool = False) -> None:
        self.losses: list[float] = []
        self.rows: list[int] = []
        self.points: list[EvaluationPoint] = []
        self.test_accuracy: list[float] = []
        self.gradient_norms: list[float] = []
        self.seconds: list[float] = []
        self.cpu_seconds: list[float] = []
        self.load = 0.0
        self._score_test, self._takes_norms = score_test, gradient_norms
        self._sums = torch.zeros(4, dtype=torch.float64)
        self._square = 0.0
        self._trained, self._trained_cpu = 0.0, 0.0
        self._resumed_at = (math.nan, math.nan)
        self._hooks: list[RemovableHandle] = []

    def on_start(self, trainer: Trainer) -> None:
        """Set the hooks, and start the clock."""
        self._sums = trainer.running_metrics.sums.clone()
        if self._takes_norms:
            parameters = trainer.network.parameters()
            self._hooks = [parameter.register_post_accumulate_grad_hook(self._add_square) for parameter in parameters]
        self._resume()

    def on_step_end(self, trainer: Trainer, batch: Selected) -> None:
        """Record the loss and the rows of the batch; add the time since the last step or evaluation."""
        sums = trainer.running_metrics.sums.clone()
        self.losses.append(score_from_sums(sums - self._sums).loss)
        self.rows.append(len(batch))
        self._sums = sums
        if self._takes_norms:
            self.gradient_norms.append(math.sqrt(self._square))
            self._square = 0.0
        started, started_cpu = self._resumed_at
        self._resume()
        self._trained += self._resumed_at[0] - started
        self._trained_cpu += self._resumed_at[1] - started_cpu

    def on_evaluation(self, trainer: Trainer, point: EvaluationPoint) -> None:
        """Record the point, and the seconds of training up to it."""
        self.points.append(point)
        self.seconds.append(self._trained)
        self.cpu_seconds.append(self._trained_cpu)
        self.load = max(self.load, os.getloadavg()[0])
        if self._score_test is not None:
            self.test_accuracy.append(self._score_test())
        self._sums = torch.zeros_like(self._sums)  # the evaluation has set the running sums to zero
        self._resume()

    def on_end(self, trainer: Trainer) -> None:
        """Remove the hooks."""
        for hook in self._hooks:
            hook.remove()

    def _resume(self) -> None:
        self._resumed_at = time.perf_counter(), time.process_time()

    def _add_square(self, parameter: Tensor) -> None:
        assert isinstance(parameter, nn.Parameter)
        assert parameter.grad is not None
        self._square += float(parameter.grad.double().square().sum())
