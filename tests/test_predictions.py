"""Predictions of stub models: the order of rows, confidence, and the count of the rarest token that the model read."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
import torch

from test_batches import write_padded
from test_evaluate import CLASSES, TABLE, TEXTS, TYPE_ROWS, TYPES, stub
from textrnn.errors import UserError
from textrnn.evaluation.scoring.predictions import predict_split
from textrnn.modeling.models.decoding import class_probabilities
from textrnn.modeling.nn.crf import CRF
from textrnn.preparation.artifacts.vocabulary import Vocabulary

# the counts of ids 2 to 9
VOCABULARY = Vocabulary(pa.array(list("abcdefgh")), pa.array([90, 50, 40, 30, 20, 10, 5, 1], pa.int64()))


@pytest.mark.parametrize("size", [4, None], ids=["one width", "buckets"])
@pytest.mark.parametrize("batch", [256, 3])
def test_texts_by_hand(tmp_path, monkeypatch, size, batch):
    monkeypatch.setattr("textrnn.evaluation.scoring.predictions.BATCH_SIZE", batch)
    rows = [*TEXTS, ([2, 1], 2), ([], 1)]
    padded = write_padded(tmp_path, "classify", {"train": [([2], 0), ([2, 2], 0)], "test": rows}, size)
    predictions = predict_split(stub(padded, CLASSES, TABLE), VOCABULARY, padded, "test")
    assert predictions.row_numbers.tolist() == list(range(10))
    assert predictions.offsets.tolist() == list(range(11))
    assert predictions.gold.tolist() == [label for _, label in rows]
    assert predictions.predicted.tolist() == [0, 0, 1, 1, 2, 2, 2, 2, 0, 0]
    assert predictions.confidence == pytest.approx(np.full(10, 4 / 6))  # of logits log 4, 0, 0
    assert predictions.rarest_count.tolist() == [90, 1, 50, 50, 40, 40, 40, 40, 0, -1]


@pytest.mark.parametrize("side", ["right", "left"])
def test_truncated_tokens_are_neither_predicted_nor_read(tmp_path, side):
    padded = write_padded(tmp_path, "tag", {"train": TYPE_ROWS[:1], "test": TYPE_ROWS}, 4, side)
    predictions = predict_split(stub(padded, TYPES, [0, 0, 0, 1, 1]), VOCABULARY, padded, "test")
    kept = [tags[:4] for _, tags, _ in TYPE_ROWS]
    assert np.diff(predictions.offsets).tolist() == [len(tags) for tags in kept]
    assert predictions.gold.tolist() == [tag for tags in kept for tag in tags]
    assert predictions.predicted.tolist() == [min(tag, 1) for tags in kept for tag in tags]
    rarest = [min((VOCABULARY.counts[tag].as_py() for tag in tags), default=-1) for tags in kept]
    assert predictions.rarest_count.tolist() == rarest


def test_predictions_of_buckets_are_in_the_order_of_rows(tmp_path):
    rows = [([2, 3, 4], [0, 1, 2], []), ([4], [2], []), ([3, 2], [1, 0], [])]
    padded = write_padded(tmp_path, "tag", {"train": rows, "test": rows})
    assert len(padded.facts["widths"]) == 3
    predictions = predict_split(stub(padded, TYPES, [0, 0, 0, 1, 2]), VOCABULARY, padded, "test")
    assert predictions.offsets.tolist() == [0, 3, 4, 6]
    assert predictions.gold.tolist() == predictions.predicted.tolist() == [0, 1, 2, 2, 1, 0]


def test_rows_of_another_vocabulary_are_refused(tmp_path):
    padded = write_padded(tmp_path, "classify", {"train": TEXTS, "test": TEXTS}, 4)
    with pytest.raises(UserError, match=r"padded: has a token id outside the model's range \(0\.\.8\); got 9"):
        predict_split(stub(padded, CLASSES, TABLE[:-1]), VOCABULARY, padded, "test")


def test_the_confidence_of_a_crf_is_the_probability_of_all_tag_sequences_with_that_tag():
    torch.manual_seed(1)
    crf = CRF(3)
    for weight in crf.parameters():
        torch.nn.init.normal_(weight)
    logits, targets = torch.randn(2, 3, 3), torch.tensor([[0, 2, 1], [1, 0, -100]])
    predictions = class_probabilities(crf, logits, targets)
    for row, steps in ((0, 3), (1, 2)):
        expected, total = torch.zeros(steps, 3, dtype=torch.float64), 0.0
        for tags in itertools.product(range(3), repeat=steps):
            score = (
                crf.start[tags[0]] + crf.end[tags[-1]] + sum(logits[row, step, tag] for step, tag in enumerate(tags))
            )
            score += sum(crf.transitions[a, b] for a, b in itertools.pairwise(tags))
            total += (probability := score.exp().item())
            for index, tag in enumerate(tags):
                expected[index, tag] += probability
        torch.testing.assert_close(predictions[row, :steps], expected / total, rtol=0, atol=1e-5)
    assert all(weight.grad is None for weight in crf.parameters())


def test_the_crf_of_a_tagger_predicts(tmp_path):
    rows = [([2, 4, 3], [0, 2, 1], [])]
    padded = write_padded(tmp_path, "tag", {"train": rows, "test": rows})
    saved = stub(padded, TYPES, [0, 0, 0, 1, 2])
    without = predict_split(saved, VOCABULARY, padded, "test")
    saved.network.crf = CRF(3)
    same = predict_split(saved, VOCABULARY, padded, "test")
    assert same.predicted.tolist() == without.predicted.tolist() == [0, 2, 1]
    assert same.confidence == pytest.approx(without.confidence)  # all its scores are zero
    saved.network.crf.transitions.data[0, 2] = -100.0  # a 2 never follows a 0
    saved.network.crf.transitions.data[2, 1] = -100.0
    predictions = predict_split(saved, VOCABULARY, padded, "test")
    # tag sequences that avoid both transitions and agree with two of the three logits: 0 0 1, 0 1 1, 1 2 2, 2 2 2, ...
    scores = {
        tags: sum(tag == best for tag, best in zip(tags, (0, 2, 1), strict=True))
        for tags in itertools.product(range(3), repeat=3)
        if (0, 2) not in itertools.pairwise(tags) and (2, 1) not in itertools.pairwise(tags)
    }
    assert scores[tuple(predictions.predicted.tolist())] == max(scores.values()) == 2
    total = sum(4**hits for hits in scores.values())
    for step, (tag, confidence) in enumerate(
        zip(predictions.predicted.tolist(), predictions.confidence.tolist(), strict=True)
    ):
        marginal = sum(4**hits for tags, hits in scores.items() if tags[step] == tag) / total
        assert confidence == pytest.approx(marginal, rel=1e-5)
