import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import textrnn.preparation.parsing.stratified_sample
from factories.sampling_reference import brute_force, sizes_of, split_mix
from textrnn.common.storage.hashing import hash_range, hash_rows
from textrnn.preparation.parsing.stratified_sample import sample_stratified

STRATA = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2] * 2)

populations = st.lists(st.integers(0, 4), min_size=1, max_size=60).flatmap(
    lambda strata: st.tuples(st.just(np.array(strata)), st.integers(0, len(strata)))
)


def sample_mask(strata, rows, seed, purpose, cuts=(), numbers=None):
    """The mask of a sample of rows with strata (N,), streamed in chunks that start at `cuts`; rows count from 0."""
    numbers = np.arange(len(strata)) if numbers is None else numbers
    chunks = list(zip(np.split(numbers, cuts), np.split(strata, cuts), strict=True))
    sample = sample_stratified(lambda: iter(chunks), rows, seed, purpose)
    return np.concatenate([sample.mask(*chunk) for chunk in chunks])


def sampled_sizes(strata, mask):
    return {kind: int((strata[mask] == kind).sum()) for kind in sizes_of(strata)}


def test_hashes_are_split_mix():
    assert hash_range(50, 7, "dev").tolist() == [split_mix(row, 7, "dev") for row in range(50)]


def test_hashes_of_any_rows():
    assert hash_rows(np.array([7, 10**15]), 7, "dev").tolist() == [split_mix(row, 7, "dev") for row in (7, 10**15)]


def test_hashes_golden():
    assert hash_range(3, 1, "dev").tolist() == [17650168450256756803, 6421478824707965055, 6381110426156454737]


@pytest.mark.parametrize(
    ("seed", "purpose", "rows"),
    [
        (1, "dev", [1, 2, 3, 6, 8, 9, 10]),
        (2, "dev", [2, 4, 8, 11, 12, 17, 19]),
        (1, "limit/train", [1, 8, 12, 13, 14, 18, 19]),
    ],
)
def test_sample_golden(seed, purpose, rows):
    assert np.flatnonzero(sample_mask(STRATA, 7, seed, purpose)).tolist() == rows


@settings(max_examples=200, deadline=None)
@given(populations, st.integers(0, 9), st.data())
def test_sample_against_brute_force(population, seed, data):
    strata, rows = population
    numbers = sorted(data.draw(st.sets(st.integers(0, 10**12), min_size=len(strata), max_size=len(strata))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(strata)), max_size=4)))
    mask = sample_mask(strata, rows, seed, "dev", cuts, np.array(numbers))
    assert mask.dtype == bool
    assert mask.tolist() == brute_force(strata, rows, seed, "dev", numbers).tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 12), st.floats(0, 1), st.integers(1, 300))
def test_many_rows_and_bins_against_brute_force(random_seed, kinds, bits, share, rows_per_bin):
    random = np.random.default_rng(random_seed)
    # few rows in one stratum, most in another, and stratum numbers as large as those of sets of entity types
    strata = (random.geometric(0.2, 3000) % kinds) * 2**57
    cuts = np.sort(random.integers(0, 3000, 7))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textrnn.preparation.parsing.stratified_sample, "ROWS_PER_BIN", rows_per_bin)
        patch.setattr(textrnn.preparation.parsing.stratified_sample, "MAX_BIN_BITS", max(bits, 1))
        mask = sample_mask(strata, round(3000 * share), random_seed, "limit/train", cuts)
    expected = brute_force(strata, round(3000 * share), random_seed, "limit/train", list(range(3000)))
    assert mask.tolist() == expected.tolist()


def test_a_sample_has_one_threshold_per_stratum_and_reads_three_times():
    reads = []
    strata = np.repeat([3, 5, 9], [5000, 4000, 1000])

    def chunks():
        reads.append(1)
        for first in range(0, 10_000, 512):
            yield np.arange(first, min(first + 512, 10_000)), strata[first : first + 512]

    sample = sample_stratified(chunks, 1000, 1, "dev")
    assert len(reads) == 3
    assert (sample.strata.tolist(), len(sample.thresholds)) == ([3, 5, 9], 3)
    # a tenth of the rows has roughly the smallest tenth of the hashes
    assert (sample.thresholds / 2**64).tolist() == pytest.approx([0.1, 0.1, 0.1], abs=0.03)
    assert not sample.mask(np.arange(50), np.full(50, 4)).any()


@settings(max_examples=200, deadline=None)
@given(populations)
def test_quotas_are_proportional(population):
    strata, rows = population
    mask = sample_mask(strata, rows, 3, "dev")
    assert mask.sum() == rows
    for kind, size in sizes_of(strata).items():
        assert abs(sampled_sizes(strata, mask)[kind] - size * rows / len(strata)) < 1


def test_exact_shares_have_no_rounding():
    assert sampled_sizes(STRATA, sample_mask(STRATA, 10, 1, "dev")) == {0: 6, 1: 3, 2: 1}


def test_ties_go_to_the_smaller_stratum_without_rounding_errors():
    # 7 of 100 rows of ten strata of ten: each has a remainder of exactly 0.7
    strata = np.repeat(np.arange(10), 10)
    assert sampled_sizes(strata, sample_mask(strata, 7, 1, "dev")) == {kind: int(kind < 7) for kind in range(10)}
    # shares of 1.5, 6.5 and 7
    strata = np.repeat([4, 9, 11], [3, 13, 14])
    assert sampled_sizes(strata, sample_mask(strata, 15, 1, "dev")) == {4: 2, 9: 6, 11: 7}


@settings(max_examples=100, deadline=None)
@given(populations, st.data())
def test_a_larger_sample_contains_a_smaller_one_up_to_rounding(population, data):
    strata, rows = population
    fewer = data.draw(st.integers(0, rows))
    small, large = sample_mask(strata, fewer, 5, "limit/train"), sample_mask(strata, rows, 5, "limit/train")
    for kind in sizes_of(strata):
        inside, outside = small & large & (strata == kind), small & ~large & (strata == kind)
        assert inside.sum() == min(sampled_sizes(strata, small)[kind], sampled_sizes(strata, large)[kind])
        assert outside.sum() <= 1


def test_one_stratum_is_strictly_nested():
    strata = np.zeros(100, dtype=np.int64)
    masks = [sample_mask(strata, rows, 1, "dev") for rows in range(101)]
    assert all((small <= large).all() for small, large in itertools.pairwise(masks))


@pytest.mark.parametrize("rows", [20, 21, 10**9])
def test_all_rows_if_as_many_are_requested(rows):
    assert sample_mask(STRATA, rows, 1, "dev").all()


def test_no_rows():
    assert not sample_mask(STRATA, 0, 1, "dev").any()
    assert sample_mask(np.array([], dtype=np.int64), 5, 1, "dev").tolist() == []


def test_seed_and_purpose_change_the_sample():
    strata = np.repeat([0, 1], 500)
    masks = [sample_mask(strata, 100, seed, purpose) for seed, purpose in [(1, "dev"), (2, "dev"), (1, "limit/train")]]
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert 0 < (masks[one] & masks[other]).sum() < 30  # 10 in common are expected by chance


def test_seed_and_purpose_are_separated():
    assert hash_range(1, 1, "2")[0] != hash_range(1, 12, "")[0]
