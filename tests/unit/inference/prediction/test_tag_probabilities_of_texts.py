"""The probabilities of a tagger's tags for lists of tokens are those of `predict_split` for the same rows."""

import numpy as np
import pytest
import torch

import textrnn
from factories.crf_reference import marginals_of_all
from factories.tiny_models import TAGGERS, tagger
from textrnn.errors import UserError
from textrnn.evaluation.scoring.predict_split import predict_split
from textrnn.inference.prediction import predictor as predictor_module
from textrnn.modeling.nn.crf import find_crf


@pytest.mark.parametrize("name", TAGGERS)
def test_they_are_those_of_the_padded_rows(tmp_path, monkeypatch, name):
    tiny = tagger(tmp_path, name)
    expected = predict_split(tiny.saved, tiny.padded, "test")[0]
    predictor = textrnn.load(tiny.folder)
    sentences = tiny.texts
    monkeypatch.setattr(predictor_module, "CHUNK_TEXTS", 7)
    found = predictor.tag_probabilities(sentences)
    assert predictor.tag_labels.names == tiny.saved.labels.names
    assert [row.shape for row in found] == [(len(tokens), len(predictor.tag_labels.names)) for tokens in sentences]
    for row, (start, end) in zip(found, zip(expected.offsets[:-1], expected.offsets[1:], strict=True), strict=True):
        read = end - start
        np.testing.assert_allclose(row[:read], expected.probabilities[start:end], rtol=0, atol=1e-5)
        np.testing.assert_allclose(row.sum(1), 1, rtol=0, atol=1e-6)
        assert (row[read:, 0] == 1).all()  # where training truncated
    cut = [len(tokens) - count for tokens, count in zip(sentences, np.diff(expected.offsets).tolist(), strict=True)]
    assert (max(cut) > 0) == ("truncated" in name)


def test_those_of_a_crf_are_its_marginals(tmp_path):
    tiny = tagger(tmp_path, "chars crf bio buckets")
    predictor = textrnn.load(tiny.folder)
    tokens = max(tiny.texts, key=len)[:4]
    ids = torch.tensor([tiny.vocabulary.encode(tokens)])
    with torch.no_grad():
        logits = tiny.saved.network(ids, torch.tensor([len(tokens)]))[0]
    expected = marginals_of_all(find_crf(tiny.saved.network), logits, 1.0)
    (found,) = predictor.tag_probabilities([tokens])
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=0, atol=1e-5)


def test_no_tokens_and_what_is_no_list(tmp_path):
    predictor = textrnn.load(tagger(tmp_path, "words bio right truncated").folder)
    assert predictor.tag_probabilities([]) == []
    assert [row.shape for row in predictor.tag_probabilities([[], ["a"]])] == [(0, 5), (1, 5)]
    with pytest.raises(TypeError, match=r"texts\[1\] must be a str or a list of str, not int"):
        predictor.tag_probabilities([["a"], 3])
    with pytest.raises(TypeError, match=r"texts\[0\] must be a list of str, not str"):
        predictor.tag_probabilities(["a"])
    with pytest.raises(UserError, match=r"texts\[0\]: has half of a surrogate pair"):
        predictor.tag_probabilities([["\ud800"]])
