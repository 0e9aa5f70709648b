"""The CRF on windows: its features by hand, and a task that only the context decides."""

import dataclasses

import numpy as np
import pytest

from factories.baseline_texts import SETTINGS
from textrnn.errors import UserError
from textrnn.evaluation.baselines.sentences import EncodedSentences
from textrnn.evaluation.baselines.window_crf import fit_window_crf, is_installed, window_features

pytestmark = pytest.mark.skipif(not is_installed(), reason="CRFsuite is not installed")


def sentences_of(rows, spans):
    ids = np.array([token for row in rows for token in row], dtype=np.int32)
    offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    return EncodedSentences(ids, offsets, np.zeros(len(ids), np.int64), spans)


def sample(rows, seed):
    """Rows of ids 2 to 7; 3 and the token after it are an entity: a PER after a 2, otherwise a LOC."""
    generator = np.random.default_rng(seed)
    texts, spans = [], []
    for _ in range(rows):
        row = generator.integers(4, 8, generator.integers(3, 9)).tolist()
        place, before = int(generator.integers(1, len(row) - 1)), int(generator.integers(2, 4))
        row[place] = 3
        row[place - 1] = 2 if before == 2 else row[place - 1]
        texts.append(row)
        spans.append([(place, place + 2, "PER" if row[place - 1] == 2 else "LOC")])
    return sentences_of([[], *texts], [[], *spans])


def test_the_features_of_a_row_by_hand():
    first, second = window_features([7, 8])
    assert first == ["-2:0", "-1:0", "0:7", "1:8", "2:0", "-2:0,0", "-1:0,7", "0:7,8", "1:8,0"]
    assert second == ["-2:0", "-1:7", "0:8", "1:0", "2:0", "-2:0,7", "-1:7,8", "0:8,0", "1:0,0"]
    assert window_features([]) == []


def test_context_decides_and_two_fits_are_equal():
    train, dev, test = sample(150, 1), sample(60, 2), sample(60, 3)
    found = fit_window_crf(train, (dev, test), SETTINGS)
    for split, spans in zip((dev, test), found, strict=True):
        hits = sum(ours == gold for ours, gold in zip(spans, split.spans, strict=True))
        assert hits >= 0.95 * len(split)
        assert spans[0] == []  # a row without tokens
    assert fit_window_crf(train, (dev, test), SETTINGS) == found


def test_a_count_that_no_feature_has_leaves_the_majority():
    train, dev = sample(50, 1), sample(20, 2)
    (found,) = fit_window_crf(train, (dev,), dataclasses.replace(SETTINGS, crf_min_count=10_000))
    assert found == [[]] * len(dev)


def test_train_without_entities_is_refused():
    with pytest.raises(UserError, match=r"^baseline: the training split has no entities; give it more rows$"):
        fit_window_crf(sentences_of([[2]], [[]]), (), SETTINGS)
