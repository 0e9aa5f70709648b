"""Learning-rate range test: raise the rate from batch to batch; the loss shows which rates a recipe tolerates.

Source: Smith 2017, arXiv:1506.01186, section 3.3. The rate rises by a constant factor instead of a constant step,
because the best rate can be of any power of ten. The test observes the loss instead of the accuracy, because the loss
changes at every batch.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from textrnn.common.config.model import Model
from textrnn.common.config.train import Train
from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError, require
from textrnn.modeling.models.model_directory import make_config
from textrnn.modeling.models.running_metrics import RunningMetrics
from textrnn.modeling.nn.device import pick_device
from textrnn.modeling.nn.precision import check_precision
from textrnn.preparation.artifacts.labels import Labels
from textrnn.stage import progress
from textrnn.training.batching.batches import batch_size, batches
from textrnn.training.batching.buckets import AnyBucket, Bucket
from textrnn.training.batching.loading import check_id_ranges, load_buckets
from textrnn.training.batching.sampling import make_sampling
from textrnn.training.optimization.step import TrainStep, make_optimizer
from textrnn.training.trainer.class_weights import class_weights
from textrnn.training.trainer.recipe import build_network, check_recipe, report_out_of_memory
from textrnn.training.trainer.token_features import learn_token_features

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


def raise_rate(
    network: nn.Module, stream: Iterable[Bucket], settings: Train, weights: Tensor | None, rates: RateRange
) -> list[RatePoint]:
    """Train the network in place on the first batches of `stream`, one at each rate, and return the losses.

    The network is of no use afterwards. Stops before the last rate if the loss is not finite or if the smoothed loss
    exceeds EXPLODED times its minimum. The smoothed loss is the exponentially weighted mean of all losses so far,
    divided by the sum of the weights (Kingma and Ba 2015, arXiv:1412.6980, section 3). Raises UserError if the first
    loss is not finite.
    """
    running_metrics = RunningMetrics.for_network(network, weights, settings.label_smoothing)
    take_step = TrainStep(network, make_optimizer(network, settings), running_metrics, settings)
    decay = math.exp(-1 / (SMOOTHING * rates.steps))
    points: list[RatePoint] = []
    mean, lowest = 0.0, math.inf
    network.train()
    batches_by_step = zip(range(rates.steps), stream, strict=False)
    for step, batch in progress(batches_by_step, total=rates.steps, unit="batch", description="rates"):
        running_metrics.reset()
        take_step(batch, rates.rate(step))
        loss = running_metrics.compute().loss
        if not math.isfinite(loss):
            break
        mean = decay * mean + (1 - decay) * loss
        smoothed = mean / (1 - decay ** (step + 1))
        points.append(RatePoint(step + 1, rates.rate(step), loss, smoothed))
        lowest = min(lowest, smoothed)
        if smoothed > EXPLODED * lowest:
            break
    if not points:
        raise UserError("--from", "the loss is not finite at the lowest rate", got=rates.first, do="try a lower one")
    return points


def range_test(
    recipe: str,
    padded: ShardReader,
    matrix: np.ndarray,
    labels: Labels,
    model: Model,
    settings: Train,
    rates: RateRange,
    lexicon: pa.Table | None = None,
) -> list[RatePoint]:
    """Run the test of a recipe on its padded shards, with the initial network and the first batches of its training.

    lexicon: as in `fit`. `distill` is ignored: the loss is the usual one, and no teacher is trained.
    Raises UserError for an invalid range of rates, and the errors of `fit` for values that do not fit the data.
    """
    rates.check()
    where = f"recipes.{recipe}"
    check_recipe(recipe, model, settings, labels)
    class_factors = class_weights(settings.class_weights, labels, f"{where}.train.class_weights")
    device = pick_device()
    check_precision(settings.precision, device, f"{where}.train.precision")
    vocabulary_size, classes = len(matrix), len(labels.names)
    with report_out_of_memory():
        buckets = load_buckets(padded, "train", device)
        check_id_ranges(buckets, vocabulary_size, classes, padded.folder)
        features = learn_token_features(buckets, vocabulary_size, model, lexicon, f"{where}.model")
        bigram_count, lexicon_sizes = features.sizes
        config = make_config(recipe, model, matrix.shape, classes, padded.facts, bigram_count, lexicon_sizes)
        network = build_network(config, matrix, settings.seed, device, features)
        weights = None if class_factors is None else torch.tensor(class_factors, device=device)
        return raise_rate(network, _all_batches(buckets, settings), settings, weights, rates)


def _all_batches(buckets: Sequence[AnyBucket], settings: Train) -> Iterator[Bucket]:
    """Yield the batches of one epoch after another, without end."""
    options: dict[str, Any] = {"drop_last": settings.drop_last, "sampling": make_sampling(buckets, settings)}
    for epoch in itertools.count():
        order = (settings.seed, epoch) if settings.shuffle else None
        yield from batches(buckets, batch_size(settings), shuffle=order, **options)


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
