"""Knowledge distillation: train the teachers; their mean predictions are the soft targets of train.

Sources: Hinton et al. 2015, arXiv:1503.02531, section 2; teachers of the student's own architecture: Furlanello et al.
2018, arXiv:1805.04770. How the loss uses the soft targets is in textrnn.modeling.models.running_metrics.

Shapes: N rows, T the bucket's width, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Distill, Train
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.modeling.nn.crf import find_crf, log_probabilities
from textrnn.modeling.nn.precision import forward_in_precision
from textrnn.training.batching.batches import batch_size, batches
from textrnn.training.batching.buckets import AnyBucket, Bucket
from textrnn.training.trainer.callbacks import Progress
from textrnn.training.trainer.checkpointer import Checkpointer
from textrnn.training.trainer.loop import TrainingData
from textrnn.training.trainer.run_state import RunState
from textrnn.training.trainer.setup import TrainingSetup


@dataclass(frozen=True, eq=False)
class Taught:
    """The data of a student, the seconds that its teachers were trained, and the steps at which they were resumed."""

    data: TrainingData
    seconds: float
    resumed: list[int]


def train_teachers(setup: TrainingSetup, work_folder: Path | None, *, verbose: bool) -> Taught:
    """Train the teachers of `train.distill` one after another; without it there are none, and the data is the set-up's.

    Each teacher is exactly what the recipe would be with the teacher's seed and without `distill`. Only one is in
    memory at a time. work_folder: where they save checkpoints, or None.
    """
    settings, states = setup.recipe.train, list[RunState]()
    if settings.distill is None:
        return Taught(setup.data, 0.0, [])

    def teachers(distill: Distill) -> Iterator[nn.Module]:
        for number, seed in enumerate(distill.seeds, start=1):
            checkpointer = None if work_folder is None else Checkpointer(work_folder, number)
            title = f"teacher {number} of {len(distill.seeds)} (seed {seed})"
            network, state = _train_teacher(setup, seed, title, checkpointer, verbose=verbose)
            states.append(state)
            yield network

    buckets = setup.data.train
    soft = soft_targets(teachers(settings.distill), buckets, settings, settings.distill.temperature)
    train = [bucket.with_soft_targets(targets) for bucket, targets in zip(buckets, soft, strict=True)]
    resumed = [step for state in states for step in state.resumed]
    return Taught(replace(setup.data, train=train), sum(state.seconds for state in states), resumed)


def _train_teacher(
    setup: TrainingSetup, seed: int, title: str, checkpointer: Checkpointer | None, *, verbose: bool
) -> tuple[nn.Module, RunState]:
    """A teacher, trained now or before, and the seconds and resumed steps of its run."""
    if verbose:
        print(title, flush=True)
    settings = replace(setup.recipe.train, seed=seed, distill=None)
    progress = Progress(f"{setup.recipe.name}, {title}", verbose=verbose)
    network = setup.build_network(seed)
    trainer = setup.build_trainer(network, setup.data, settings, checkpointer=checkpointer, callbacks=[progress])
    trainer.fit()
    if checkpointer is not None:
        checkpointer.save_final(trainer.state)
    # not the whole state: its weights would stay in memory while the next teacher is trained
    return network, RunState(seconds=trainer.state.seconds, resumed=trainer.state.resumed)


def soft_targets(
    teachers: Iterable[nn.Module], buckets: Sequence[AnyBucket], settings: Train, temperature: float
) -> list[Tensor]:
    """For each bucket the teachers' mean of softmax(logits / temperature): (N, C), or (N, T, C) for tagging, float32.

    For a teacher with a CRF it is the probability of each tag over all tag sequences. Dropout is off; precision and
    batches are those of training. The result is where the bucket is: on the device, or in host memory for a bucket that
    stays in its shards. The values at padding have no meaning.
    """
    sums: list[Tensor] = []
    count = 0
    for teacher in teachers:
        teacher.eval()
        for index, bucket in enumerate(buckets):
            probabilities = _probabilities(teacher, bucket, settings, temperature)
            if count:
                sums[index] += probabilities
            else:
                sums.append(probabilities)
        count += 1
    return [total.div_(count) for total in sums]


@torch.no_grad()
def _probabilities(teacher: nn.Module, bucket: AnyBucket, settings: Train, temperature: float) -> Tensor:
    """A teacher's probabilities for all rows of a bucket, in their order."""
    parts = []
    for batch in batches([bucket], batch_size(settings)):
        logits = forward_in_precision(teacher, batch.ids, batch.lengths, settings.precision)
        valid = batch.targets != IGNORED_TAG
        probabilities = log_probabilities(find_crf(teacher), logits, valid, temperature).exp_()
        parts.append(probabilities if isinstance(bucket, Bucket) else probabilities.cpu())
    return torch.cat(parts)
