"""Knowledge distillation: what an ensemble of the recipe's own models says of each row of train, for a student.

Sources: Hinton et al. 2015, arXiv:1503.02531, section 2; teachers of the student's own architecture: Furlanello et al.
2018, arXiv:1805.04770. Their share in the loss is in textrnn.modeling.models.loss.

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

Teach = Callable[[int, str, Train], nn.Module]


def add_soft_targets(rows: Sequence[AnyBucket], settings: Train, distill: Distill, teach: Teach) -> list[AnyBucket]:
    """The rows with the soft targets of `distill`, whose teachers are trained one after another.

    teach: trains the teacher of a number, from 1, that is called so, by the settings given: those of the student with
    the teacher's seed and without `distill`. No two teachers are held at a time.
    """
    teachers = (teach(*of) for of in _teachers(settings, distill))
    soft = soft_targets(teachers, rows, settings, distill.temperature)
    return [bucket.with_soft_targets(each) for bucket, each in zip(rows, soft, strict=True)]


def _teachers(settings: Train, distill: Distill) -> Iterator[tuple[int, str, Train]]:
    for number, seed in enumerate(distill.seeds, start=1):
        title = f"teacher {number} of {len(distill.seeds)} (seed {seed})"
        yield number, title, replace(settings, seed=seed, distill=None)


def soft_targets(
    teachers: Iterable[nn.Module], rows: Sequence[AnyBucket], settings: Train, temperature: float
) -> list[Tensor]:
    """Of each bucket the teachers' mean of softmax(logits / temperature): (N, C), or for tagging (N, T, C), float32.

    Of a teacher with a CRF it is the probability of each tag over all rows of tags. Without dropout, in the precision
    and the batches of training. They lie where the bucket lies: on the device, or for one that stays in its shards in
    the memory of the host. Of padding they say something that means nothing.
    """
    sums: list[Tensor] = []
    count = 0
    for teacher in teachers:
        teacher.eval()
        for at, bucket in enumerate(rows):
            found = _probabilities(teacher, bucket, settings, temperature)
            if count:
                sums[at] += found
            else:
                sums.append(found)
        count += 1
    return [each.div_(count) for each in sums]


@torch.no_grad()
def _probabilities(teacher: nn.Module, bucket: AnyBucket, settings: Train, temperature: float) -> Tensor:
    """What a teacher thinks of all rows of a bucket, in their order."""
    parts = []
    for batch in batches([bucket], batch_size(settings)):
        logits = forward_in_precision(teacher, batch.ids, batch.lengths, settings.precision)
        found = log_probabilities(find_crf(teacher), logits, batch.targets != IGNORED_TAG, temperature).exp_()
        parts.append(found if isinstance(bucket, Bucket) else found.cpu())
    return torch.cat(parts)
