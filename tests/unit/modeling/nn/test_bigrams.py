"""Test bigrams: counts against a loop, lookups against a dict, and a model with their embeddings by its formula."""

import dataclasses
import sys
from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from factories.buckets import bucket, mapped
from factories.lexicons import lexicon_of
from factories.networks import CELLS, EMPTY_TOO, LENGTHS, PLAIN, ROWS, close, padded
from factories.networks import TOKENS as VOCABULARY
from factories.recipes import LABELS, SPLITS, recipe_of
from factories.settings import SETTINGS
from factories.shards import write_padded
from textrnn.common.config.model import BigramOptions as Options
from textrnn.common.storage.padded_rows import PaddedRows
from textrnn.errors import UserError
from textrnn.modeling.models.model_directory import load_model, save_model
from textrnn.modeling.models.text_rnn import TextRNN, initialize_weights
from textrnn.modeling.nn.bigrams import FIRST_BIGRAM_ROW, BigramEmbedding
from textrnn.modeling.nn.layer_input import LayerInput
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES, Preparation
from textrnn.training.batching import buckets as residence
from textrnn.training.batching.loading import load_buckets
from textrnn.training.features.bigram_features import learn_bigrams
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.train_recipe import train_recipe

OPTIONS = Options(3, 1)


def bigrams_of(rows):
    """How often each (token, next token) occurs; padding follows the last token."""
    return Counter(bigram for row in rows for bigram in zip(row, (*row[1:], 0), strict=False))


def random_rows(count, longest, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(1, 9, generator.integers(0, longest + 1)).tolist() for _ in range(count)]


@pytest.mark.parametrize("chunk", [1, 50, 1 << 22])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("min_count", [1, 3, 9])
def test_the_bigrams_are_those_that_a_loop_counts(monkeypatch, chunk, side, min_count):
    monkeypatch.setattr(residence, "IDS_PER_CHUNK", chunk)
    long, short = random_rows(60, 8), random_rows(40, 3, seed=1)
    counted = bigrams_of(long) + bigrams_of(short)
    wanted = sorted(first * 9 + second for (first, second), count in counted.items() if count >= min_count)
    assert len(wanted) > 0
    assert min_count == 1 or len(wanted) < len(counted)
    buckets = [bucket(long, 8, side), bucket(short, 3, side)]
    for rows in (buckets, [mapped(buckets[0]), buckets[1]]):
        found = learn_bigrams(rows, None, 9, min_count, "w").keys
        assert found.dtype == torch.int64
        assert found.tolist() == wanted


def test_no_bigram_that_is_frequent_enough_is_an_error():
    match = r"^w: no bigram of train occurs so often; got 9, and the most frequent bigram occurs 2 times; lower it$"
    with pytest.raises(UserError, match=match):
        learn_bigrams([bucket([[1, 2], [1, 2]], 2)], None, 9, 9, "w")
    with pytest.raises(UserError, match="the most frequent bigram occurs 0 times"):
        learn_bigrams([bucket([[]], 2)], None, 9, 1, "w")


LEXICON = lexicon_of(
    [([2, 3], "n"), ([3, 2], "n"), ([7, 8], None), ([8, 7], None), ([2, 3, 4], "n")],
    {1: [0.5, -1.0, 2.0], 2: [1.0, 2.0, 3.0], 3: [4.0, 5.0, 6.0], 4: [7.0, 8.0, 9.0]},
)


@pytest.mark.parametrize(("min_count", "frequent"), [(2, {2 * 9 + 3, 3 * 9}), (9, set())])
def test_bigrams_with_a_vector_have_rows_even_if_they_are_rare(min_count, frequent):
    rows = [bucket([[2, 3], [2, 3], [8, 7], [5, 6]], 2)]
    found = learn_bigrams(rows, LEXICON, 9, min_count, "w")
    wanted = sorted(frequent | {3 * 9 + 2, 7 * 9 + 8, 8 * 9 + 7})
    assert found.keys.tolist() == wanted
    vectors = dict(zip(found.pretrained.rows.tolist(), found.pretrained.vectors.tolist(), strict=True))
    assert vectors == {
        FIRST_BIGRAM_ROW + wanted.index(3 * 9 + 2): [0.5, -1.0, 2.0],
        FIRST_BIGRAM_ROW + wanted.index(7 * 9 + 8): [1.0, 2.0, 3.0],
        FIRST_BIGRAM_ROW + wanted.index(8 * 9 + 7): [4.0, 5.0, 6.0],
    }


def test_without_vectors_a_lexicon_changes_no_bigram():
    rows = [bucket(ROWS, 5)]
    plain, with_lexicon = (
        learn_bigrams(rows, lexicon, VOCABULARY, 1, "w") for lexicon in (None, lexicon_of([([2, 3], "n")]))
    )
    assert torch.equal(plain.keys, with_lexicon.keys)
    assert plain.pretrained is with_lexicon.pretrained is None


def table(rows=ROWS[:2], width=3):
    keys = learn_bigrams([bucket(rows, 5)], None, VOCABULARY, 1, "w").keys
    embedding = BigramEmbedding(len(keys), width, VOCABULARY)
    embedding.pairs.copy_(keys)
    return embedding


def test_each_bigram_has_a_row_unknown_bigrams_row_1_and_padding_row_0():
    embedding = table()
    known = {bigram: FIRST_BIGRAM_ROW + index for index, bigram in enumerate(sorted(bigrams_of(ROWS[:2])))}
    ids = padded(EMPTY_TOO, 7)
    found = embedding.find_rows(ids.t()).t()
    for row, rows in zip(EMPTY_TOO, found.tolist(), strict=True):
        wanted = [known.get(bigram, 1) for bigram in zip(row, (*row[1:], 0), strict=False)]
        assert rows == wanted + [0] * (7 - len(row))
    assert {0, 1} < set(found.flatten().tolist())
    left = embedding.find_rows(padded(EMPTY_TOO, 7, "left").t().int()).t()
    assert all(torch.equal(left[at, 7 - len(row) :], found[at, : len(row)]) for at, row in enumerate(EMPTY_TOO))


def model_of(*, side="right", seed=0, **changes):
    torch.manual_seed(seed)
    options = dataclasses.replace(PLAIN, bigrams=OPTIONS, **changes)
    keys = learn_bigrams([bucket(ROWS[:2], 5)], None, VOCABULARY, 1, "w").keys
    model = TextRNN(options, VOCABULARY, 4, 5, side, len(keys)).double().eval()
    model.bigrams.pairs.copy_(keys)
    with torch.no_grad():
        model.bigrams.weight[1:] = torch.randn(len(keys) + 1, 3, dtype=torch.float64)
    return model


@CELLS
def test_bigram_embeddings_are_joined_to_those_of_the_tokens(cell):
    model = model_of(cell=cell, readout="mean", relu=True)
    ids = padded()
    joined = torch.cat(
        (F.embedding(ids, model.embedding.weight), model.bigrams.weight[model.bigrams.find_rows(ids.t()).t()]), -1
    )
    states, _ = model.recurrent(LayerInput.from_dense(F.relu(joined).transpose(0, 1)), LENGTHS)
    close(model.features(ids, LENGTHS), F.relu(states.sum(0) / LENGTHS[:, None]))


@CELLS
@pytest.mark.parametrize("readout", ["last_step", "last_valid", "max", "every_step"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_the_kernels_change_no_logit_and_no_gradient(cell, readout, side):
    ids, lengths = padded(EMPTY_TOO, side=side), torch.tensor([len(row) for row in EMPTY_TOO])
    found = []
    for kernels in (True, False):
        model = model_of(cell=cell, readout=readout, side=side, bidirectional=True, layers=2)
        model.recurrent.use_kernels = kernels
        logits = model(ids, lengths)
        (logits * torch.arange(logits.numel()).view_as(logits).cos()).sum().backward()
        found.append((logits, {name: weight.grad.to_dense() for name, weight in model.named_parameters()}))
    (logits, own), (wanted, other) = found
    close(logits, wanted)
    close(own, other)
    gradient = own["bigrams.weight"].abs().sum(1)
    assert gradient[0] == 0
    assert gradient[1] > 0


@pytest.mark.parametrize("readout", ["last_valid", ("max", "mean", "attention")])
def test_padding_changes_no_logit(readout):
    model, left = (model_of(readout=readout, side=side, bidirectional=True) for side in ("right", "left"))
    logits = model(padded(), LENGTHS)
    close(model(padded(width=9), LENGTHS), logits)
    close(left(padded(width=9, side="left"), LENGTHS), logits)
    for at, row in enumerate(ROWS):
        close(logits[at], model(torch.tensor([row]), LENGTHS[at : at + 1])[0])


def test_under_autocast_gradients_stay_near_float32():
    found = []
    for half in (False, True):
        model = model_of(cell="lstm", bidirectional=True).float()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            logits = model(padded(), LENGTHS)
        F.cross_entropy(logits.float(), torch.tensor([4, 0, 2, 1])).backward()
        found.append(torch.cat([weight.grad.to_dense().flatten() for weight in model.parameters()]))
        assert found[-1].dtype == torch.float32
    assert 0 < (found[1] - found[0]).norm() < 0.05 * found[0].norm()


def test_initialization_does_not_change_bigram_embeddings():
    model = model_of()
    before = model.bigrams.weight.clone()
    initialize_weights(model, "xavier")
    assert torch.equal(model.bigrams.weight, before)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Trains the tiny recipe of test_fit with bigrams, embedding dropout and word dropout."""
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    rows = write_padded(tmp_path, "classify", SPLITS)

    def run(work=None, min_count=2, **changes):
        model = dataclasses.replace(
            PLAIN,
            bigrams=Options(3, min_count),
            readout=("max", "mean"),
            word_dropout=0.1,
            embedding_dropout=0.2,
            head_dropout=0.1,
        )
        settings = dataclasses.replace(SETTINGS, epochs=6, learning_rate=0.03, clip_norm=1.0, **changes)
        recipe = recipe_of(rows, model=model, train=settings)
        return train_recipe(recipe, curves_file=tmp_path / "c", work_folder=work)

    return run


def test_a_recipe_learns_its_bigrams_and_saves_all_of_them(run, tmp_path):
    fitted = run()
    (tmp_path / "m").mkdir()
    sources = {name: tmp_path / name for name in PREPARATION_FILES}
    for name in PREPARATION_FILES[::2]:
        sources[name].write_text("")
    LABELS.save(sources["labels.json"])
    save_model(tmp_path / "m", fitted.config, fitted.network, Preparation(tmp_path))
    again = load_model(tmp_path / "m")
    rows, dev = (load_buckets_of(tmp_path, split) for split in ("train", "dev"))
    wanted = learn_bigrams(rows, None, 9, 2, "w").keys
    assert fitted.config.pairs == len(wanted) > 3
    assert torch.equal(again.network.bigrams.pairs, wanted)
    assert evaluate_loss(again.network, dev, 100, None).loss == pytest.approx(fitted.outcome.dev_loss, rel=1e-5)
    assert not again.network.bigrams.weight[0].any()


def load_buckets_of(folder, split):
    return load_buckets(PaddedRows.read(folder / "padded"), split)


def test_bigrams_that_are_too_rare_are_an_error_that_names_the_param(run):
    with pytest.raises(UserError, match=r"^recipes\.tiny\.model\.bigrams\.min_count: no bigram of train"):
        run(min_count=1000)


@pytest.mark.parametrize(("changes", "name"), [({"width": 0}, "width"), ({"min_count": 0}, "min_count")])
def test_options_out_of_range_are_rejected(changes, name):
    options = dataclasses.replace(PLAIN, bigrams=dataclasses.replace(OPTIONS, **changes))
    with pytest.raises(UserError, match=rf"^m\.bigrams\.{name}: must be at least 1; got 0"):
        options.check("m")
