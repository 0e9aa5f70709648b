"""Knowledge distillation: compute soft targets for train, the mean predictions of an ensemble of the recipe's models.

Sources: Hinton et al. 2015, arXiv:1503.02531, section 2; teachers of the student's own architecture: Furlanello et al.
2018, arXiv:1805.04770. How the loss uses the soft targets is in textrnn.modeling.models.running_metrics.

Shapes: N rows, T the bucket's width, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from textrnn.common.config.train import Distill, Train
from textrnn.common.storage.schemas import IGNORED_TAG
from textrnn.modeling.nn.crf import find_crf, log_probabilities
from textrnn.modeling.nn.precision import forward_in_precision
from textrnn.training.batching.batches import batch_size, batches
from textrnn.training.batching.buckets import AnyBucket, Bucket

TrainTeacher = Callable[[int, str, Train], nn.Module]


def add_soft_targets(
    buckets: Sequence[AnyBucket], settings: Train, distill: Distill, train_teacher: TrainTeacher
) -> list[AnyBucket]:
    """The buckets with the soft targets of `distill`, whose teachers are trained one after another.

    train_teacher: trains one teacher, given its number (from 1), its title and its settings: the student's, but with
    the teacher's seed and without `distill`. Only one teacher is in memory at a time.
    """
    teachers = (train_teacher(number, title, teacher) for number, title, teacher in _teachers(settings, distill))
    soft = soft_targets(teachers, buckets, settings, distill.temperature)
    return [bucket.with_soft_targets(targets) for bucket, targets in zip(buckets, soft, strict=True)]


def _teachers(settings: Train, distill: Distill) -> Iterator[tuple[int, str, Train]]:
    for number, seed in enumerate(distill.seeds, start=1):
        title = f"teacher {number} of {len(distill.seeds)} (seed {seed})"
        yield number, title, replace(settings, seed=seed, distill=None)


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
