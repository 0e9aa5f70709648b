"""Metrics of stub models, counted by hand: classes, tokens, and entities cut off by truncation."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch

from factories.networks import PLAIN
from factories.saved_models import make_folder, options, save
from factories.shards import TAG, write_padded
from factories.stub_models import BIO, CLASSES, TABLE, TEXTS, TYPE_ROWS, TYPES, stub, tagged
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.errors import UserError
from textrnn.evaluation.metrics.bootstrap import wilson_interval
from textrnn.evaluation.metrics.precision_recall import score_classes
from textrnn.evaluation.metrics.predicted_rows import PredictedRows
from textrnn.evaluation.metrics.predictions import Predictions
from textrnn.evaluation.scoring.evaluate import evaluate, load_spans, metrics, part_metrics
from textrnn.modeling.models.model_directory import load_model
from textrnn.modeling.models.saved_weights import save_weights


@pytest.mark.parametrize("size", [4, None], ids=["one width", "buckets"])
def test_classes_by_hand(tmp_path, size):
    padded = write_padded(tmp_path, "classify", {"train": [([2], 0), ([2, 2, 2], 0)], "test": TEXTS}, size)
    scores = evaluate(stub(padded, CLASSES, TABLE), padded, "test")
    assert scores.classes.confusion.tolist() == [[2, 1, 0], [0, 1, 3], [0, 0, 1]]
    assert scores.classes.accuracy == 4 / 8
    f1 = [2 * 2 / (2 + 3), 2 * 1 / (2 + 4), 2 * 1 / (4 + 1)]
    assert scores.classes.macro_f1 == pytest.approx(sum(f1) / 3)
    assert [(row.name, row.support) for row in scores.classes.report[:3]] == [("a", 3), ("b", 4), ("c", 1)]
    assert [row.f1 for row in scores.classes.report[:3]] == pytest.approx(f1)
    # the predicted class has a probability of 4 / 6, each other class 1 / 6
    loss = (4 * math.log(6 / 4) + 4 * math.log(6)) / 8
    assert scores.entities is None
    assert metrics(scores) == pytest.approx({"loss": loss, "accuracy": 0.5, "macro_f1": sum(f1) / 3})
    assert list(scores.intervals) == ["accuracy", "macro_f1"]
    assert scores.intervals["accuracy"] == wilson_interval(4, 8).bounds()
    low, high = scores.intervals["macro_f1"]
    assert 0 < low < sum(f1) / 3 < high < 1
    assert scores.rows.row_numbers.tolist() == list(range(8))
    assert scores.rows.gold.to_pylist() == list("aaabbbbc")
    assert scores.rows.predicted["predicted"].to_pylist() == list("aabbcccc")


def test_more_rows_than_a_batch_give_the_mean_over_all_rows(tmp_path, monkeypatch):
    padded = write_padded(tmp_path, "classify", {"train": [([2], 0), ([2, 2, 2], 0)], "test": TEXTS})
    saved = stub(padded, CLASSES, TABLE)
    whole = metrics(evaluate(saved, padded, "test"))
    monkeypatch.setattr("textrnn.evaluation.scoring.predict_split.evaluation_size", lambda device: 3)
    assert metrics(evaluate(saved, padded, "test")) == pytest.approx(whole, rel=1e-12)


def test_every_scoring_sets_the_precision_and_the_algorithms_of_its_device(tmp_path, monkeypatch):
    padded = write_padded(tmp_path, "classify", {"train": [([2], 0), ([2, 2, 2], 0)], "test": TEXTS})
    devices = []
    # the stages that score share this function; two that set them differently could disagree near a tie
    monkeypatch.setattr("textrnn.evaluation.scoring.predict_split.make_deterministic", devices.append)
    evaluate(stub(padded, CLASSES, TABLE), padded, "test")
    assert devices == [torch.device("cpu")]


# the same, and two adjacent LOC in row 2, which the scheme `type` could not separate
BIO_ROWS = [
    tagged([1, 2, 0, 3, 4, 0], (0, 2, 0), (3, 5, 1)),
    tagged([0, 0, 0, 0, 3], (4, 5, 1)),
    tagged([1, 1, 3], (0, 1, 0), (1, 2, 0), (2, 3, 1)),
    tagged([]),
]


@pytest.mark.parametrize("side", ["right", "left"])
def test_gold_spans_are_whole_where_rows_are_truncated(tmp_path, side):
    padded = write_padded(tmp_path, "tag", TAG, 4, side)
    assert load_spans(padded, "train", ["LOC", "PER"]) == {0: {(0, 2, "PER"), (3, 5, "LOC")}, 1: set()}


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    ("labels", "rows", "hits", "positives", "gold", "tokens"),
    [(TYPES, TYPE_ROWS, 2, 3, 4, 10), (BIO, BIO_ROWS, 4, 5, 6, 11)],
    ids=["type", "bio"],
)
def test_entities_cut_off_by_truncation_are_missed(tmp_path, labels, rows, hits, positives, gold, tokens, side):
    padded = write_padded(tmp_path, "tag", {"train": rows[:1], "test": rows}, 4, side)
    table = [0, 0, *range(len(labels.names))]
    scores = evaluate(stub(padded, labels, table), padded, "test")
    assert scores.classes.accuracy == 1.0  # of the tokens that are kept
    assert scores.classes.confusion.sum() == tokens
    values = metrics(scores)
    assert values["entity_precision"] == pytest.approx(hits / positives)
    assert values["entity_recall"] == pytest.approx(hits / gold)
    assert values["entity_f1"] == pytest.approx(2 * hits / (positives + gold))
    assert {row.name: row.support for row in scores.entities.report[:2]} == {"LOC": gold - 3, "PER": 3}


def test_wrong_tags_make_wrong_entities(tmp_path):
    padded = write_padded(tmp_path, "tag", {"train": TYPE_ROWS, "test": TYPE_ROWS})
    saved = stub(padded, TYPES, [0, 0, 0, 1, 1])  # every PER is predicted as LOC
    scores = evaluate(saved, padded, "test")
    assert scores.classes.accuracy == pytest.approx(9 / 13)
    # predicted: (0, 2, LOC), (3, 5, LOC), (4, 5, LOC), (0, 1, LOC); gold has the first one
    assert (scores.entities.precision, scores.entities.recall) == (1 / 4, 1 / 4)
    assert list(scores.intervals) == ["accuracy", "macro_f1", "entity_precision", "entity_recall", "entity_f1"]
    assert all(low <= metrics(scores)[name] <= high for name, (low, high) in scores.intervals.items())
    assert scores.rows.entities() == [{(0, 2, "LOC"), (3, 5, "PER")}, {(4, 5, "PER")}, {(0, 1, "PER")}, set()]
    assert scores.rows.entities("predicted")[0] == {(0, 2, "LOC"), (3, 5, "LOC")}


def test_a_real_tagger_has_the_same_metrics_on_either_side_of_padding(tmp_path):
    results = []
    for side in ("right", "left"):
        padded = write_padded(make_folder(tmp_path / side), "tag", {"train": TYPE_ROWS, "test": TYPE_ROWS}, 6, side)
        model = dataclasses.replace(PLAIN, readout="every_step", bidirectional=True)
        # save() seeds: both models have the same weights
        folder, _, _ = save(make_folder(tmp_path / f"{side}-model"), model, TYPES, facts=padded.facts)
        scores = evaluate(load_model(folder), padded, "test")
        results.append((metrics(scores), scores.classes.confusion.tolist()))
    assert results[0] == results[1]
    assert 0 < results[0][0]["accuracy"] < 1


@pytest.mark.parametrize(
    ("task", "size", "side"), [("classify", 3, "right"), ("classify", None, "right"), ("classify", 4, "left")]
)
def test_rows_padded_for_another_model_are_refused(tmp_path, task, size, side):
    matching = write_padded(make_folder(tmp_path / "matching"), task, {"train": TEXTS, "test": TEXTS}, 4)
    other = write_padded(make_folder(tmp_path / "other"), task, {"train": TEXTS, "test": TEXTS}, size, side)
    with pytest.raises(UserError, match=r"other/padded: was not padded for this model, which has .* train again$"):
        evaluate(stub(matching, CLASSES, TABLE), other, "test")


def test_rows_of_another_task_vocabulary_or_label_set_are_refused(tmp_path):
    padded = write_padded(make_folder(tmp_path / "a"), "classify", {"train": TEXTS, "test": TEXTS}, 4)
    tags = write_padded(make_folder(tmp_path / "b"), "tag", {"train": TYPE_ROWS, "test": TYPE_ROWS}, 4)
    with pytest.raises(UserError, match="was not padded for this model"):
        evaluate(stub(padded, CLASSES, TABLE), tags, "test")
    with pytest.raises(UserError, match=r"a/padded: has a token id outside the model's range \(0\.\.8\); got 9"):
        evaluate(stub(padded, CLASSES, TABLE[:-1]), padded, "test")
    fewer = dataclasses.replace(CLASSES, names=["a", "b"])
    with pytest.raises(UserError, match=r"a/padded: has a label outside the model's range \(0\.\.1\); got 2"):
        evaluate(stub(padded, fewer, TABLE), padded, "test")


@pytest.fixture
def script(import_stage):
    return import_stage("evaluate")


def test_the_stage_needs_the_model_directory_and_no_params_file(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    texts = [([token % 9 for token in ids], label) for ids, label in TEXTS]
    padded = write_padded(
        make_folder(tmp_path / "work"), "classify", {"train": texts, "dev": texts[:3], "test": texts}, 4
    )
    (tmp_path / "data" / "padded").mkdir(parents=True)
    prepared = padded.folder.rename(tmp_path / "data" / "padded" / "tiny")
    (tmp_path / "models").mkdir()
    folder, _, _ = save(tmp_path / "models", labels=CLASSES, facts=padded.facts)
    script.main("tiny")

    saved, padded = load_model(folder), PaddedRows.read(prepared)
    evaluations = {split: evaluate(saved, padded, split) for split in ("dev", "test")}
    values = {
        split: {name: round(value, 6) for name, value in metrics(evaluations[split]).items()} for split in evaluations
    }
    written = json.loads((tmp_path / "data" / "evaluated" / "tiny" / "metrics.json").read_text())
    intervals = written.pop("intervals")
    assert written == values
    assert intervals == {
        split: {name: pytest.approx(bounds, abs=1e-6) for name, bounds in evaluations[split].intervals.items()}
        for split in ("dev", "test")
    }
    assert list(written["test"]) == ["loss", "accuracy", "macro_f1"]
    scores = json.loads((tmp_path / "metrics" / "tiny" / "scores.json").read_text())
    expected_scores = {split: {"score": on["accuracy"], "loss": on["loss"]} for split, on in values.items()}
    assert scores == {"tiny": expected_scores}
    predictions, expected = Predictions.read(Path("data/evaluated/tiny/test.arrow"), 3), evaluations["test"].predictions
    assert predictions.predicted.tolist() == expected.predicted.tolist()
    assert predictions.probabilities.tolist() == expected.probabilities.tolist()  # to the last digit
    assert {path.name for path in (tmp_path / "data" / "evaluated" / "tiny").iterdir()} == {
        "checksums.json",
        "metrics.json",
        "predicted.arrow",
        "test.arrow",
    }
    rows = PredictedRows.read(Path("data/evaluated/tiny/predicted.arrow"))
    assert rows.gold.to_pylist() == [CLASSES.names[label] for _, label in texts]
    assert rows.predicted["predicted"].to_pylist() == [CLASSES.names[each] for each in predictions.predicted]
    assert not (tmp_path / "params.yaml").exists()


def test_dev_is_scored_with_the_weights_that_had_not_seen_it(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    texts = [([token % 9 for token in ids], label) for ids, label in TEXTS]
    padded = write_padded(make_folder(tmp_path / "work"), "classify", {"train": texts, "dev": texts, "test": texts}, 4)
    (tmp_path / "models").mkdir()
    folder, _, network = save(tmp_path / "models", labels=CLASSES, facts=padded.facts)
    with torch.no_grad():
        network.head.outer.bias.add_(torch.tensor([0.0, 5.0, 0.0]))
    save_weights(folder / "before_refit.safetensors", network)
    (tmp_path / "data" / "padded").mkdir(parents=True)
    prepared = PaddedRows.read(padded.folder.rename(tmp_path / "data" / "padded" / "tiny"))
    script.main("tiny")
    written = json.loads((tmp_path / "data" / "evaluated" / "tiny" / "metrics.json").read_text())
    losses = {
        split: evaluate(load_model(folder, before_refit=split == "dev"), prepared, split).loss
        for split in ("dev", "test")
    }
    assert {split: written[split]["loss"] for split in losses} == {
        split: round(loss, 6) for split, loss in losses.items()
    }
    assert abs(losses["dev"] - losses["test"]) > 0.1  # of the same rows


def test_a_model_with_a_wide_part_is_scored_in_parts(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    monkeypatch.setattr("textrnn.evaluation.scoring.predict_split.evaluation_size", lambda device: 3)
    texts = [([token % 9 for token in ids], label) for ids, label in TEXTS]
    splits = {"train": texts, "dev": texts[:3], "test": texts}
    padded = write_padded(make_folder(tmp_path / "work"), "classify", splits, 4)
    (tmp_path / "data" / "padded").mkdir(parents=True)
    prepared = padded.folder.rename(tmp_path / "data" / "padded" / "tiny")
    (tmp_path / "models").mkdir()
    _, _, network = save(tmp_path / "models", options(wide=True), labels=CLASSES, facts=padded.facts)
    script.main("tiny")
    written = json.loads((tmp_path / "data" / "evaluated" / "tiny" / "metrics.json").read_text())
    assert list(written) == ["dev", "test", "intervals", "parts"]
    assert written["parts"]["test"]["both"] == written["test"]
    assert written["parts"]["dev"]["both"] == written["dev"]
    scores = json.loads((tmp_path / "metrics" / "tiny" / "scores.json").read_text())["tiny"]
    assert list(scores) == ["dev", "test"]  # what DVC compares has no parts

    ids = torch.tensor([row[:4] + [0] * (4 - len(row)) for row, _ in texts])
    lengths, gold = torch.tensor([min(len(row), 4) for row, _ in texts]), torch.tensor([label for _, label in texts])
    network.eval()
    logits = {"deep": network.deep_logits(ids, lengths), "wide": network.wide(ids, lengths)}
    logits["both"] = 0.75 * logits["deep"] + 1.5 * logits["wide"]
    for name, part in logits.items():
        found = written["parts"]["test"][name]
        assert list(found) == ["loss", "accuracy", "macro_f1"]
        assert found["loss"] == pytest.approx(torch.nn.functional.cross_entropy(part, gold).item(), abs=2e-6)
        assert found["accuracy"] == pytest.approx((part.argmax(1) == gold).double().mean().item(), abs=1e-6)
        recalls = score_classes(gold.numpy(), part.argmax(1).numpy(), CLASSES.names)
        assert found["macro_f1"] == pytest.approx(recalls.macro_f1, abs=1e-6)
    assert len({part.argmax(1).numpy().tobytes() for part in logits.values()}) > 1
    assert part_metrics(evaluate(load_model(save_plain(tmp_path, padded)), PaddedRows.read(prepared), "dev")) == {}


def save_plain(folder, padded):
    """A saved model without a wide part."""
    return save(make_folder(folder / "plain"), labels=CLASSES, facts=padded.facts)[0]


def test_the_model_reads_each_row_of_dev_and_test_once(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    padded = write_padded(
        make_folder(tmp_path / "work"), "tag", {"train": TYPE_ROWS, "dev": TYPE_ROWS[:2], "test": TYPE_ROWS}
    )
    saved = stub(padded, TYPES, [0, 0, 0, 1, 1])  # every PER is predicted as LOC
    rows = []
    saved.network.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    monkeypatch.setattr(script, "load_model", lambda *_, **__: saved)
    (tmp_path / "data" / "padded").mkdir(parents=True)
    padded.folder.rename(tmp_path / "data" / "padded" / "tiny")
    script.main("tiny")
    assert sum(rows) == 2 + 4
    scores = json.loads((tmp_path / "metrics" / "tiny" / "scores.json").read_text())
    values = json.loads((tmp_path / "data" / "evaluated" / "tiny" / "metrics.json").read_text())
    assert scores["tiny"]["test"] == {"score": values["test"]["entity_f1"], "loss": values["test"]["loss"]}
    assert (values["test"]["accuracy"], values["test"]["entity_f1"]) == (pytest.approx(9 / 13, abs=1e-6), 0.25)
