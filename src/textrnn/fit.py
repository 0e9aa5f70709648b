"""A recipe's training from prepared files: the network it starts from, the device, the run."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from textrnn.architecture import Model
from textrnn.batches import check_ranges, count_batches, load_buckets
from textrnn.checkpoints import Config, make_config, make_network
from textrnn.errors import UserError
from textrnn.journal import Journal
from textrnn.labels import Labels
from textrnn.limits import Limits, cap
from textrnn.models import TextRNN, initialize
from textrnn.shards import ShardReader
from textrnn.train import Train
from textrnn.training import Outcome, train


def pick_device() -> torch.device:
    """TEXTRNN_DEVICE, or a GPU where there is one, or the CPU."""
    name = os.environ.get("TEXTRNN_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, dtype=torch.float64, device=device).item()  # the sums of a Score are float64
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        raise UserError("TEXTRNN_DEVICE", "cannot be used here", got=repr(name), do="unset it, or say cpu") from error
    return device


def limit(model: Model, settings: Train, limits: Limits) -> tuple[Model, Train]:
    """Both with the caps of `limits`."""
    hidden = cap(model.hidden_size, limits.hidden_size)
    return replace(model, hidden_size=hidden), replace(settings, epochs=cap(settings.epochs, limits.epochs))


def start(config: Config, matrix: np.ndarray, seed: int, device: torch.device) -> TextRNN:
    """The network before its first step: seeded, initialised, its embedding a copy of the matrix (tokens, width)."""
    torch.manual_seed(seed)
    # set here and not at import: it holds for the process, and only training needs it
    torch.backends.cudnn.deterministic = True
    network = make_network(config)
    initialize(network, config.model.initialization)
    with torch.no_grad():
        network.embedding.weight.copy_(torch.from_numpy(np.array(matrix)))
    return network.to(device)


def fit(
    recipe: str,
    padded: ShardReader,
    matrix: np.ndarray,
    labels: Labels,
    model: Model,
    settings: Train,
    *,
    curves: Path,
    live: Path | None,
) -> tuple[Config, TextRNN, Outcome]:
    """Train the recipe on padded shards, from the embedding matrix (tokens, width); curves go to a CSV file.

    Raises UserError for values that do not fit the data: a readout, a loss, a label or a token that is not there.
    """
    model.check(f"recipes.{recipe}.model")
    model.check_task(f"recipes.{recipe}.model", labels.task, len(labels.names))
    settings.check(f"recipes.{recipe}.train")
    weighed = settings.weight_of(labels.names, f"recipes.{recipe}.train")
    device = pick_device()
    config = make_config(recipe, model, (len(matrix), matrix.shape[1]), len(labels.names), padded.facts)
    rows, dev = load_buckets(padded, "train"), load_buckets(padded, "dev")
    check_ranges([*rows, *dev], config.tokens, config.classes, padded.folder)
    rows, dev = ([bucket.to(device) for bucket in buckets] for buckets in (rows, dev))
    network = start(config, matrix, settings.seed, device)
    weights = None if weighed is None else torch.tensor(weighed, device=device)
    steps = settings.epochs * count_batches(rows, settings.batch_size, settings.drop_last)
    with Journal(recipe, steps, settings.batch_size, curves, live) as journal:
        outcome = train(network, rows, dev, settings, weights, journal.report, journal.on_step)
    return config, network, outcome
