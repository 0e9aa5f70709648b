"""Set up training: load the rows onto the device, learn token features, and build networks and trainers from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch

from textrnn.common.config.train import Train
from textrnn.errors import ResumableError
from textrnn.modeling.devices.precision import check_precision, make_deterministic
from textrnn.modeling.models.f1_counts import EntityF1Counts, F1Counts, GoldSpans, MacroF1Counts
from textrnn.modeling.models.model_directory import ModelConfig, make_config, make_network
from textrnn.modeling.models.text_rnn import TextRNN, initialize_weights
from textrnn.training.batching.loading import check_id_ranges, load_buckets
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.features.token_features import NO_FEATURES, TokenFeatures, learn_token_features
from textrnn.training.optimization.allocator import keep_freed_memory
from textrnn.training.planning.class_weights import class_weights
from textrnn.training.planning.run_plan import RunPlan, plan_run
from textrnn.training.trainer.callbacks import early_stopping
from textrnn.training.trainer.checkpointer import Checkpointer, load_checkpoint
from textrnn.training.trainer.loop import Callback, Trainer, TrainingData
from textrnn.training.trainer.recipe import Recipe


@dataclass(frozen=True, eq=False)
class TrainingSetup:
    """What all runs of a recipe have in common: its data on the device, and what its networks are built from.

    The recipe's settings are those of the plan.
    """

    recipe: Recipe
    plan: RunPlan
    config: ModelConfig
    features: TokenFeatures
    data: TrainingData
    device: torch.device
    group: ProcessGroup

    def initial_network(self, seed: int) -> TextRNN:
        """The network before its first step; see `build_network`."""
        return build_network(self.config, self.recipe.data.matrix, seed, self.device, self.features)

    def build_trainer(
        self,
        data: TrainingData,
        settings: Train,
        *,
        checkpointer: Checkpointer | None,
        callbacks: Sequence[Callback],
        schedule: Callable[[int], float] | None = None,
    ) -> Trainer[TextRNN]:
        """The trainer of a new network, seeded by the settings, that stops early as they say.

        checkpointer: saves the run, which continues from its latest checkpoint; None for a run that is not saved. In a
        group that of process 0 is for all. schedule: see Trainer.
        """
        network, checkpoint = self.initial_network(settings.seed), load_checkpoint(checkpointer, self.group)
        callbacks = [*callbacks, *early_stopping(settings), *([] if checkpointer is None else [checkpointer])]
        return Trainer(
            network,
            data,
            settings,
            callbacks=callbacks,
            group=self.group,
            checkpoint=checkpoint,
            schedule=schedule,
        )


def set_up_training(
    recipe: Recipe, device: torch.device, group: ProcessGroup = SINGLE_PROCESS, *, with_dev: bool = True
) -> TrainingSetup:
    """Load a recipe's rows of train and dev, check them, and learn its token features from train.

    with_dev: False leaves dev out, for a run without evaluations. Raises UserError for values that do not fit each
    other or the data.
    """
    recipe.check()
    precision = recipe.train.precision
    check_precision(precision, recipe.model.cell, device, f"{recipe.where}.train.precision")
    make_deterministic(device, precision)
    data, prepared = _load_data(recipe, device, with_dev), recipe.data
    plan = plan_run(recipe.train, data.train, prepared.labels.task, recipe.max_epochs)
    recipe = replace(recipe, train=plan.settings)
    features = learn_token_features(
        data.train,
        len(prepared.matrix),
        recipe.model,
        prepared.lexicon,
        f"{recipe.where}.model",
        bigrams=prepared.bigrams,
    )
    config = make_config(
        recipe.name,
        recipe.model,
        prepared.matrix.shape,
        len(prepared.labels.names),
        prepared.padded.facts,
        bigram_count=features.bigram_count,
        words=features.lexicon_sizes,
        ngrams=[] if prepared.linear is None else [len(keys) for keys in prepared.linear.keys],
    )
    return TrainingSetup(recipe, plan, config, features, data, device, group)


def _load_data(recipe: Recipe, device: torch.device, with_dev: bool) -> TrainingData:
    """The recipe's rows as buckets, copied to the device if it has room, and the weights of the classes."""
    padded, labels, settings = recipe.data.padded, recipe.data.labels, recipe.train
    classes = len(labels.names)
    train = load_buckets(padded, "train", device, classes if settings.distill else 0)
    dev = load_buckets(padded, "dev", device) if with_dev else []
    check_id_ranges([*train, *dev], len(recipe.data.matrix), classes, padded.folder)
    weights = class_weights(settings.class_weights, labels, train, f"{recipe.where}.train.class_weights")
    weights_on_device = None if weights is None else torch.tensor(weights, device=device)
    return TrainingData(train, dev, weights_on_device, _count_f1(recipe, device) if with_dev else None)


def _count_f1(recipe: Recipe, device: torch.device) -> F1Counts | None:
    """What counts the F1 score of dev: of a tagger's entities always, of classes only if it is monitored."""
    labels = recipe.data.labels
    if labels.task == "tag":
        return EntityF1Counts(labels, GoldSpans.of_split(recipe.data.padded, "dev"))
    return MacroF1Counts(len(labels.names), device) if recipe.train.monitor == "macro_f1" else None


def build_network(
    config: ModelConfig, matrix: np.ndarray, seed: int, device: torch.device, features: TokenFeatures = NO_FEATURES
) -> TextRNN:
    """The network before its first step: seeded and initialized, its embedding a copy of the matrix (tokens, width).

    features: from `learn_token_features`, for a model that joins bigrams or words to its tokens. The network has no
    wide part, which is added when training is over.
    """
    torch.manual_seed(seed)
    keep_freed_memory()
    network = make_network(replace(config, ngrams=()))
    initialize_weights(network, config.model.initialization)
    with torch.no_grad():
        network.embedding.weight.copy_(torch.from_numpy(np.array(matrix)))
        features.fill(network)
    return network.to(device)


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
