"""The bootstrap over test rows: scores of runs on resampled rows; and over seeds, for learning curves.

Shapes: B resamples, R runs, N rows, S seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from textrnn.study.plan.packed_rows import LARGEST_COUNT, unpack_bits, unpack_counts
from textrnn.study.plan.result_forms import RunFacts

RESAMPLES = 4000
CHUNK = 100  # resamples of rows at a time
SEED = 1

RunKey = tuple[str, int]  # variant and seed
Samples = dict[RunKey, np.ndarray]


def resample_rows(runs: Mapping[RunKey, RunFacts]) -> Samples:
    """The score (B,) of each run on rows that are drawn with replacement, the same ones for all runs of a test split.

    Accuracy for classifiers, entity F1 for taggers. Runs that diverged are scored too.
    """
    correct = {key: unpack_bits(facts["correct"]) for key, facts in runs.items() if facts["correct"]}
    counts = {
        key: whole_counts(unpack_counts(facts["entities"]), facts["test_score"])
        for key, facts in runs.items()
        if facts["entities"]
    }
    return _by_rows(correct, _accuracies) | _by_rows(counts, _f1_scores)


def whole_counts(counts: np.ndarray, f1: float) -> np.ndarray:
    """Counts (3, N) of gold, found and correct entities that are packed as bytes, with what a byte has cut off.

    F1 depends on gold + found alone, so for one sentence that was cut, the rest follows from the F1 of all. It is added
    to the sentence's gold. If several were cut, or a count of correct entities, they stay as they are.
    """
    cut = np.flatnonzero((counts == LARGEST_COUNT).any(axis=0))
    if len(cut) != 1 or counts[2, cut[0]] == LARGEST_COUNT or not f1:
        return counts
    gold, found, hits = counts.sum(axis=1)
    whole = counts.copy()
    whole[0, cut[0]] += max(0, round(2 * hits / f1) - gold - found)
    return whole


def _by_rows(values: Mapping[RunKey, np.ndarray], score: Callable[[np.ndarray], np.ndarray]) -> Samples:
    """Score the runs (R, ..., N) of each number of rows together."""
    samples: Samples = {}
    for rows in {each.shape[-1] for each in values.values()}:
        keys = [key for key, each in values.items() if each.shape[-1] == rows]
        samples |= dict(zip(keys, score(np.stack([values[key] for key in keys]).astype(np.float32)), strict=True))
    return samples


def _row_weights(rows: int) -> Iterator[np.ndarray]:
    """How often each row is drawn, (CHUNK, N) for each chunk of resamples; always the same for so many rows."""
    generator = np.random.default_rng(SEED)
    for _ in range(RESAMPLES // CHUNK):
        drawn = generator.integers(0, rows, (CHUNK, rows)) + rows * np.arange(CHUNK)[:, None]
        yield np.bincount(drawn.ravel(), minlength=CHUNK * rows).reshape(CHUNK, rows).astype(np.float32)


def _accuracies(correct: np.ndarray) -> np.ndarray:
    """Of (R, N): (R, B)."""
    rows = correct.shape[-1]
    sums = np.concatenate([correct @ weights.T for weights in _row_weights(rows)], axis=1)
    return sums.astype(np.float64) / rows


def _f1_scores(counts: np.ndarray) -> np.ndarray:
    """Of (R, 3, N): (R, B)."""
    chunks = [counts @ weights.T for weights in _row_weights(counts.shape[-1])]
    gold, found, hits = np.concatenate(chunks, axis=2).astype(np.float64).swapaxes(0, 1)
    scores: np.ndarray = 2 * hits / np.maximum(gold + found, 1)
    return scores


def resample_seeds(samples: np.ndarray, stream: int = 0) -> np.ndarray:
    """The mean (B,) over seeds drawn with replacement, of values (S, B) that are of resampled rows already.

    The deviations from the mean of the seeds are enlarged by sqrt(S / (S - 1)): without it the resamples of few seeds
    have the variance of a population, which is too small (Rao and Wu 1988, "Resampling inference with complex survey
    data"). stream: seeds of different streams are drawn independently.
    """
    seeds = len(samples)
    if seeds < 2:
        return samples.mean(axis=0)
    drawn = np.random.default_rng([SEED, stream]).integers(0, seeds, (seeds, samples.shape[1]))
    mean = samples.mean(axis=0)
    deviations = np.take_along_axis(samples - mean, drawn, axis=0).mean(axis=0)
    resampled: np.ndarray = mean + np.sqrt(seeds / (seeds - 1)) * deviations
    return resampled
