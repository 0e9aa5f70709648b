"""Train a recipe: its teachers, if it is distilled, and then the recipe's own model; save the result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from textrnn.common.integrity.checksums import file_sha256
from textrnn.modeling.devices.device import pick_device
from textrnn.modeling.models.model_directory import ModelConfig, save_model
from textrnn.modeling.models.saved_weights import save_weights
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.preparation.artifacts.model_files import ModelFiles
from textrnn.training.distributed.agreement import check_agreement
from textrnn.training.distributed.process_group import SINGLE_PROCESS, ProcessGroup, join_group
from textrnn.training.optimization.fusion import Fusion, add_wide_part
from textrnn.training.planning.limits import describe_caps
from textrnn.training.planning.model_summary import describe
from textrnn.training.planning.run_plan import RunPlan
from textrnn.training.trainer.batch_losses import batch_losses_from_environment
from textrnn.training.trainer.callbacks import CurvesFile, Progress, tensorboard_from_environment
from textrnn.training.trainer.checkpointer import Checkpointer
from textrnn.training.trainer.distillation import train_teachers
from textrnn.training.trainer.loop import Callback, Trainer
from textrnn.training.trainer.recipe import PreparedFiles, Recipe
from textrnn.training.trainer.refit import Refit, refit
from textrnn.training.trainer.run_state import TrainingOutcome
from textrnn.training.trainer.setup import TrainingSetup, report_out_of_memory, set_up_training


@dataclass(frozen=True, eq=False)
class TrainedRecipe:
    """A trained network, its configuration and outcome, its throughput, and the steps at which the run was resumed.

    The network and the outcome are those of the run that dev evaluated; refitted: the run on train and dev after it,
    if `train.refit` asks for one. seconds: of training, over all runs, with evaluations on dev included. With
    distillation they include those of the teachers, and `resumed_from` begins with the steps at which the teachers were
    resumed or found already trained. fusion: how the wide part was added; None for a recipe without one.
    """

    recipe: Recipe
    plan: RunPlan
    config: ModelConfig
    network: TextRNN
    refitted: Refit | None
    outcome: TrainingOutcome
    rows_per_second: float
    seconds: float
    resumed_from: list[int]
    fusion: Fusion | None = None

    @property
    def saved_network(self) -> TextRNN:
        """The network that is saved: that of the refit, if there is one."""
        return self.network if self.refitted is None else self.refitted.network

    def save(self, folder: Path, files: PreparedFiles) -> None:
        """Write the model directory, with the record of its training.

        That is the outcome, the settings, what rules and `limits` changed of them, and the notices.
        """
        save_model(folder, self.config, self.saved_network, files.preparation)
        if self.refitted is not None:
            save_weights(ModelFiles(folder).weights_before_refit, self.network)
        # the params are not rounded: they are what was asked for, and a rate of 1e-7 would become 0
        record = self.outcome.record() | {
            "params": asdict(self.recipe.train),
            "capped": [asdict(cap) for cap in self.recipe.caps],
            "auto": [asdict(value) for value in self.plan.rule_values()],
            "notices": self.plan.notices(self.recipe.where),
        }
        if self.fusion is not None:
            record |= {"fusion": _rounded(asdict(self.fusion))}
        if self.refitted is not None:
            record |= {"refit": {"rows": self.refitted.rows, "steps": self.refitted.steps}}
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


def facts_to_agree_on(key: Mapping[str, Any]) -> dict[str, str]:
    """What must be the same in all processes of a group, for `check_agreement`, from the key of the run."""
    return {**key["inputs"], "params.yaml": key["params"], "version of torch": key["torch"]}


def train_recipe(
    recipe: Recipe,
    *,
    group: ProcessGroup = SINGLE_PROCESS,
    facts: Mapping[str, str] | None = None,
    curves_file: Path | None = None,
    work_folder: Path | None = None,
) -> TrainedRecipe:
    """Train a recipe on its padded rows, starting from its embedding matrix.

    facts: see `check_agreement`; None for processes that are known to read the same files.
    curves_file: the CSV file of CurvesFile. Without it the run writes no curves, and prints only which
    checkpoint it resumes from: another process prints the rest.
    work_folder: a folder of `resumable_folder`, where the run saves checkpoints, and resumes from one that is there.
    For `distill` the teachers are trained first; their checkpoints are in the same folder. In a group only process 0
    has curves_file and work_folder.
    Raises UserError for values that do not fit the data, DivergedError, and ResumableError if memory runs out.
    """
    verbose = curves_file is not None
    device = pick_device(group.local_rank if group.world_size > 1 else None)
    with report_out_of_memory(), join_group(group, device) as group:
        check_agreement(group, facts or {})
        setup = set_up_training(recipe, device, group)
        recipe = setup.recipe
        if verbose:
            print_plan(recipe, setup.plan)
        taught = train_teachers(setup, work_folder, verbose=verbose)
        progress = Progress(recipe.name, verbose=verbose)
        trainer = setup.build_trainer(
            taught.data,
            recipe.train,
            checkpointer=None if work_folder is None else Checkpointer(work_folder),
            callbacks=[*_outputs(recipe.name, curves_file, group), progress],
        )
        if verbose:
            print(describe(setup.config), flush=True)
        trainer.fit()
        refitted = refit(setup, trainer, work_folder, verbose=verbose) if recipe.train.refit else None
        refits = [] if refitted is None else [refitted]
        fusion = _fuse(setup, trainer)
        if fusion is not None and refitted is not None:
            refitted.network.wide = trainer.network.wide  # with the scales that dev has chosen before it was trained on
        if fusion is not None and verbose:
            print(fusion.describe(recipe.name), flush=True)
        return TrainedRecipe(
            recipe=recipe,
            plan=setup.plan,
            refitted=refitted,
            config=setup.config,
            network=trainer.network,
            outcome=trainer.outcome,
            rows_per_second=progress.rows_per_second(),
            seconds=taught.seconds + trainer.state.seconds + sum(each.seconds for each in refits),
            resumed_from=[*taught.resumed, *trainer.state.resumed, *(step for each in refits for step in each.resumed)],
            fusion=fusion,
        )


def _fuse(setup: TrainingSetup, trainer: Trainer[TextRNN]) -> Fusion | None:
    """Add the wide part to the trained network, if the recipe has one.

    It depends on the kept weights and on dev alone, so that a run that ends in it and is resumed ends with the same.
    """
    linear = setup.recipe.data.linear
    if linear is None:
        return None
    return add_wide_part(trainer.network, linear, setup.data.dev, setup.recipe.train, setup.group)


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in values.items()}


def _outputs(title: str, curves_file: Path | None, group: ProcessGroup) -> list[Callback]:
    """The callbacks that write the curves; TensorBoard's first, as it may be refused before a file is touched."""
    losses = batch_losses_from_environment(title, group, written=curves_file is not None)
    curves = [] if curves_file is None else [*tensorboard_from_environment(title), CurvesFile(curves_file)]
    return [*curves, *losses]


def print_plan(recipe: Recipe, plan: RunPlan) -> None:
    """Print what `limits` lowered, the batch size and steps of the run, and what it is too short for."""
    if recipe.caps:
        print(describe_caps(recipe.name, recipe.caps), flush=True)
    for line in (plan.describe(recipe.name), *plan.notices(recipe.where)):
        print(line, flush=True)
