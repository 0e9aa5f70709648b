"""Knowledge distillation: train the teachers; their mean predictions are the soft targets of train.

Sources: Hinton et al. 2015, arXiv:1503.02531, section 2; teachers of the student's own architecture: Furlanello et al.
2018, arXiv:1805.04770. How the loss uses the soft targets is in textrnn.modeling.models.running_metrics.

Shapes: N rows, T the bucket's width, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Train
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.modeling.devices.precision import forward_in_precision
from textrnn.modeling.nn.crf import find_crf, log_probabilities
from textrnn.training.batching.batches import batches, evaluation_size
from textrnn.training.batching.buckets import AnyBucket, Bucket
from textrnn.training.trainer.callbacks import Progress
from textrnn.training.trainer.checkpointer import Checkpointer
from textrnn.training.trainer.loop import TrainingData
from textrnn.training.trainer.setup import TrainingSetup


@dataclass(frozen=True, eq=False)
class Taught:
    """The data of a student, the seconds that its teachers were trained, and the steps at which they were resumed."""

    data: TrainingData
    seconds: float
    resumed: list[int]


@dataclass(frozen=True)
class TeacherRun:
    """The seconds that a teacher was trained, and the steps at which its run was resumed."""

    seconds: float
    resumed: list[int]


class SoftTargets:
    """The mean of the teachers' predictions for the rows of train, which are added one teacher at a time.

    For each bucket it is the mean of softmax(logits / temperature): (N, C), or (N, T, C) for tagging, float32. For a
    teacher with a CRF it is the probability of each tag over all tag sequences. Dropout is off; the precision is
    that of training. The result is where the bucket is: on the device, or in host memory for a bucket that stays
    in its shards. The values at padding have no meaning.
    """

    def __init__(self, buckets: Sequence[AnyBucket], settings: Train, temperature: float) -> None:
        self._buckets, self._settings, self._temperature = buckets, settings, temperature
        self._sums: list[Tensor] = []
        self._count = 0

    def add(self, teacher: nn.Module) -> None:
        """Add the predictions of a teacher."""
        teacher.eval()
        for index, bucket in enumerate(self._buckets):
            probabilities = _probabilities(teacher, bucket, self._settings, self._temperature)
            if self._count:
                self._sums[index] += probabilities
            else:
                self._sums.append(probabilities)
        self._count += 1

    def mean(self) -> list[Tensor]:
        """The mean of each bucket, once all teachers were added: the sums are divided in place."""
        return [total.div_(self._count) for total in self._sums]


def train_teachers(setup: TrainingSetup, work_folder: Path | None, *, verbose: bool) -> Taught:
    """Train the teachers of `train.distill` one after another; without it there are none, and the data is the set-up's.

    Each teacher is exactly what the recipe would be with the teacher's seed and without `distill`. Only one is in
    memory at a time. work_folder: where they save checkpoints, or None.
    """
    settings, buckets = setup.recipe.train, setup.data.train
    if settings.distill is None:
        return Taught(setup.data, 0.0, [])
    soft_targets = SoftTargets(buckets, settings, settings.distill.temperature)
    runs = []
    for number, seed in enumerate(settings.distill.seeds, start=1):
        checkpointer = None if work_folder is None else Checkpointer(work_folder, number)
        title = f"teacher {number} of {len(settings.distill.seeds)} (seed {seed})"
        runs.append(_run_teacher(setup, seed, title, checkpointer, soft_targets, verbose=verbose))
    train = [bucket.with_soft_targets(mean) for bucket, mean in zip(buckets, soft_targets.mean(), strict=True)]
    resumed = [step for run in runs for step in run.resumed]
    return Taught(replace(setup.data, train=train), sum(run.seconds for run in runs), resumed)


def _run_teacher(
    setup: TrainingSetup,
    seed: int,
    title: str,
    checkpointer: Checkpointer | None,
    soft_targets: SoftTargets,
    *,
    verbose: bool,
) -> TeacherRun:
    """Train a teacher, unless that was done before, and add its predictions. Only the predictions stay in memory."""
    if verbose:
        print(title, flush=True)
    settings = replace(setup.recipe.train, seed=seed, distill=None)
    progress = Progress(f"{setup.recipe.name}, {title}", verbose=verbose)
    trainer = setup.build_trainer(setup.data, settings, checkpointer=checkpointer, callbacks=[progress])
    trainer.fit()
    if checkpointer is not None:
        checkpointer.save_final(trainer.state)
    soft_targets.add(trainer.network)
    return TeacherRun(trainer.state.seconds, trainer.state.resumed)


@torch.no_grad()
def _probabilities(teacher: nn.Module, bucket: AnyBucket, settings: Train, temperature: float) -> Tensor:
    """A teacher's probabilities for all rows of a bucket, in their order."""
    parts = []
    for batch in batches([bucket], evaluation_size(next(teacher.parameters()).device)):
        logits = forward_in_precision(teacher, batch.ids, batch.lengths, settings.precision)
        valid = batch.targets != IGNORED_TAG
        probabilities = log_probabilities(find_crf(teacher), logits, valid, temperature).exp_()
        parts.append(probabilities if isinstance(bucket, Bucket) else probabilities.cpu())
    return torch.cat(parts)
