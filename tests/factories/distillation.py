"""A student with two teachers: its settings, trained models, and soft targets."""

import torch

from factories.networks import PLAIN
from factories.recipes import LABELS, recipe_of
from factories.settings import settings
from textrnn.common.config.train import Distill
from textrnn.training.trainer.distillation import SoftTargets
from textrnn.training.trainer.train_recipe import train_recipe

DISTILL = Distill((11, 12), 0.7, 2.0)
STUDENT = settings(epochs=2, evaluate_every=4, learning_rate=0.02, distill=DISTILL)


def softened(rows, classes=4, seed=0):
    """The buckets with random soft targets."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(*bucket.targets.shape, classes) for bucket in rows]
    return [
        bucket.with_soft_targets(torch.randn(shape, generator=generator).softmax(-1))
        for bucket, shape in zip(rows, shapes, strict=True)
    ]


def weights_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def trained(padded, folder, options=STUDENT, model=PLAIN, labels=LABELS, **outputs):
    recipe = recipe_of(padded, labels=labels, model=model, train=options)
    return train_recipe(recipe, **{"curves_file": folder / "curves.csv", **outputs})


def soft_targets(teachers, buckets, options, temperature):
    """The mean of the teachers' predictions for each bucket."""
    soft = SoftTargets(buckets, options, temperature)
    for teacher in teachers:
        soft.add(teacher)
    return soft.mean()
