"""Rows sampled by class: how often each comes, that only seed and epoch decide, and the batches of an epoch."""

from collections import Counter

import pytest
import torch

from factories.buckets import mapped, numbered, order
from factories.settings import settings
from factories.training_runs import rows_of, run, small
from textrnn.common.config.train import PowerSampling, Train
from textrnn.common.params.sections import load_entry_section
from textrnn.errors import UserError
from textrnn.training.batching.batches import Shuffle, count_batches, row_counts
from textrnn.training.batching.buckets import Bucket
from textrnn.training.batching.sampling import make_sampling

SIZES = (600, 300, 90, 10)  # rows of each class


def bucket(labels, first=0, width=2):
    rows = len(labels)
    row_numbers = torch.arange(first, first + rows)
    return Bucket(
        row_numbers, torch.ones(rows, width, dtype=torch.int32), torch.full((rows,), width), torch.tensor(labels)
    )


def labels_of(sizes):
    return [label for label, size in enumerate(sizes) for _ in range(size)]


def count_samples(buckets, sampling, epochs=20, seed=1):
    """How often each class and each row is sampled in so many epochs."""
    sampler = make_sampling(buckets, settings(sampling=sampling))
    classes, rows = Counter(), Counter()
    for epoch in range(epochs):
        for index, bucket_ in enumerate(buckets):
            sampled = sampler.sample_rows(index, seed, epoch)
            classes.update(bucket_.targets[sampled].tolist())
            rows.update(bucket_.row_numbers[sampled].tolist())
    return classes, rows


@pytest.mark.parametrize(
    ("sampling", "power"),
    [("balanced", 0.0), (PowerSampling(0.5), 0.5), (PowerSampling(1.0), 1.0)],
    ids=["balanced", "root", "plain"],
)
@pytest.mark.parametrize("split", [1, 2])
def test_classes_come_in_proportion_to_a_power_of_their_size(sampling, power, split):
    labels = labels_of(SIZES)
    # with two buckets, the second has nearly all rows of the rare classes
    buckets = [bucket(labels)] if split == 1 else [bucket(labels[:850]), bucket(labels[850:], 850, 3)]
    classes, rows = count_samples(buckets, sampling)
    total = sum(size**power for size in SIZES)
    assert sum(classes.values()) == 20 * 1000
    for label, size in enumerate(SIZES):
        share = size**power / total
        assert classes[label] / 20_000 == pytest.approx(share, abs=5 * (share * (1 - share) / 20_000) ** 0.5)
    counts = [rows[990 + row] for row in range(10)]  # the rows of the rarest class come equally often
    mean = 20_000 * SIZES[3] ** power / total / 10
    assert min(counts) > mean - 5 * mean**0.5
    assert max(counts) < mean + 5 * mean**0.5


def test_seed_and_epoch_decide():
    buckets = [bucket(labels_of(SIZES))]
    sampler = make_sampling(buckets, settings(sampling="balanced"))
    torch.manual_seed(1)
    first = sampler.sample_rows(0, 1, 0)
    torch.manual_seed(2)
    assert torch.equal(make_sampling(buckets, settings(sampling="balanced")).sample_rows(0, 1, 0), first)
    assert not torch.equal(sampler.sample_rows(0, 1, 1), first)
    assert not torch.equal(sampler.sample_rows(0, 2, 0), first)
    assert len(set(first.tolist())) < len(first)  # with replacement


def test_rows_left_in_their_shards_are_sampled_alike():
    whole = bucket(labels_of(SIZES))
    samplers = [make_sampling([rows], settings(sampling=PowerSampling(0.3))) for rows in (whole, mapped(whole))]
    assert torch.equal(samplers[0].sample_rows(0, 1, 0), samplers[1].sample_rows(0, 1, 0))


def test_buckets_get_rows_in_proportion_to_their_weights():
    # of 4 rows of class 0 and 2 of class 1, balanced, a row of class 1 weighs twice one of class 0
    buckets = [bucket([0, 0, 0]), bucket([0, 1, 1], 3, 3)]
    sampler = make_sampling(buckets, settings(sampling="balanced"))
    assert sampler.counts == [2, 4]  # 6 * 3/8 = 2.25 and 6 * 5/8 = 3.75
    assert row_counts(buckets, sampler) == [2, 4]
    assert row_counts(buckets, None) == [3, 3]
    assert count_batches(buckets, 2, False, sampler) == 3
    assert (
        count_batches(buckets, 3, True, sampler) == 2
    )  # 2 rows stay as the only batch of their bucket, 1 of 4 is dropped


def test_a_bucket_that_gets_no_row_has_no_batch():
    buckets = [bucket([0]), bucket([0] * 50 + [1], 1, 3)]
    sampler = make_sampling(buckets, settings(sampling="balanced"))
    assert sampler.counts == [1, 51]
    many = [bucket([0]), bucket([0] * 500 + [1, 2, 3], 1, 3)]
    sampler = make_sampling(many, settings(sampling="balanced"))
    assert sampler.counts == [0, 504]
    assert len(order(many, 100, shuffle=Shuffle(1, 0), sampling=sampler)) == 6


def test_batches_consist_of_the_sampled_rows():
    buckets = numbered(17, 8)
    sampler = make_sampling(buckets, settings(sampling="balanced"))
    found = order(buckets, 4, shuffle=Shuffle(1, 3), sampling=sampler)
    rows = [sorted(row for batch in found for row in batch if (row >= 17) == bool(at)) for at in range(2)]
    assert rows == [sorted(each.row_numbers[sampler.sample_rows(at, 1, 3)].tolist()) for at, each in enumerate(buckets)]
    assert len(found) == count_batches(buckets, 4, False, sampler)
    assert order(buckets, 4, shuffle=Shuffle(1, 3), sampling=sampler, start=2) == found[2:]
    first = make_sampling(buckets[:1], settings(sampling="balanced"))
    resident, staged = (
        order(rows, 4, shuffle=Shuffle(1, 3), sampling=first) for rows in (buckets[:1], [mapped(buckets[0])])
    )
    assert resident == staged


def test_without_sampling_each_row_comes_once():
    assert make_sampling(numbered(5), settings()) is None


def test_a_run_trains_on_the_sampled_rows():
    rows = rows_of(18)
    outcome, points, steps = run(small(), rows, settings(sampling="balanced", epochs=2))
    assert (outcome.steps, steps[-1], points[-1].epoch) == (10, 10, 2.0)
    assert points[0].train != run(small(), rows, settings(epochs=2))[1][0].train


DEFAULTS = {name: getattr(settings(), name) for name in Train.__dataclass_fields__}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"sampling": "balanced", "shuffle": False},
            r"^recipes\.r\.train\.sampling: must be null if shuffle is false",
        ),
        ({"sampling": {"power": 1.5}}, r"^recipes\.r\.train\.sampling\.power: must lie in \[0, 1\]; got 1\.5"),
        ({"sampling": {"powr": 0.5}}, r"^recipes\.r\.train\.sampling\.powr: unknown param; did you mean power\?"),
    ],
)
def test_other_values_are_refused_by_name(changes, message):
    params = {"train": DEFAULTS, "recipes": {"r": {"train": changes}}}
    with pytest.raises(UserError, match=message):
        load_entry_section(Train, params, "recipes", "r", "train")


def test_a_tagger_cannot_sample_by_class():
    with pytest.raises(UserError, match=r"^train\.sampling: must be null for tagging: a row has no single class"):
        settings(sampling="balanced").check_task("train", "tag")
    settings(sampling="balanced").check_task("train", "classify")
    settings().check_task("train", "tag")
