"""Predictions for raw texts equal those of `predict_split` and `evaluate` for the same rows in padded shards."""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

import textrnn
from factories.imports import SOURCE
from factories.networks import PLAIN
from factories.saved_models import save
from factories.tiny_models import (
    CLASSIFIERS,
    HAN,
    TAGGERS,
    TAGS,
    WORDS,
    classifier,
    move,
    tagger,
)
from textrnn.errors import UserError
from textrnn.evaluation.scoring.evaluate import evaluate
from textrnn.evaluation.scoring.predict_split import predict_split
from textrnn.inference.prediction import model_inputs
from textrnn.inference.prediction import predictor as predictor_module
from textrnn.inference.prediction.model_inputs import PaddingRule
from textrnn.modeling.models.model_directory import save_model
from textrnn.preparation.artifacts.labels import Labels
from textrnn.preparation.artifacts.preparation_folder import Preparation
from textrnn.preparation.artifacts.tag_schemes import bioes_tags, spans
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.segmentation.segmenters import Segmenter


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_and_probabilities_are_those_of_the_padded_rows(tmp_path, name):
    tiny = classifier(tmp_path, name)
    expected, names = predict_split(tiny.saved, tiny.padded, "test")[0], tiny.saved.labels.names
    predictor = textrnn.load(tiny.folder)
    together, alone = predictor.predict(tiny.texts), [predictor.predict([text])[0] for text in tiny.texts]
    for predictions in (together, alone):  # with the loops of `kernels`, and with torch's modules
        assert [row["label"] for row in predictions] == [names[label] for label in expected.predicted]
        confidence = [row["probability"] for row in predictions]
        np.testing.assert_allclose(confidence, expected.confidence, rtol=0, atol=1e-6)
        for row in predictions:
            assert list(row["probabilities"]) == names
            assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-12)
            assert row["probability"] == max(row["probabilities"].values())
            assert row["probabilities"][row["label"]] == row["probability"]
    assert len(set(np.round(expected.confidence, 5))) > 25  # or the predictions would hardly depend on the texts
    accuracy = np.mean([row["label"] == names[label] for row, (_, label) in zip(together, tiny.rows, strict=True)])
    assert accuracy == evaluate(tiny.saved, tiny.padded, "test").classes.accuracy


@pytest.mark.parametrize("name", TAGGERS)
def test_entities_are_those_of_the_padded_rows(tmp_path, name):
    tiny = tagger(tmp_path, name)
    expected, labels = predict_split(tiny.saved, tiny.padded, "test")[0], tiny.saved.labels
    expected_spans = []
    for start, end in zip(expected.offsets, expected.offsets[1:], strict=False):
        expected_spans.append(spans([labels.names[tag] for tag in expected.predicted[start:end]], labels.scheme))
        if labels.scheme == "bioes":  # a CRF's tag sequence ends each entity that it begins
            assert bioes_tags(expected_spans[-1], end - start) == [
                labels.names[tag] for tag in expected.predicted[start:end]
            ]
    assert sum(map(len, expected_spans)) > 40
    predictor, joiner = textrnn.load(tiny.folder), "" if name.startswith("chars") else " "
    for predictions in (predictor.predict(tiny.texts), [predictor.predict([text])[0] for text in tiny.texts]):
        assert [[(e["start"], e["end"], e["type"]) for e in row["entities"]] for row in predictions] == expected_spans
        for tokens, row in zip(tiny.texts, predictions, strict=True):
            assert all(e["text"] == joiner.join(tokens[e["start"] : e["end"]]) for e in row["entities"])
    targets = [set(spans([TAGS[tag] for tag in tags], "bio")) for _, tags in tiny.rows]
    hits = sum(len(target & set(predicted)) for target, predicted in zip(targets, expected_spans, strict=True))
    scores = evaluate(tiny.saved, tiny.padded, "test").entities
    assert scores.precision == pytest.approx(hits / sum(map(len, expected_spans)))


@pytest.mark.parametrize("name", TAGGERS)
def test_the_score_of_an_entity_is_its_least_probable_tag(tmp_path, name):
    tiny = tagger(tmp_path, name)
    expected, labels = predict_split(tiny.saved, tiny.padded, "test")[0], tiny.saved.labels
    scores = []
    for start, end in zip(expected.offsets, expected.offsets[1:], strict=False):
        tags = [labels.names[tag] for tag in expected.predicted[start:end]]
        chances = expected.confidence[start:end]  # of the predicted tags; with a CRF their marginals
        scores.append([chances[first:last].min() for first, last, _ in spans(tags, labels.scheme)])
    found = [[entity["score"] for entity in row["entities"]] for row in textrnn.load(tiny.folder).predict(tiny.texts)]
    assert [score for row in found for score in row] == pytest.approx(
        [score for row in scores for score in row], abs=1e-4
    )
    assert len({round(score, 3) for row in found for score in row}) > 20


@pytest.mark.parametrize("name", TAGGERS)
def test_entity_positions_refer_to_the_original_text(tmp_path, name):
    tiny, rng = tagger(tmp_path, name), random.Random(5)
    predictor, characters = textrnn.load(tiny.folder), name.startswith("chars")
    joined = []
    for tokens in tiny.texts:
        gaps = [rng.choice(["", " ", "\u3000\n"] if characters else [" ", "\t ", "\u3000"]) for _ in tokens]
        joined.append(" " + "".join(token + gap for token, gap in zip(tokens, gaps, strict=True)))
    by_text, by_tokens = predictor.predict(joined), predictor.predict(tiny.texts)
    for text, found, other in zip(joined, by_text, by_tokens, strict=True):
        assert all(e["text"] == text[e["start"] : e["end"]] for e in found["entities"])
        without_blanks = ["".join(e["text"].split()) for e in found["entities"]]
        assert without_blanks == ["".join(e["text"].split()) for e in other["entities"]]
        assert [e["type"] for e in found["entities"]] == [e["type"] for e in other["entities"]]


def test_lexicon_words_affect_predictions(tmp_path):
    tiny = tagger(tmp_path, "chars words left buckets")
    rows = set(tiny.saved.network.words.rows.tolist())
    assert len(rows) > 20  # words with their own embedding row, and words that share one
    before = textrnn.load(tiny.folder).predict(tiny.texts)
    tiny.saved.network.words.weight.data.zero_()
    without = tmp_path / "without"
    without.mkdir()
    save_model(without, tiny.saved.config, tiny.saved.network, Preparation(tiny.folder))
    assert textrnn.load(without).predict(tiny.texts) != before


def test_a_model_directory_without_the_habits_of_its_tokens_uses_the_vocabulary(tmp_path):
    """Those of before habits were saved; with some, they take precedence."""
    tiny = tagger(tmp_path, "chars crf bio buckets")
    path, text = tiny.folder / "segmentation.json", "".join("".join(tokens) for tokens in tiny.texts)
    state = json.loads(path.read_text(encoding="utf-8"))
    expected = textrnn.load(tiny.folder).predict([text])
    habits = state.pop("habits")
    path.write_text(json.dumps(state), encoding="utf-8")
    assert textrnn.load(tiny.folder).predict([text]) == expected
    assert expected[0]["entities"]
    state["habits"] = {**habits, "unspaced": "words", "letters": "words"}
    path.write_text(json.dumps(state), encoding="utf-8")
    assert textrnn.load(tiny.folder).predict([text]) != expected


def test_tokens_past_the_padded_width_are_not_read(tmp_path):
    predictor = textrnn.load(classifier(tmp_path / "a", "chars right last_step").folder)
    long, truncated = HAN * 50, HAN[:9]
    assert predictor.predict([long]) == predictor.predict([truncated])
    assert predictor.predict([HAN[:8]]) != predictor.predict([truncated])
    tags = textrnn.load(tagger(tmp_path / "b", "words bio right truncated").folder)
    (found,) = tags.predict([WORDS * 9])
    assert found == tags.predict([WORDS[:7]])[0]
    assert max(e["end"] for e in found["entities"]) <= 7


@pytest.mark.parametrize("name", ["jieba buckets bigrams", "chars crf bio buckets", "chars words left buckets"])
def test_without_truncation_a_text_longer_than_any_training_row_is_read_completely(tmp_path, name):
    tiny = tagger(tmp_path, name) if name in TAGGERS else classifier(tmp_path, name)
    predictor = textrnn.load(tiny.folder)
    long = "".join(random.Random(2).choices(HAN, k=333))
    tokens = list(long) if name in TAGGERS else Segmenter.load(tiny.folder / "segmentation.json")(long)
    assert len(tokens) > 8 * tiny.saved.config.widths[-1]
    ids = torch.tensor([tiny.vocabulary.encode(tokens)])
    with torch.no_grad():
        logits = tiny.saved.network(ids, torch.tensor([len(tokens)]))
    (alone,), (*_, last) = predictor.predict([long]), predictor.predict(["中国", long * 2, "", long])
    if name in TAGGERS:
        assert alone == last
        assert max(e["end"] for e in alone["entities"]) > 300
    else:
        for found in (alone, last):
            assert list(found["probabilities"].values()) == pytest.approx(logits.softmax(-1)[0].tolist(), abs=1e-6)


def test_batching_changes_neither_order_nor_predictions(tmp_path, monkeypatch):
    tiny = classifier(tmp_path, "jieba buckets bigrams")
    predictor = textrnn.load(tiny.folder)
    expected = predictor.predict(tiny.texts)
    monkeypatch.setattr(predictor_module, "CHUNK_TEXTS", 7)
    monkeypatch.setattr(model_inputs, "MAX_BATCH_ROWS", 2)
    for given in (tiny.texts, tuple(tiny.texts), iter(tiny.texts)):
        for found, row in zip(predictor.predict(given), expected, strict=True):
            assert found["label"] == row["label"]
            assert found["probability"] == pytest.approx(row["probability"], abs=1e-6)
    assert predictor.predict([]) == []


def test_batches_respect_their_limits():
    padding = PaddingRule((2, 4), "right", False, True)
    ids = [[1] * n for n in (3, 0, 40_000, 2, 40_000, 5)]
    found = [(batch.rows.tolist(), batch.ids.shape, batch.lengths.tolist()) for batch in padding.batches(ids)]
    assert found == [
        ([1, 3], (2, 2), [0, 2]),
        ([0], (1, 4), [3]),
        ([5], (1, 8), [5]),
        ([2], (1, 65536), [40_000]),
        ([4], (1, 65536), [40_000]),
    ]
    variable = dataclasses.replace(padding, fixed=False)
    assert [batch.ids.shape for batch in variable.batches(ids)] == [(2, 2), (1, 3), (1, 5), (1, 40_000), (1, 40_000)]
    assert [batch.ids.tolist() for batch in variable.batches([[], []])] == [[[0], [0]]]


def test_a_text_without_tokens_is_predicted_from_padding(tmp_path):
    tiny = classifier(tmp_path / "a", "chars right last_step")
    with torch.no_grad():
        logits = tiny.saved.network(torch.zeros(1, 9, dtype=torch.int32), torch.zeros(1, dtype=torch.int64))
    (found,) = textrnn.load(tiny.folder).predict([""])
    assert list(found["probabilities"].values()) == pytest.approx(logits.softmax(-1)[0].tolist(), abs=1e-6)
    tags = textrnn.load(tagger(tmp_path / "b", "chars crf bio buckets").folder)
    assert tags.predict(["", " \n", []]) == [{"entities": []}] * 3


def test_a_model_directory_works_anywhere(tmp_path):
    tiny = classifier(tmp_path / "there", "nltk punkt")
    before = textrnn.load(tiny.folder).predict(tiny.texts[:5])
    assert textrnn.load(str(move(tiny, tmp_path / "here"))).predict(tiny.texts[:5]) == before


def test_a_predictor_has_name_task_and_labels(tmp_path):
    tinies = classifier(tmp_path / "a", "nltk punkt"), tagger(tmp_path / "b", "words bio right truncated")
    predictors = [textrnn.load(tiny.folder) for tiny in tinies]
    assert [(one.name, one.task, one.labels) for one in predictors] == [
        ("tiny", "classify", ["down", "up"]),
        ("tiny", "tag", ["LOC", "PER"]),
    ]


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ("中国", TypeError, "a list of texts, not one text"),
        (["a", 3], TypeError, r"texts\[1\] must be a str, not int"),
        (["a", None], TypeError, r"texts\[1\] must be a str, not NoneType"),
        ([["a", "b"]], TypeError, r"texts\[0\] must be a str, not list"),
        (
            ["a", "b\ud800"],
            UserError,
            r"texts\[1\]: has half of a surrogate pair, which is not valid text; got 'b\\ud800'",
        ),
    ],
)
def test_values_that_are_not_texts_are_refused(tmp_path, given, error, match):
    predictor = textrnn.load(classifier(tmp_path, "chars right last_step").folder)
    with pytest.raises(error, match=match):
        predictor.predict(given)


@pytest.mark.parametrize("given", [3, [3], {"a": 1}, b"a"])
def test_values_that_a_tagger_refuses(tmp_path, given):
    predictor = textrnn.load(tagger(tmp_path, "words bio right truncated").folder)
    with pytest.raises(TypeError, match=r"texts\[0\] must be a str or a list of str, not"):
        predictor.predict([given])


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"clean": []}',
        '{"clean": [], "segmenter": "nltk", "punkt": {}}',
        '{"clean": [], "segmenter": "x", "punkt": null}',
    ],
)
def test_a_damaged_segmentation_is_named(tmp_path, content):
    folder, _, _ = save(tmp_path)
    (folder / "segmentation.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"tiny/segmentation\.json: is damaged or belongs to another model"):
        textrnn.load(folder)


def test_a_vocabulary_of_another_model_is_named(tmp_path):
    folder, _, _ = save(tmp_path, PLAIN, Labels("classify", ["a", "b", "c"], None, []))
    (folder / "segmentation.json").write_text(json.dumps({"clean": [], "segmenter": "chars", "punkt": None}))
    assert textrnn.load(folder).predict(["ab"])[0]["label"] in "abc"
    Vocabulary(pa.array(["a"]), pa.array([1], pa.int64())).save(folder / "vocabulary.arrow")
    with pytest.raises(UserError, match=r"vocabulary\.arrow: does not belong to a model with 9 tokens; got 3"):
        textrnn.load(folder)
    words = pa.array([b"a", b"\xff", *(bytes([each]) for each in b"cdefgh")][:7]).cast(pa.string(), safe=False)
    Vocabulary(words, pa.array([1] * len(words), pa.int64())).save(folder / "vocabulary.arrow")
    with pytest.raises(
        UserError, match=r"vocabulary\.arrow: is damaged or belongs to another model; got ArrowInvalid: .*UTF8"
    ):
        textrnn.load(folder)
    with pytest.raises(UserError, match=r"nowhere/config\.json: is missing from the model directory"):
        textrnn.load(tmp_path / "nowhere")


def test_importing_textrnn_imports_no_torch():
    code = "import sys, textrnn, textrnn.cli; print('torch' in sys.modules, callable(textrnn.load))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=SOURCE, check=True)
    assert done.stdout == "False True\n"


def test_the_benchmark_samples_texts_from_the_models_vocabulary(tmp_path, import_benchmark):
    tiny, benchmark = classifier(tmp_path, "chars right last_step"), import_benchmark("predict")
    texts = benchmark.sample_texts(tiny.folder, 50, 7)
    assert [len(text) for text in texts] == [7] * 50
    assert set("".join(texts)) <= set(tiny.vocabulary.tokens.to_pylist())
    assert len(set(texts)) == 50
    assert texts == benchmark.sample_texts(tiny.folder, 50, 7)
    calls = []
    predictor = SimpleNamespace(predict=lambda texts: calls.append(list(texts)))
    assert list(benchmark.latencies(predictor, texts, 100)) == ["p50", "p95", "p99"]
    assert calls == [[texts[call % 50]] for call in range(300)]
