"""Learning-rate range test: the rate rises from batch to batch, and the loss shows which rates a recipe can bear.

Source: Smith 2017, arXiv:1506.01186, section 3.3. The rate rises by a constant factor and not by a constant step, as
what is looked for may be any power of ten; the loss is looked at and not the accuracy, as it moves at every batch.
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
from textrnn.common.config.params import require
from textrnn.common.config.train import Train
from textrnn.common.storage.shards import ShardReader
from textrnn.errors import UserError
from textrnn.modeling.models.loss import RunningLoss
from textrnn.modeling.models.model_directory import make_config
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
from textrnn.training.trainer.setup import build_network, check_recipe, report_out_of_memory
from textrnn.training.trainer.token_features import learn_token_features

# parts of the whole range, so that a curve of more batches has the same shape and less noise
SMOOTHING = 1 / 30  # after so much of the range a loss weighs 1/e in the smoothed one
FALL_WINDOW = 1 / 20  # the fall at a rate is that from so much of the range before it to as much after it
EXPLODED = 4  # times the lowest smoothed loss: no higher rate is tried

INK, CURVE, MARK = "#7a7a7a", "#3b82f6", "#d97706"  # to be read on white and on black


@dataclass(frozen=True)
class RateRange:
    """The rates of a test: `steps` of them, one a batch, from `first` to `last`, each the same factor over the last."""

    first: float
    last: float
    steps: int

    def check(self) -> None:
        """Refuse what the types let through, by the names of the command's options."""
        require(0 < self.first < math.inf, "--from", "must be above 0", self.first)
        require(self.first < self.last < math.inf, "--to", f"must be above --from, {self.first:g}", self.last)
        require(self.steps >= 20, "--steps", "must be at least 20", self.steps)

    def rate(self, step: int) -> float:
        """The rate of batch `step`, from 0."""
        return float(self.first * (self.last / self.first) ** (step / (self.steps - 1)))


@dataclass(frozen=True)
class RatePoint:
    """One batch: its rate, its mean loss before the step is taken, and the smoothed loss up to it."""

    step: int
    rate: float
    loss: float
    smoothed: float


def raise_rate(
    network: nn.Module, rows: Iterable[Bucket], settings: Train, weights: Tensor | None, rates: RateRange
) -> list[RatePoint]:
    """Train the network in place on the first batches, one at each rate, and tell how the loss went.

    The network is for the bin after that. Ends before the last rate where the loss is no finite number or the
    smoothed loss is EXPLODED times its lowest. Smoothed: the exponentially weighted mean of all losses so far, divided
    by the sum of its weights (Kingma and Ba 2015, arXiv:1412.6980, section 3). Raises UserError where not even the
    first loss is finite.
    """
    tally = RunningLoss.of(network, weights, settings.label_smoothing)
    take_step = TrainStep(network, make_optimizer(network, settings), tally, settings)
    keep = math.exp(-1 / (SMOOTHING * rates.steps))
    points: list[RatePoint] = []
    mean, lowest = 0.0, math.inf
    network.train()
    numbered = zip(range(rates.steps), rows, strict=False)
    for step, batch in progress(numbered, total=rates.steps, unit="batch", label="rates"):
        tally.reset()
        take_step(batch, rates.rate(step))
        loss = tally.score().loss
        if not math.isfinite(loss):
            break
        mean = keep * mean + (1 - keep) * loss
        smoothed = mean / (1 - keep ** (step + 1))
        points.append(RatePoint(step + 1, rates.rate(step), loss, smoothed))
        lowest = min(lowest, smoothed)
        if smoothed > EXPLODED * lowest:
            break
    if not points:
        raise UserError(
            "--from", "the loss is no finite number at the lowest rate", got=rates.first, do="try a lower one"
        )
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
    """The test of a recipe on its padded shards, from the network and on the batches that training starts with.

    lexicon: as `fit` has it. `distill` is left out: the loss is the usual one, and no teacher is trained.
    Raises UserError for rates that make no range, and what `fit` raises for values that do not fit the data.
    """
    rates.check()
    where = f"recipes.{recipe}"
    check_recipe(recipe, model, settings, labels)
    weighed = class_weights(settings.class_weights, labels, f"{where}.train.class_weights")
    device = pick_device()
    check_precision(settings.precision, device, f"{where}.train.precision")
    sizes = (len(matrix), matrix.shape[1]), len(labels.names)
    with report_out_of_memory():
        rows = load_buckets(padded, "train", device)
        check_id_ranges(rows, len(matrix), len(labels.names), padded.folder)
        beside = learn_token_features(rows, len(matrix), model, lexicon, f"{where}.model")
        config = make_config(recipe, model, *sizes, padded.facts, *beside.sizes)
        network = build_network(config, matrix, settings.seed, device, beside)
        weights = None if weighed is None else torch.tensor(weighed, device=device)
        return raise_rate(network, _all_batches(rows, settings), settings, weights, rates)


def _all_batches(rows: Sequence[AnyBucket], settings: Train) -> Iterator[Bucket]:
    """Epoch after epoch without an end."""
    options: dict[str, Any] = {"drop_last": settings.drop_last, "sampling": make_sampling(rows, settings)}
    for epoch in itertools.count():
        order = (settings.seed, epoch) if settings.shuffle else None
        yield from batches(rows, batch_size(settings), shuffle=order, **options)


def suggest_rate(points: list[RatePoint], rates: RateRange) -> float | None:
    """The rate where the smoothed loss falls most steeply over the logarithm of the rate, before it is lowest.

    The fall is measured over 2 * REACH of the range, so that no single batch decides. None where the loss was lowest
    too early for that: it never fell.
    """
    reach = round(FALL_WINDOW * rates.steps)
    losses = [point.smoothed for point in points]
    lowest = min(range(len(losses)), key=losses.__getitem__, default=0)
    falls = {at: losses[at - reach] - losses[at + reach] for at in range(reach, lowest - reach + 1)}
    return points[max(falls, key=falls.__getitem__)].rate if falls else None


def write_points(path: Path, points: list[RatePoint]) -> None:
    """A CSV file of the points: step, rate, loss, smoothed_loss."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("step", "rate", "loss", "smoothed_loss"))
        rows.writerows((p.step, f"{p.rate:.6g}", f"{p.loss:.6f}", f"{p.smoothed:.6f}") for p in points)


def draw_curve(path: Path, points: list[RatePoint], suggested: float | None, title: str) -> None:
    """An SVG plot of the loss over the rate, the suggested rate marked; without a background, for light and dark pages.

    Raises ImportError where matplotlib, the extra `plots`, is not installed.
    """
    import matplotlib
    from matplotlib.figure import Figure

    rates = [point.rate for point in points]
    colours = {"text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "grid.color": INK}
    style: Any = {**colours, "xtick.color": INK, "ytick.color": INK, "svg.hashsalt": "textrnn"}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(8, 4.5), layout="tight")
        axes = figure.add_subplot()
        axes.plot(rates, [point.loss for point in points], color=INK, alpha=0.8, linewidth=0.7, label="of each batch")
        axes.plot(rates, [point.smoothed for point in points], color=CURVE, linewidth=2, label="smoothed")
        if suggested is not None:
            axes.axvline(suggested, color=MARK, linewidth=1.5, linestyle="--", label=f"steepest fall: {suggested:.1e}")
        axes.set(xscale="log", xlabel="learning rate", ylabel="training loss", title=title)
        # a loss that explodes would press all that went before into a line
        axes.set_ylim(0, 1.1 * max(point.smoothed for point in points))
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
