"""Train a recipe from prepared files: choose the device, load data, build the network, train teachers and student."""

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
    """A trained network, its configuration and outcome, its throughput, and the steps at which the run was resumed.

    seconds: of training, over all runs, with evaluations on dev included. With distillation they include those of the
    teachers, and `resumed_from` begins with the steps at which the teachers were resumed or found already trained.
    """

    config: ModelConfig
    network: TextRNN
    outcome: TrainingOutcome
    rows_per_second: float
    seconds: float
    resumed_from: list[int]


def make_resume_key(model: Model, settings: Train, inputs: Sequence[Path]) -> dict[str, Any]:
    """The key of `resumable_folder` for a run: params, checksums of the input files, the version of torch.

    inputs: for a folder of shards its index, which holds their checksums. The device and the numbers of threads and
    processes are not in the key: a run may be resumed with others, and its result is then the same up to rounding.
    """
    checksums = {str(path): file_sha256(path) for path in inputs}
    return {"params": repr((model, settings)), "inputs": checksums, "torch": torch.__version__}


def build_network(
    config: ModelConfig, matrix: np.ndarray, seed: int, device: torch.device, features: TokenFeatures = NO_FEATURES
) -> TextRNN:
    """The network before its first step: seeded and initialized, its embedding a copy of the matrix (tokens, width).

    features: from `learn_token_features`, for a model that joins bigrams or words to its tokens.
    """
    torch.manual_seed(seed)
    make_deterministic(device)
    keep_freed_memory()
    network = make_network(config)
    initialize_weights(network, config.model.initialization)
    with torch.no_grad():
        network.embedding.weight.copy_(torch.from_numpy(np.array(matrix)))
        features.fill(network)
    return network.to(device)


def check_recipe(recipe: str, model: Model, settings: Train, labels: Labels) -> None:
    """Raise UserError, by dotted name, for values that do not fit each other or the labels."""
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
    curves_file: Path | None,
    dvclive_folder: Path | None,
    work_folder: Path | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> TrainedRecipe:
    """Train a recipe on padded shards, starting from the embedding matrix (tokens, width).

    lexicon: of `textrnn.preparation.embedding.lexicon`, if the model has words.
    curves_file, dvclive_folder: see RunLogger.
    work_folder: a folder of `resumable_folder`, where the run saves checkpoints, and resumes from one that is there.
    For `distill` the teachers are trained first, each exactly as the recipe would be with the teacher's seed; their
    checkpoints are in the same folder. In a group only process 0 has curves_file, dvclive_folder and work_folder.
    Raises UserError for values that do not fit the data, DivergedError, and ResumableError if memory runs out.
    """
    where = f"recipes.{recipe}"
    check_recipe(recipe, model, settings, labels)
    weight_list = class_weights(settings.class_weights, labels, f"{where}.train.class_weights")
    device = pick_device(group.local_rank if group.world_size > 1 else None)
    check_precision(settings.precision, device, f"{where}.train.precision")
    shape, classes = (len(matrix), matrix.shape[1]), len(labels.names)
    with report_out_of_memory(), join_group(group, device) as group:
        train = load_buckets(padded, "train", device, classes if settings.distill else 0)
        dev = load_buckets(padded, "dev", device)
        check_id_ranges([*train, *dev], shape[0], classes, padded.folder)
        features = learn_token_features(train, shape[0], model, lexicon, f"{where}.model")
        setup = _TrainingSetup(
            config=make_config(recipe, model, shape, classes, padded.facts, *features.sizes),
            matrix=matrix,
            features=features,
            train_buckets=train,
            dev_buckets=dev,
            class_weights=None if weight_list is None else torch.tensor(weight_list, device=device),
            device=device,
            group=group,
            work_folder=work_folder,
            verbose=curves_file is not None,
        )
        teacher_states: list[RunState] = []
        if settings.distill is not None:
            train = add_soft_targets(train, settings, settings.distill, partial(setup.train_teacher, teacher_states))
        checkpointer = None if work_folder is None else Checkpointer(work_folder)
        resume_from = _load_checkpoint(checkpointer, group)
        if setup.verbose:
            _print_summary(setup.config, settings)
        outputs: dict[str, Any] = {
            "curves_file": curves_file,
            "dvclive_folder": dvclive_folder,
            "verbose": setup.verbose,
        }
        open_logger = partial(_open_logger, recipe, train, settings, resume_from[0], **outputs)
        trained = setup.run(train, settings, checkpointer, resume_from, open_logger)
        resumed = [step for state in teacher_states for step in state.resumed]
        seconds = sum(state.seconds for state in teacher_states) + trained.seconds
        return replace(trained, seconds=seconds, resumed_from=[*resumed, *trained.resumed_from])


@dataclass(frozen=True, eq=False)
class _TrainingSetup:
    """What the recipe's own run and the runs of its teachers have in common."""

    config: ModelConfig
    matrix: np.ndarray
    features: TokenFeatures
    train_buckets: Sequence[AnyBucket]
    dev_buckets: Sequence[AnyBucket]
    class_weights: torch.Tensor | None
    device: torch.device
    group: ProcessGroup
    work_folder: Path | None
    verbose: bool

    def run(
        self,
        train_buckets: Sequence[AnyBucket],
        settings: Train,
        checkpointer: Checkpointer | None,
        resume_from: ResumePoint,
        open_logger: Callable[[], RunLogger],
    ) -> TrainedRecipe:
        """One run, from its start or from a checkpoint. train_buckets: those of the set-up, maybe with soft targets."""
        network = build_network(self.config, self.matrix, settings.seed, self.device, self.features)
        train = partial(train_model, group=self.group, checkpointer=checkpointer, resume_from=resume_from)
        data, state = (train_buckets, self.dev_buckets), resume_from[0]
        with open_logger() as logger:
            outcome = train(network, *data, settings, self.class_weights, logger.on_evaluation, logger.on_step)
            return TrainedRecipe(self.config, network, outcome, logger.rows_per_second(), state.seconds, state.resumed)

    def train_teacher(self, states: list[RunState], number: int, title: str, settings: Train) -> TextRNN:
        """The teacher of this number (from 1), trained now or before; its final state, less weights, joins `states`."""
        if self.verbose:
            print(title, flush=True)
        checkpointer = None if self.work_folder is None else Checkpointer(self.work_folder, number)
        resume_from = _load_checkpoint(checkpointer, self.group)
        state = resume_from[0]
        title, buckets = f"{self.config.recipe}, {title}", self.train_buckets
        open_logger = partial(_open_logger, title, buckets, settings, state, verbose=self.verbose)
        trained = self.run(buckets, settings, checkpointer, resume_from, open_logger)
        if checkpointer is not None:
            checkpointer.save_final(state)
        states.append(RunState(seconds=state.seconds, resumed=state.resumed))
        return trained.network


def _load_checkpoint(checkpointer: Checkpointer | None, group: ProcessGroup) -> ResumePoint:
    """Process 0's latest checkpoint, in all processes, or the state before the first step."""
    data = group.broadcast_bytes((checkpointer.load_latest() if checkpointer else None) or b"")
    if not data:
        return RunState(), {}
    state, tensors = decode_run_state(data)
    state.resumed.append(state.step)
    if group.rank == 0:
        print(f"resumed from step {state.step}", flush=True)
    return state, tensors


def _print_summary(config: ModelConfig, settings: Train) -> None:
    """Print the model's parts and costs, and a warning if averaging never begins."""
    print(describe(config), flush=True)
    if isinstance(settings.average, Swa) and settings.average.from_epoch > settings.epochs:
        message = f"no weights are averaged: all {settings.epochs} epochs come before from_epoch"
        print(f"recipes.{config.recipe}.train.average: {message} {settings.average.from_epoch}", flush=True)


def _open_logger(
    title: str,
    buckets: Sequence[AnyBucket],
    settings: Train,
    state: RunState,
    *,
    curves_file: Path | None = None,
    dvclive_folder: Path | None = None,
    verbose: bool,
) -> RunLogger:
    """The logger of a run over these buckets; see RunLogger."""
    size, drop_last = batch_size(settings), settings.drop_last
    sampling = make_sampling(buckets, settings)
    steps = settings.epochs * count_batches(buckets, size, drop_last, sampling)
    full = [rows_per_batch(size, bucket.width) for bucket in buckets]
    counts = zip(row_counts(buckets, sampling), full, strict=True)
    used = [count - count % rows if drop_last and count > rows else count for count, rows in counts]
    return RunLogger(title, steps, settings.epochs * sum(used), curves_file, dvclive_folder, state, verbose=verbose)


@contextmanager
def report_out_of_memory() -> Iterator[None]:
    """Turn the out-of-memory errors of Python and torch into a ResumableError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch has no exception class of its own for a CPU that is out of memory
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and "allocate memory" not in str(error):
            raise
        do = "the same command continues from the last checkpoint, if there is one; else try a smaller "
        do += "train.batch_size or batch_tokens"
        got = str(error).partition("\n")[0][:200] or None
        raise ResumableError("training", "memory ran out", got=got, do=do) from error
