"""A variant with a seed as a recipe to train, on all rows of its inputs or on a part of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.study.plan.inputs import EMBEDDED, PADDED, inputs_folder
from textrnn.study.plan.settings import RunSettings
from textrnn.training.batching.buckets import AnyBucket, Bucket
from textrnn.training.planning.limits import apply_limits, find_caps
from textrnn.training.trainer.recipe import PreparedData, PreparedFiles, Recipe

SUBSET_SEED = 0  # of the order in which rows come into a part of train: with all seeds of a run the same ones


def load_data(settings: RunSettings) -> PreparedData:
    """The inputs of a variant. Raises UserError for files that are missing or damaged."""
    folder = inputs_folder(settings.inputs)
    preparation = Preparation(Preparation.default_folder(settings.encoding))
    return PreparedFiles(folder / PADDED, folder / EMBEDDED, preparation).load()


def variant_recipe(name: str, seed: int, settings: RunSettings, data: PreparedData) -> Recipe:
    """A variant with a seed as a recipe, after `limits`; epochs that are short are evaluated at their ends alone."""
    train, padded = replace(settings.train, seed=seed), data.padded
    rows = min(settings.rows or padded.rows("train"), padded.rows("train"))
    assert isinstance(train.batch_size, int)  # the settings refuse others
    if train.evaluate_every is not None and train.evaluate_every * train.batch_size >= rows:
        train = replace(train, evaluate_every=None)
    caps = tuple(find_caps(settings.model, train, settings.limits, padded))
    model, train = apply_limits(settings.model, train, settings.limits)
    return Recipe(name, f"study.variants.{name}", model, train, data, caps)


def part_of_rows(buckets: Sequence[AnyBucket], rows: int | None) -> Sequence[AnyBucket]:
    """So many rows of a split, drawn at random; a smaller part lies in each larger one. None, or too many, are all."""
    if rows is None or rows >= sum(map(len, buckets)):
        return buckets
    every = [bucket.take(torch.arange(len(bucket))) for bucket in buckets]
    numbers = np.sort(np.concatenate([batch.row_numbers.numpy() for batch in every]))
    kept = np.random.default_rng(SUBSET_SEED).permutation(numbers)[:rows]
    parts = []
    for batch in every:
        index = torch.from_numpy(np.isin(batch.row_numbers.numpy(), kept))
        part = (batch.row_numbers[index], batch.ids[index], batch.lengths[index], batch.targets[index])
        parts.append(Bucket(*part))
    return [part for part in parts if len(part)]
