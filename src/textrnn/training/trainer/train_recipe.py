"""Train a recipe: its teachers, if it is distilled, and then the recipe's own model; save what comes of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from textrnn.common.config.train import Swa
from textrnn.common.storage.shards import file_sha256
from textrnn.modeling.models.model_directory import ModelConfig, save_model
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.device import pick_device
from textrnn.preparation.artifacts.model_files import ModelFiles
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup, join_group
from textrnn.training.trainer.callbacks import CurvesFile, Progress, tensorboard_from_environment
from textrnn.training.trainer.checkpointer import Checkpointer
from textrnn.training.trainer.distillation import train_teachers
from textrnn.training.trainer.limits import describe_caps
from textrnn.training.trainer.loop import Callback
from textrnn.training.trainer.recipe import PreparedFiles, Recipe
from textrnn.training.trainer.run_state import TrainingOutcome
from textrnn.training.trainer.setup import report_out_of_memory, set_up_training
from textrnn.training.trainer.summary import describe


@dataclass(frozen=True, eq=False)
class TrainedRecipe:
    """A trained network, its configuration and outcome, its throughput, and the steps at which the run was resumed.

    seconds: of training, over all runs, with evaluations on dev included. With distillation they include those of the
    teachers, and `resumed_from` begins with the steps at which the teachers were resumed or found already trained.
    """

    recipe: Recipe
    config: ModelConfig
    network: TextRNN
    outcome: TrainingOutcome
    rows_per_second: float
    seconds: float
    resumed_from: list[int]

    def save(self, folder: Path, files: PreparedFiles) -> None:
        """Write the model directory, with the record of its training: outcome, settings, and what `limits` lowered."""
        save_model(folder, self.config, self.network, files.preparation)
        outcome = asdict(self.outcome)
        rounded = {name: round(value, 6) if isinstance(value, float) else value for name, value in outcome.items()}
        # the params are not rounded: they are what was asked for, and a rate of 1e-7 would become 0
        record = rounded | {"params": asdict(self.recipe.train), "capped": [asdict(cap) for cap in self.recipe.caps]}
        text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
        ModelFiles(folder).training.write_text(text + "\n", encoding="utf-8")


def make_resume_key(recipe: Recipe, files: PreparedFiles) -> dict[str, Any]:
    """The key of `resumable_folder` for a run: params, checksums of the input files, the version of torch.

    The device and the numbers of threads and processes are not in the key: a run may be resumed with others, and its
    result is then the same up to rounding.
    """
    checksums = {str(path): file_sha256(path) for path in files.all}
    max_epochs = None if recipe.train.min_steps is None else recipe.max_epochs  # else it has been applied
    settings = repr((recipe.model, recipe.train, max_epochs))
    return {"params": settings, "inputs": checksums, "torch": torch.__version__}


def train_recipe(
    recipe: Recipe,
    *,
    group: ProcessGroup = SINGLE_PROCESS,
    curves_file: Path | None = None,
    work_folder: Path | None = None,
) -> TrainedRecipe:
    """Train a recipe on its padded rows, starting from its embedding matrix.

    curves_file: the CSV file of CurvesFile. Without it the run writes no curves, and prints no more than what
    checkpoint it resumes from: another process does.
    work_folder: a folder of `resumable_folder`, where the run saves checkpoints, and resumes from one that is there.
    For `distill` the teachers are trained first; their checkpoints are in the same folder. In a group only process 0
    has curves_file and work_folder.
    Raises UserError for values that do not fit the data, DivergedError, and ResumableError if memory runs out.
    """
    verbose = curves_file is not None
    device = pick_device(group.local_rank if group.world_size > 1 else None)
    with report_out_of_memory(), join_group(group, device) as group:
        setup = set_up_training(recipe, device, group)
        if verbose:
            _print_limits(recipe, setup.recipe)
        recipe = setup.recipe
        taught = train_teachers(setup, work_folder, verbose=verbose)
        progress = Progress(recipe.name, verbose=verbose)
        trainer = setup.build_trainer(
            taught.data,
            recipe.train,
            checkpointer=None if work_folder is None else Checkpointer(work_folder),
            callbacks=[*_outputs(recipe.name, curves_file), progress],
        )
        if verbose:
            _print_summary(recipe, setup.config)
        trainer.fit()
        return TrainedRecipe(
            recipe=recipe,
            config=setup.config,
            network=trainer.network,
            outcome=trainer.outcome,
            rows_per_second=progress.rows_per_second(),
            seconds=taught.seconds + trainer.state.seconds,
            resumed_from=[*taught.resumed, *trainer.state.resumed],
        )


def _outputs(title: str, curves_file: Path | None) -> list[Callback]:
    """The callbacks that write the curves; TensorBoard's first, as it may be refused before the file is touched."""
    return [] if curves_file is None else [*tensorboard_from_environment(title), CurvesFile(curves_file)]


def _print_limits(asked: Recipe, recipe: Recipe) -> None:
    """Print what `limits` lowered, and the epochs that `train.min_steps` added."""
    if recipe.caps:
        print(describe_caps(recipe.name, recipe.caps), flush=True)
    before, after = asked.train.epochs, recipe.train.epochs
    if after > before:
        print(f"{recipe.name}: train.epochs {before} raised to {after}, for train.min_steps", flush=True)


def _print_summary(recipe: Recipe, config: ModelConfig) -> None:
    """Print the model's parts and costs, and a warning if averaging never begins."""
    print(describe(config), flush=True)
    average, epochs = recipe.train.average, recipe.train.epochs
    if isinstance(average, Swa) and average.from_epoch > epochs:
        message = f"no weights are averaged: all {epochs} epochs come before from_epoch {average.from_epoch}"
        print(f"{recipe.where}.train.average: {message}", flush=True)
