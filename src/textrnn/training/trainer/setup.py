"""A recipe's training from prepared files: the network it starts from, the device, the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from textrnn.common.config.model import Model
from textrnn.common.config.train import Swa, Train
from textrnn.common.storage.shards import ShardReader, file_sha256
from textrnn.errors import ResumableError
from textrnn.modeling.models.model_directory import ModelConfig, make_config, make_network
from textrnn.modeling.models.text_rnn import TextRNN, initialize_weights
from textrnn.modeling.nn.device import pick_device
from textrnn.modeling.nn.precision import check_precision, make_deterministic
from textrnn.preparation.artifacts.labels import Labels
from textrnn.training.batching.batches import batch_size, count_batches, row_counts, rows_per_batch
from textrnn.training.batching.buckets import AnyBucket
from textrnn.training.batching.loading import check_id_ranges, load_buckets
from textrnn.training.batching.sampling import make_sampling
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup, join_group
from textrnn.training.optimization.allocator import keep_freed_memory
from textrnn.training.trainer.checkpointer import Checkpointer
from textrnn.training.trainer.class_weights import class_weights
from textrnn.training.trainer.distillation import add_soft_targets
from textrnn.training.trainer.logger import RunLogger
from textrnn.training.trainer.loop import ResumePoint, TrainingOutcome, train_model
from textrnn.training.trainer.run_state import RunState, decode_run_state
from textrnn.training.trainer.summary import describe
from textrnn.training.trainer.token_features import NO_FEATURES, TokenFeatures, learn_token_features


@dataclass(frozen=True)
class TrainedRecipe:
    """A trained network and what it came from; how fast it was, and the steps at which it went on after a stop.

    seconds: of training, before a stop and after it, evaluations on dev included. Where it was distilled those of its
    teachers are in them, and the steps at which these went on, or were found trained, come first.
    """

    config: ModelConfig
    network: TextRNN
    outcome: TrainingOutcome
    rows_per_second: float
    seconds: float
    resumed_from: list[int]


def run_key(model: Model, settings: Train, inputs: Sequence[Path]) -> dict[str, Any]:
    """The key of `resumable_folder` for a run: params, checksums of the input files, the version of torch.

    Neither the device nor the number of threads or processes is in it: a run may go on with others, and the result is
    then the same to rounding. inputs: of a folder of shards its index, which has the checksums of the rest.
    """
    checksums = {str(path): file_sha256(path) for path in inputs}
    return {"params": repr((model, settings)), "inputs": checksums, "torch": torch.__version__}


def build_network(
    config: ModelConfig, matrix: np.ndarray, seed: int, device: torch.device, beside: TokenFeatures = NO_FEATURES
) -> TextRNN:
    """The network before its first step: seeded, initialised, its embedding a copy of the matrix (tokens, width).

    beside: of `learn`, for a model that joins anything to its tokens.
    """
    torch.manual_seed(seed)
    make_deterministic(device)
    keep_freed_memory()
    network = make_network(config)
    initialize_weights(network, config.model.initialization)
    with torch.no_grad():
        network.embedding.weight.copy_(torch.from_numpy(np.array(matrix)))
        beside.fill(network)
    return network.to(device)


def check_recipe(recipe: str, model: Model, settings: Train, labels: Labels) -> None:
    """Refuse, by dotted name, values that do not fit each other or the labels."""
    where = f"recipes.{recipe}"
    model.check(f"{where}.model")
    model.check_task(f"{where}.model", labels.task, len(labels.names))
    settings.check(f"{where}.train")
    settings.check_task(f"{where}.train", labels.task)
    model.check_loss(f"{where}.train", settings.class_weights, settings.label_smoothing)


def train_recipe(
    recipe: str,
    padded: ShardReader,
    matrix: np.ndarray,
    labels: Labels,
    model: Model,
    settings: Train,
    *,
    lexicon: pa.Table | None = None,
    curves: Path | None,
    live: Path | None,
    work: Path | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> TrainedRecipe:
    """Train the recipe on padded shards, from the embedding matrix (tokens, width); curves go to a CSV file.

    lexicon: of `textrnn.preparation.embedding.lexicon`, where the model has words.
    work: a folder of `resumable_folder`, in which the run keeps its state, and goes on from the one that is there.
    For `distill` its teachers are trained first, each as the recipe itself would be with its seed, and keep theirs
    beside it. In a group only process 0 has curves, live and work. Raises UserError for values that do not fit the
    data (a readout, a loss, a label or a token that is not there), and Unfinished when memory runs out.
    """
    where = f"recipes.{recipe}"
    check_recipe(recipe, model, settings, labels)
    weighed = class_weights(settings.class_weights, labels, f"{where}.train.class_weights")
    device = pick_device(group.local if group.count > 1 else None)
    check_precision(settings.precision, device, f"{where}.train.precision")
    shape, classes = (len(matrix), matrix.shape[1]), len(labels.names)
    with report_out_of_memory(), join_group(group, device) as group:
        rows = load_buckets(padded, "train", device, classes if settings.distill else 0)
        dev = load_buckets(padded, "dev", device)
        check_id_ranges([*rows, *dev], shape[0], classes, padded.folder)
        beside = learn_token_features(rows, shape[0], model, lexicon, f"{where}.model")
        config = make_config(recipe, model, shape, classes, padded.facts, *beside.sizes)
        weights = None if weighed is None else torch.tensor(weighed, device=device)
        ground = _Ground(config, matrix, beside, rows, dev, weights, device, group, work, curves is not None)
        before: list[RunState] = []
        if settings.distill is not None:
            rows = add_soft_targets(rows, settings, settings.distill, partial(ground.teach, before))
        keeper = None if work is None else Checkpointer(work)
        kept = _go_on(keeper, group)
        if ground.verbose:
            print(describe(config), flush=True)
            if isinstance(settings.average, Swa) and settings.average.from_epoch > settings.epochs:
                told = f"no weights are averaged: all {settings.epochs} epochs come before from_epoch"
                print(f"{where}.train.average: {told} {settings.average.from_epoch}", flush=True)
        journal = partial(_journal, recipe, rows, settings, curves, live, kept[0], ground.verbose)
        fitted = ground.run(rows, settings, keeper, kept, journal)
        resumed = [step for state in before for step in state.resumed]
        seconds = sum(state.seconds for state in before) + fitted.seconds
        return replace(fitted, seconds=seconds, resumed_from=[*resumed, *fitted.resumed_from])


@dataclass(frozen=True, eq=False)
class _Ground:
    """What a recipe's own run and those of its teachers have in common."""

    config: ModelConfig
    matrix: np.ndarray
    beside: TokenFeatures
    rows: Sequence[AnyBucket]
    dev: Sequence[AnyBucket]
    weights: torch.Tensor | None
    device: torch.device
    group: ProcessGroup
    work: Path | None
    verbose: bool

    def run(
        self,
        rows: Sequence[AnyBucket],
        settings: Train,
        keeper: Checkpointer | None,
        kept: ResumePoint,
        opened: Callable[[], RunLogger],
    ) -> TrainedRecipe:
        """One run over rows that may have soft targets, from the state that it goes on from or that of no step."""
        network = build_network(self.config, self.matrix, settings.seed, self.device, self.beside)
        options: dict[str, Any] = {"group": self.group, "keeper": keeper, "kept": kept}
        with opened() as journal:
            told = (journal.report, journal.on_step)
            outcome = train_model(network, rows, self.dev, settings, self.weights, *told, **options)
            state = kept[0]
            return TrainedRecipe(self.config, network, outcome, journal.rows_per_second(), state.seconds, state.resumed)

    def teach(self, before: list[RunState], number: int, title: str, settings: Train) -> TextRNN:
        """The teacher of a number, from 1, trained or as it was kept; the state it ended in, less weights, is added."""
        if self.verbose:
            print(title, flush=True)
        keeper = None if self.work is None else Checkpointer(self.work, number)
        kept = _go_on(keeper, self.group)
        name = f"{self.config.recipe}, {title}"
        journal = partial(_journal, name, self.rows, settings, None, None, kept[0], self.verbose)
        fitted = self.run(self.rows, settings, keeper, kept, journal)
        if keeper is not None:
            keeper.save_final(kept[0])
        before.append(RunState(seconds=kept[0].seconds, resumed=kept[0].resumed))
        return fitted.network


def _go_on(keeper: Checkpointer | None, group: ProcessGroup) -> ResumePoint:
    """The state that process 0 has kept, in all processes, or that of no step; it is told where the run goes on."""
    data = group.broadcast_bytes((keeper.latest() if keeper else None) or b"")
    if not data:
        return RunState(), {}
    kept = decode_run_state(data)
    kept[0].resumed.append(kept[0].step)
    if group.rank == 0:
        print(f"resumed from step {kept[0].step}", flush=True)
    return kept


def _journal(
    title: str,
    rows: Sequence[AnyBucket],
    settings: Train,
    curves: Path | None,
    live: Path | None,
    state: RunState,
    verbose: bool,
) -> RunLogger:
    """The journal of a run over these rows; see Journal."""
    size = batch_size(settings)
    sampling = make_sampling(rows, settings)
    steps = settings.epochs * count_batches(rows, size, settings.drop_last, sampling)
    counts = zip(row_counts(rows, sampling), rows, strict=True)
    full = [(count, rows_per_batch(size, bucket.width)) for count, bucket in counts]
    taken = [count - count % of if settings.drop_last and count > of else count for count, of in full]
    return RunLogger(title, steps, settings.epochs * sum(taken), curves, live, state, verbose=verbose)


@contextmanager
def report_out_of_memory() -> Iterator[None]:
    """A lack of memory, as torch and Python tell it, as an Unfinished."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch has no class of its own for a CPU that has no memory left
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and "allocate memory" not in str(error):
            raise
        do = "the same command continues from the last checkpoint, if there is one; else try a smaller "
        do += "train.batch_size or batch_tokens"
        got = str(error).partition("\n")[0][:200] or None
        raise ResumableError("training", "memory ran out", got=got, do=do) from error
