"""The bootstrap over rows and seeds against closed forms of its variance."""

import numpy as np
import pytest

from factories.study_records import facts
from textrnn.study.plan.packed_rows import pack_bits, pack_counts, unpack_counts
from textrnn.study.verdicts.resampling import RESAMPLES, resample_rows, resample_seeds, whole_counts


def with_rows(correct):
    return facts(correct=pack_bits(correct))


def test_accuracy_on_resampled_rows_has_the_variance_of_a_binomial():
    correct = np.arange(400) < 300
    samples = resample_rows({("a", 1): with_rows(correct)})["a", 1]
    assert samples.shape == (RESAMPLES,)
    assert samples.mean() == pytest.approx(0.75, abs=0.002)
    assert samples.std() == pytest.approx(np.sqrt(0.75 * 0.25 / 400), rel=0.05)


def test_runs_on_the_same_rows_are_resampled_together():
    correct = np.random.default_rng(0).random(300) < 0.6
    better = correct.copy()
    better[np.flatnonzero(~correct)[:30]] = True  # right wherever the other is, and on thirty rows more
    samples = resample_rows({("a", 1): with_rows(correct), ("b", 1): with_rows(better), ("c", 1): with_rows(correct)})
    difference = samples["b", 1] - samples["a", 1]
    assert difference.min() > 0
    assert difference.std() == pytest.approx(np.sqrt(0.1 * 0.9 / 300), rel=0.05)  # of the thirty rows alone
    assert (samples["c", 1] == samples["a", 1]).all()


def test_f1_on_resampled_sentences():
    counts = np.array([[2, 0, 1], [1, 1, 1], [1, 0, 1]])  # gold, found and correct entities of three sentences
    tagger = facts(task="tag", correct=None, entities=pack_counts(counts))
    samples = resample_rows({("a", 1): tagger})["a", 1]
    whole = 2 * 2 / (3 + 3)
    assert np.isclose(samples, whole).any()
    assert set(np.round(np.unique(samples), 6)) >= {0.0, 1.0}  # three times the second, and three times the third
    assert samples.max() <= 1.0


def test_what_a_byte_cuts_off_a_sentence_follows_from_the_score():
    counts = np.array([[2, 643, 1], [1, 300, 1], [1, 24, 1]])
    score = 2 * counts[2].sum() / counts[:2].sum()
    packed = unpack_counts(pack_counts(counts))
    assert packed[:, 1].tolist() == [255, 255, 24]
    whole = whole_counts(packed, round(score, 6))
    assert whole.sum(axis=1)[:2].sum() == counts[:2].sum()
    assert (whole[:, [0, 2]] == counts[:, [0, 2]]).all()
    tagger = facts(task="tag", correct=None, entities=pack_counts(counts), test_score=round(score, 6))
    assert np.isclose(resample_rows({("a", 1): tagger})["a", 1], score).any()
    two = np.array([[300, 643], [1, 300], [1, 24]])  # which of both lacks how many cannot be known
    assert (whole_counts(np.minimum(two, 255), 0.03) == np.minimum(two, 255)).all()
    assert (whole_counts(counts[:, :1], 0.5) == counts[:, :1]).all()


def test_resampled_seeds_have_the_variance_of_the_mean_of_a_sample():
    values = np.array([0.1, 0.2, 0.4, 0.7])
    samples = resample_seeds(np.repeat(values[:, None], 200_000, axis=1))
    assert samples.mean() == pytest.approx(values.mean(), abs=1e-3)
    assert samples.var() == pytest.approx(values.var(ddof=1) / len(values), rel=0.02)


def test_rows_and_seeds_add_up():
    generator = np.random.default_rng(1)
    rows = generator.normal(0, 0.03, 200_000)  # what resampled rows do to all seeds alike
    samples = resample_seeds(np.array([0.0, 0.1, 0.2])[:, None] + rows)
    assert samples.var() == pytest.approx(0.01 / 3 + 0.03**2, rel=0.03)


def test_one_seed_is_left_as_it_is_and_streams_differ():
    one = np.array([[0.1, 0.2]])
    assert resample_seeds(one).tolist() == [0.1, 0.2]
    several = np.repeat(np.array([[0.1], [0.9]]), 50, axis=1)
    assert (resample_seeds(several, 1) != resample_seeds(several, 2)).any()
    assert (resample_seeds(several, 1) == resample_seeds(several, 1)).all()
