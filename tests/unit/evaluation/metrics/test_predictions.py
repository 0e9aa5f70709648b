"""Predictions of stub models: the order of rows, probabilities, and the file that keeps them."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
import torch

from factories.shards import write_padded
from factories.stub_models import CLASSES, TABLE, TEXTS, TYPE_ROWS, TYPES, stub
from textrnn.errors import UserError
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.scoring.predict_split import predict_split
from textrnn.modeling.models.decoding import class_probabilities
from textrnn.modeling.nn.crf import CRF


def predict(saved, padded):
    """The predictions of test."""
    predictions, _ = predict_split(saved, padded, "test")
    return predictions


@pytest.mark.parametrize("size", [4, None], ids=["one width", "buckets"])
@pytest.mark.parametrize("batch", [256, 3])
def test_texts_by_hand(tmp_path, monkeypatch, size, batch):
    monkeypatch.setattr("textrnn.evaluation.scoring.predict_split.evaluation_size", lambda device: batch)
    rows = [*TEXTS, ([2, 1], 2), ([], 1)]
    padded = write_padded(tmp_path, "classify", {"train": [([2], 0), ([2, 2], 0)], "test": rows}, size)
    predictions = predict(stub(padded, CLASSES, TABLE), padded)
    assert predictions.row_numbers.tolist() == list(range(10))
    assert predictions.offsets.tolist() == list(range(11))
    assert predictions.gold.tolist() == [label for _, label in rows]
    assert predictions.predicted.tolist() == [0, 0, 1, 1, 2, 2, 2, 2, 0, 0]
    assert predictions.confidence == pytest.approx(np.full(10, 4 / 6))  # of logits log 4, 0, 0
    expected = np.full((10, 3), 1 / 6)
    expected[np.arange(10), predictions.predicted] = 4 / 6
    np.testing.assert_allclose(predictions.probabilities, expected, rtol=1e-8)  # logits are float32


@pytest.mark.parametrize("side", ["right", "left"])
def test_truncated_tokens_are_not_predicted(tmp_path, side):
    padded = write_padded(tmp_path, "tag", {"train": TYPE_ROWS[:1], "test": TYPE_ROWS}, 4, side)
    predictions = predict(stub(padded, TYPES, [0, 0, 0, 1, 1]), padded)
    kept = [tags[:4] for _, tags, _ in TYPE_ROWS]
    assert np.diff(predictions.offsets).tolist() == [len(tags) for tags in kept]
    assert predictions.gold.tolist() == [tag for tags in kept for tag in tags]
    assert predictions.predicted.tolist() == [min(tag, 1) for tags in kept for tag in tags]


def test_predictions_of_buckets_are_in_the_order_of_rows(tmp_path):
    rows = [([2, 3, 4], [0, 1, 2], []), ([4], [2], []), ([3, 2], [1, 0], [])]
    padded = write_padded(tmp_path, "tag", {"train": rows, "test": rows})
    assert len(padded.widths) == 3
    predictions = predict(stub(padded, TYPES, [0, 0, 0, 1, 2]), padded)
    assert predictions.offsets.tolist() == [0, 3, 4, 6]
    assert predictions.gold.tolist() == predictions.predicted.tolist() == [0, 1, 2, 2, 1, 0]


def test_rows_of_another_vocabulary_are_refused(tmp_path):
    padded = write_padded(tmp_path, "classify", {"train": TEXTS, "test": TEXTS}, 4)
    with pytest.raises(UserError, match=r"padded: has a token id outside the model's range \(0\.\.8\); got 9"):
        predict(stub(padded, CLASSES, TABLE[:-1]), padded)


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
    without = predict(saved, padded)
    saved.network.crf = CRF(3)
    same = predict(saved, padded)
    assert same.predicted.tolist() == without.predicted.tolist() == [0, 2, 1]
    assert same.confidence == pytest.approx(without.confidence)  # all its scores are zero
    saved.network.crf.transitions.data[0, 2] = -100.0  # a 2 never follows a 0
    saved.network.crf.transitions.data[2, 1] = -100.0
    predictions = predict(saved, padded)
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


def tagged():
    """Predictions for rows 3, 5, 7 and 9 of two, no, one and no tokens."""
    probabilities = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [1 / 3, 1 / 3, 1 / 3]])
    return Predictions(
        row_numbers=np.array([3, 5, 7, 9]),
        offsets=np.array([0, 2, 2, 3, 3]),
        gold=np.array([2, 1, 0]),
        predicted=np.array([2, 0, 1]),
        probabilities=probabilities,
    )


def assert_same(one, other):
    for name in ("row_numbers", "offsets", "gold", "predicted", "probabilities"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name


def test_the_file_has_a_record_for_each_token_and_for_each_row_without_tokens(tmp_path):
    path = tmp_path / "test.arrow"
    tagged().write(path)
    assert pa.ipc.open_file(path).read_all().to_pylist() == [
        {"row": 3, "gold": 2, "predicted": 2, "probabilities": [0.1, 0.2, 0.7]},
        {"row": 3, "gold": 1, "predicted": 0, "probabilities": [0.5, 0.3, 0.2]},
        {"row": 5, "gold": None, "predicted": None, "probabilities": None},
        {"row": 7, "gold": 0, "predicted": 1, "probabilities": [1 / 3, 1 / 3, 1 / 3]},
        {"row": 9, "gold": None, "predicted": None, "probabilities": None},
    ]
    read = Predictions.read(path, 3)
    assert_same(read, tagged())
    assert read.confidence.tolist() == [0.7, 0.5, 1 / 3]
    assert read.spans(TYPES) == {3: {(0, 1, "PER")}, 5: set(), 7: {(0, 1, "LOC")}, 9: set()}
    again = tmp_path / "again.arrow"
    read.write(again)
    assert again.read_bytes() == path.read_bytes()


def test_the_file_begins_with_an_empty_row_or_has_no_prediction_at_all(tmp_path):
    for number, counts in enumerate(([0, 1, 2], [0, 0])):
        total = sum(counts)
        predictions = Predictions(
            row_numbers=np.arange(len(counts)),
            offsets=np.concatenate(([0], np.cumsum(counts))),
            gold=np.zeros(total, np.int64),
            predicted=np.ones(total, np.int64),
            probabilities=np.full((total, 2), 0.5),
        )
        predictions.write(tmp_path / f"{number}.arrow")
        assert_same(Predictions.read(tmp_path / f"{number}.arrow", 2), predictions)


def test_many_texts_are_read_as_they_were_written(tmp_path):
    rows, generator = 10_000, np.random.default_rng(1)
    logits = generator.normal(size=(rows, 4))
    predictions = Predictions(
        row_numbers=np.arange(rows) * 2,
        offsets=np.arange(rows + 1),
        gold=generator.integers(0, 4, rows),
        predicted=logits.argmax(1),
        probabilities=np.exp(logits) / np.exp(logits).sum(1, keepdims=True),
    )
    predictions.write(tmp_path / "test.arrow")
    assert_same(Predictions.read(tmp_path / "test.arrow", 4), predictions)
    assert predictions.confidence.tolist() == predictions.probabilities.max(1).tolist()


def test_a_missing_damaged_or_other_file_is_refused_by_name(tmp_path):
    path = tmp_path / "test.arrow"
    with pytest.raises(UserError, match=r"test\.arrow: no such file; run the stage that writes it$"):
        Predictions.read(path, 3)
    tagged().write(path)
    with pytest.raises(UserError, match=r"test\.arrow: does not contain predictions of 4 classes; got "):
        Predictions.read(path, 4)
    whole = path.read_bytes()
    for damaged in (b"", b"no arrow", whole[: len(whole) // 2], whole[:-10]):
        path.write_bytes(damaged)
        with pytest.raises(
            UserError, match=r"test\.arrow: is (not an Arrow file|damaged); got .*; run the stage that writes it$"
        ):
            Predictions.read(path, 3)
    for changes in (
        {"predicted": np.array([2, 0, 3])},
        {"gold": np.array([-1, 0, 0])},
        {"row_numbers": np.arange(4)[::-1]},
    ):
        Predictions(**{**tagged().__dict__, **changes}).write(path)
        with pytest.raises(UserError, match=r"test\.arrow: is damaged; got rows out of order, or an unknown class; "):
            Predictions.read(path, 3)
