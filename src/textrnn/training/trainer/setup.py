"""Set up training: load the rows onto the device, learn token features, and build networks and trainers from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch

from textrnn.common.config.train import Train
from textrnn.errors import ResumableError
from textrnn.modeling.models.model_directory import ModelConfig, make_config, make_network
from textrnn.modeling.models.text_rnn import TextRNN, initialize_weights
from textrnn.modeling.nn.precision import check_precision, make_deterministic
from textrnn.training.batching.batches import Epochs
from textrnn.training.batching.loading import check_id_ranges, load_buckets
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from textrnn.training.features.token_features import NO_FEATURES, TokenFeatures, learn_token_features
from textrnn.training.optimization.allocator import keep_freed_memory
from textrnn.training.trainer.callbacks import early_stopping
from textrnn.training.trainer.checkpointer import Checkpointer, load_checkpoint
from textrnn.training.trainer.class_weights import class_weights
from textrnn.training.trainer.limits import epochs_for_min_steps
from textrnn.training.trainer.loop import Callback, Trainer, TrainingData
from textrnn.training.trainer.recipe import Recipe


@dataclass(frozen=True, eq=False)
class TrainingSetup:
    """What all runs of a recipe have in common: its data on the device, and what its networks are built from."""

    recipe: Recipe
    config: ModelConfig
    features: TokenFeatures
    data: TrainingData
    device: torch.device
    group: ProcessGroup

    def initial_network(self, seed: int) -> TextRNN:
        """The network before its first step; see `build_network`."""
        return build_network(self.config, self.recipe.data.matrix, seed, self.device, self.features)

    def build_trainer(
        self, data: TrainingData, settings: Train, *, checkpointer: Checkpointer | None, callbacks: Sequence[Callback]
    ) -> Trainer[TextRNN]:
        """The trainer of a new network, seeded by the settings, that stops early as they say.

        checkpointer: saves the run, which continues from its latest checkpoint; None for a run that is not saved. In a
        group that of process 0 is for all.
        """
        network, checkpoint = self.initial_network(settings.seed), load_checkpoint(checkpointer, self.group)
        callbacks = [*callbacks, *early_stopping(settings), *([] if checkpointer is None else [checkpointer])]
        return Trainer(network, data, settings, callbacks=callbacks, group=self.group, checkpoint=checkpoint)


def set_up_training(
    recipe: Recipe, device: torch.device, group: ProcessGroup = SINGLE_PROCESS, *, with_dev: bool = True
) -> TrainingSetup:
    """Load a recipe's rows of train and dev, check them, and learn its token features from train.

    with_dev: False leaves dev out, for a run without evaluations. Raises UserError for values that do not fit each
    other or the data.
    """
    recipe.check()
    check_precision(recipe.train.precision, device, f"{recipe.where}.train.precision")
    data, prepared = _load_data(recipe, device, with_dev), recipe.data
    recipe = _with_min_steps(recipe, Epochs(data.train, recipe.train).steps)
    features = learn_token_features(
        data.train, len(prepared.matrix), recipe.model, prepared.lexicon, f"{recipe.where}.model"
    )
    config = make_config(
        recipe.name,
        recipe.model,
        prepared.matrix.shape,
        len(prepared.labels.names),
        prepared.padded.facts,
        bigram_count=features.bigram_count,
        words=features.lexicon_sizes,
    )
    return TrainingSetup(recipe, config, features, data, device, group)


def _with_min_steps(recipe: Recipe, steps_per_epoch: int) -> Recipe:
    """The recipe with as many epochs as `train.min_steps` takes."""
    epochs = epochs_for_min_steps(recipe.train, steps_per_epoch, recipe.max_epochs)
    return replace(recipe, train=replace(recipe.train, epochs=epochs))


def _load_data(recipe: Recipe, device: torch.device, with_dev: bool) -> TrainingData:
    """The recipe's rows as buckets, copied to the device if it has room, and the weights of the classes."""
    padded, labels, settings = recipe.data.padded, recipe.data.labels, recipe.train
    weights = class_weights(settings.class_weights, labels, f"{recipe.where}.train.class_weights")
    classes = len(labels.names)
    train = load_buckets(padded, "train", device, classes if settings.distill else 0)
    dev = load_buckets(padded, "dev", device) if with_dev else []
    check_id_ranges([*train, *dev], len(recipe.data.matrix), classes, padded.folder)
    return TrainingData(train, dev, None if weights is None else torch.tensor(weights, device=device))


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
