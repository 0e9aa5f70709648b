"""Learning-rate range test: raise the rate from batch to batch; the loss shows which rates a recipe tolerates.

Source: Smith 2017, arXiv:1506.01186, section 3.3. The rate rises by a constant factor instead of a constant step,
because the best rate can be of any power of ten. The test observes the loss instead of the accuracy, because the loss
changes at every batch.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from textrnn.common.config.train import Train
from textrnn.errors import UserError, require
from textrnn.modeling.devices.device import pick_device
from textrnn.training.batching.batches import Selected
from textrnn.training.trainer.callbacks import open_bar
from textrnn.training.trainer.loop import Callback, Trainer, TrainingData
from textrnn.training.trainer.recipe import Recipe
from textrnn.training.trainer.setup import report_out_of_memory, set_up_training

# fractions of the whole range, so that a curve of more batches has the same shape and less noise
SMOOTHING = 1 / 30  # the distance over which the weight of a loss in the smoothed loss decays to 1/e
FALL_WINDOW = 1 / 20  # the fall at a rate is measured from this far before it to this far after it
EXPLODED = 4  # times the lowest smoothed loss: no higher rate is tried

INK, CURVE, MARK = "#7a7a7a", "#3b82f6", "#d97706"  # legible on white and on black


@dataclass(frozen=True)
class RateRange:
    """The rates of a test: `steps` rates from `first` to `last`, one per batch, growing by a constant factor."""

    first: float
    last: float
    steps: int

    def check(self) -> None:
        """Raise UserError for values out of range, naming the option of the command."""
        require(0 < self.first < math.inf, "--from", "must be above 0", self.first)
        require(self.first < self.last < math.inf, "--to", f"must be above --from, {self.first:g}", self.last)
        require(self.steps >= 20, "--steps", "must be at least 20", self.steps)

    def rate(self, step: int) -> float:
        """Return the rate of batch `step`, counted from 0."""
        return float(self.first * (self.last / self.first) ** (step / (self.steps - 1)))


@dataclass(frozen=True)
class RatePoint:
    """One batch: its rate, its mean loss before the update, and the smoothed loss up to it."""

    step: int
    rate: float
    loss: float
    smoothed: float


class RateRecorder(Callback):
    """Records the loss at each rate of a run whose learning rate rises; stops the run when no higher rate is of use.

    That is after the last rate, at a loss that is not finite, and once the smoothed loss exceeds EXPLODED times its
    minimum. The smoothed loss is the exponentially weighted mean of all losses so far, divided by the sum of the
    weights (Kingma and Ba 2015, arXiv:1412.6980, section 3).
    """

    def __init__(self, rates: RateRange) -> None:
        self.points: list[RatePoint] = []
        self._rates, self._decay = rates, math.exp(-1 / (SMOOTHING * rates.steps))
        self._mean, self._lowest = 0.0, math.inf
        self._bar: Any = None

    def on_start(self, trainer: Trainer) -> None:
        """Open a progress bar."""
        self._bar = open_bar("rates", self._rates.steps, unit=" batches")

    def on_step_end(self, trainer: Trainer, batch: Selected) -> None:
        """Record the loss of the batch, and decide whether to stop."""
        loss = trainer.running_metrics.compute().loss
        trainer.running_metrics.reset()
        if self._bar is not None:
            self._bar.update(1)
        if not math.isfinite(loss):
            trainer.stop("range_test")
            return
        step = trainer.state.step
        self._mean = self._decay * self._mean + (1 - self._decay) * loss
        smoothed = self._mean / (1 - self._decay**step)
        self.points.append(RatePoint(step, self._rates.rate(step - 1), loss, smoothed))
        self._lowest = min(self._lowest, smoothed)
        if smoothed > EXPLODED * self._lowest or step == self._rates.steps:
            trainer.stop("range_test")

    def on_end(self, trainer: Trainer) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()


def raise_rate(network: nn.Module, data: TrainingData, settings: Train, rates: RateRange) -> list[RatePoint]:
    """Train the network in place on the first batches of train, one at each rate, and return the losses.

    The network is of no use afterwards. When an epoch ends, the next one begins, as often as the rates need it. The
    settings of `epochs`, `average`, `distill` and early stopping are ignored: the loss is the usual one. Each step is
    seeded as in training, so dropout is that of training. Raises UserError if the first loss is not finite.
    """
    recorder = RateRecorder(rates)
    settings = replace(settings, epochs=rates.steps, distill=None, average=None)
    data = replace(data, dev=[])  # no evaluations
    Trainer(network, data, settings, callbacks=[recorder], schedule=rates.rate).fit()
    if not recorder.points:
        raise UserError("--from", "the loss is not finite at the lowest rate", got=rates.first, do="try a lower one")
    return recorder.points


def range_test(recipe: Recipe, rates: RateRange) -> list[RatePoint]:
    """Run the test of a recipe, with the initial network and the first batches of its training; no teacher is trained.

    Raises UserError for an invalid range of rates, and the errors of training for values that do not fit the data.
    """
    rates.check()
    recipe.check()  # with `distill`, which is left out of what follows
    recipe = replace(recipe, train=replace(recipe.train, distill=None))
    with report_out_of_memory():
        setup = set_up_training(recipe, pick_device(), with_dev=False)
        if recipe.train.batch_size == "auto":
            print(f"{recipe.name}: {setup.plan.describe_batches()}", flush=True)
        return raise_rate(setup.initial_network(recipe.train.seed), setup.data, setup.recipe.train, rates)


def suggest_rate(points: list[RatePoint], rates: RateRange) -> float | None:
    """Return the rate where the smoothed loss falls most steeply over the log of the rate, before its minimum.

    The fall is measured over 2 * FALL_WINDOW of the range, so that no single batch decides. Returns None if the minimum
    is too early for this: the loss never fell.
    """
    window = round(FALL_WINDOW * rates.steps)
    losses = [point.smoothed for point in points]
    lowest = min(range(len(losses)), key=losses.__getitem__, default=0)
    falls = {index: losses[index - window] - losses[index + window] for index in range(window, lowest - window + 1)}
    return points[max(falls, key=falls.__getitem__)].rate if falls else None


def write_points(path: Path, points: list[RatePoint]) -> None:
    """Write the points as a CSV file: step, rate, loss, smoothed_loss."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("step", "rate", "loss", "smoothed_loss"))
        writer.writerows((p.step, f"{p.rate:.6g}", f"{p.loss:.6f}", f"{p.smoothed:.6f}") for p in points)


def draw_curve(path: Path, points: list[RatePoint], suggested: float | None, title: str) -> None:
    """Plot the loss over the rate as SVG and mark the suggested rate; no background, for light and dark pages.

    Raises ImportError if matplotlib (the extra `plots`) is not installed.
    """
    import matplotlib
    from matplotlib.figure import Figure

    rates = [point.rate for point in points]
    colours = {"text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "grid.color": INK}
    style: Any = {**colours, "xtick.color": INK, "ytick.color": INK, "svg.hashsalt": "textrnn"}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(8, 4.5), layout="tight")
        axes = figure.add_subplot()
        axes.plot(rates, [point.loss for point in points], color=INK, alpha=0.8, linewidth=0.7, label="per batch")
        axes.plot(rates, [point.smoothed for point in points], color=CURVE, linewidth=2, label="smoothed")
        if suggested is not None:
            axes.axvline(suggested, color=MARK, linewidth=1.5, linestyle="--", label=f"steepest fall: {suggested:.1e}")
        axes.set(xscale="log", xlabel="learning rate", ylabel="training loss", title=title)
        # a loss that explodes would flatten the rest of the curve
        axes.set_ylim(0, 1.1 * max(point.smoothed for point in points))
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
