"""Words of a lexicon as features: rows by counts and parts of speech, vectors, and a recipe that learns them."""

import dataclasses
import itertools
import sys
from collections import Counter

import numpy as np
import pytest
import torch

from factories.buckets import bucket, mapped
from factories.lexicons import LEXICON, OPTIONS, lexicon_of
from factories.networks import PLAIN, ROWS
from factories.networks import TOKENS as VOCABULARY
from factories.recipes import LABELS, matrix, recipe_of
from factories.settings import SETTINGS
from factories.shards import write_padded
from factories.training_runs import fit, rows_of
from textrnn.common.config.model import BigramOptions
from textrnn.common.config.model import SoftLexiconOptions as Options
from textrnn.errors import UserError
from textrnn.modeling.models.model_directory import load_model, save_model
from textrnn.modeling.models.text_rnn import TextRNN
from textrnn.modeling.nn.soft_lexicon import LexiconSizes
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES, Preparation
from textrnn.training.batching import buckets as residence
from textrnn.training.features.token_features import learn_token_features
from textrnn.training.features.word_features import learn_words
from textrnn.training.optimization.step import sparse_tables
from textrnn.training.trainer.loop import TrainingData
from textrnn.training.trainer.train_recipe import train_recipe


def test_words_have_rows_by_their_counts_and_parts_of_speech():
    rows = [[2, 6, 2, 6], [5, 3, 8], [5, 3, 8], [5, 3]]  # counts: 2 6: 2, 5 3: 3, 3 8: 2, 5 3 8: 2; 4 5 and 3 4 5: 0
    keys = [2 * 9 + 6, 3 * 9 + 8, 4 * 9 + 5, 5 * 9 + 3, 3 * 81 + 4 * 9 + 5, 5 * 81 + 3 * 9 + 8]
    wanted = {
        # rows 1 to 3 are n, v and a; then frequent words in the order of their keys
        1: ([4, 5, 2, 6, 2, 7], 8),
        2: ([4, 5, 2, 6, 2, 7], 8),
        3: ([1, 1, 2, 4, 2, 3], 5),
        4: ([1, 1, 2, 2, 2, 3], 4),
    }
    for min_count, (own, count) in wanted.items():
        found = learn_words([bucket(rows, 4)], LEXICON, 9, Options(3, min_count))
        assert found.keys.tolist() == keys
        assert found.rows.tolist() == own
        assert found.sizes == LexiconSizes(6, count, 3)


@pytest.mark.parametrize("chunk", [1, 50, 1 << 22])
@pytest.mark.parametrize("side", ["right", "left"])
def test_frequent_words_are_those_that_a_loop_counts(monkeypatch, chunk, side):
    monkeypatch.setattr(residence, "IDS_PER_CHUNK", chunk)
    generator = np.random.default_rng(0)
    long, short = (
        [generator.integers(1, 9, generator.integers(0, longest + 1)).tolist() for _ in range(count)]
        for count, longest in ((60, 8), (40, 3))
    )
    words = [list(word) for count in (2, 3) for word in itertools.product(range(2, 9), repeat=count)]
    lexicon = lexicon_of([(word, "n") for word in generator.permutation(words[:49]).tolist() + words[49:]])
    spans = [tuple(row[start : start + n]) for row in long + short for n in (2, 3) for start in range(len(row) - n + 1)]
    counted = Counter(span for span in spans if 1 not in span)
    frequent = {word for word, count in counted.items() if count >= 3}
    assert 0 < len(frequent) < len(counted)
    buckets = [bucket(long, 8, side), bucket(short, 3, side)]
    for rows in (buckets, [mapped(buckets[0]), buckets[1]]):
        found = learn_words(rows, lexicon, 9, Options(3, 3))
        own = found.keys[found.rows > 1].tolist()
        assert own == sorted(sum(i * 9**place for place, i in enumerate(reversed(word))) for word in frequent)
        assert found.rows[found.rows > 1].tolist() == list(range(2, 2 + len(frequent)))


def test_words_that_never_occur_in_train_share_the_row_of_their_part_of_speech():
    tags = LEXICON["tag"].combine_chunks().dictionary
    found = learn_words([bucket([[6, 2], [3, 1, 8]], 3)], LEXICON, 9, Options(3, 1))
    assert sorted(set(found.rows.tolist())) == list(range(1, 1 + len(tags)))
    assert found.sizes.rows == 1 + len(tags)


def test_words_with_a_vector_have_their_own_row_which_starts_from_it():
    words = [([4, 5], "v"), ([2, 6], "n"), ([3, 8], "n"), ([5, 3], "v"), ([7, 7], None)]
    lexicon = lexicon_of(words, {0: [1.0, 2.0, 3.0], 3: [4.0, 5.0, 6.0], 4: [9.0, 9.0, 9.0]})
    found = learn_words([bucket([[2, 6], [2, 6]], 2)], lexicon, 9, Options(3, 2))
    assert found.keys.tolist() == [
        2 * 9 + 6,
        3 * 9 + 8,
        4 * 9 + 5,
        5 * 9 + 3,
    ]  # 7 7 has no part of speech: it is a pair, not a word
    assert found.rows.tolist() == [3, 2, 4, 5]  # v 1, n 2
    assert found.sizes == LexiconSizes(4, 6, 2)
    assert found.pretrained.rows.tolist() == [4, 5]
    assert found.pretrained.vectors.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_words_of_one_token_and_their_parts_of_speech_count_for_the_fourth_set_alone():
    words = [([3], "x"), ([2, 6], "n"), ([4], "n"), ([6], "y")]
    lexicon = lexicon_of(words, {0: [1.0, 2.0, 3.0]}, frequencies=[7, 0, 12, 5])
    rows = [bucket([[2, 6, 4], [4, 2, 6]], 3)]
    found = learn_words(rows, lexicon, 9, Options(3, 2))
    assert (found.keys.tolist(), found.rows.tolist(), found.frequencies.tolist()) == ([2 * 9 + 6], [2], [1.0])
    assert (found.sizes, found.pretrained) == (LexiconSizes(1, 3, 2), None)  # n is 1
    found = learn_words(rows, lexicon, 9, Options(3, 2, "bmes"))
    assert (found.keys.tolist(), found.frequencies.tolist()) == ([3, 4, 6, 24], [7.0, 12.0, 5.0, 1.0])
    # x 1, n 2, y 3, then 3 with a vector, and 4, 6 and 2 6, which occur twice
    assert (found.rows.tolist(), found.sizes) == ([4, 5, 6, 7], LexiconSizes(4, 8, 2))
    assert found.pretrained.rows.tolist() == [4]
    assert learn_words(rows, lexicon, 9, Options(3, 3, "bmes")).rows.tolist() == [4, 2, 3, 2]


def test_a_network_starts_from_the_vectors_and_trains_them():
    lexicon = lexicon_of([([4, 5], "v"), ([2, 6], "n")], {0: [1.0, 2.0, 3.0]})
    options = dataclasses.replace(PLAIN, words=OPTIONS, bigrams=BigramOptions(3, 1))
    features = learn_token_features([bucket(ROWS, 5)], VOCABULARY, options, lexicon, "m")
    model = TextRNN(options, VOCABULARY, 4, 5, "right", features.bigram_count, features.lexicon_sizes)
    with torch.no_grad():
        features.fill(model)
    ids = torch.tensor([[4, 5]])
    for table, rows in (
        (model.words, model.words.find_words(ids.t()).rows[0, 0, 0]),
        (model.bigrams, model.bigrams.find_rows(ids.t())[0]),
    ):
        assert table.weight[rows].tolist() == [[1.0, 2.0, 3.0]]
        assert table.weight.requires_grad
        others = [row for row in range(1, len(table.weight)) if row != int(rows)]
        assert table.weight[others].abs().max() <= 1 / 3  # as initialized
        assert not table.weight[0].any()


def test_words_that_are_not_tuned_stay_at_their_vectors():
    lexicon = lexicon_of([([2, 3], "v"), ([4, 5], "n")], {0: [1.0, 2.0, 3.0]})
    options = dataclasses.replace(PLAIN, words=dataclasses.replace(OPTIONS, tune=False), hidden_size=8)
    features = learn_token_features(rows_of(18), 12, options, lexicon, "w")
    model = TextRNN(options, 12, 6, 4, "right", 0, features.lexicon_sizes)
    with torch.no_grad():
        features.fill(model)
    assert sparse_tables(model) == []
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    fit(model, TrainingData(rows_of(18), rows_of(9)), dataclasses.replace(SETTINGS, epochs=1, weight_decay=0.1))
    changed = {name for name, weight in model.state_dict().items() if not torch.equal(weight, before[name])}
    assert "embedding.weight" in changed
    assert not any(name.startswith("words.") for name in changed)


@pytest.mark.parametrize("name", ["words", "bigrams"])
def test_a_table_of_another_width_than_the_vectors_is_rejected(name):
    lexicon = lexicon_of([([4, 5], "v")], {0: [1.0, 2.0]})
    options = dataclasses.replace(PLAIN, **{name: {"words": OPTIONS, "bigrams": BigramOptions(3, 1)}[name]})
    match = rf"^m\.{name}\.width: must be 2, as wide as the pretrained vectors; got 3"
    with pytest.raises(UserError, match=match):
        learn_token_features([bucket(ROWS, 5)], VOCABULARY, options, lexicon, "m")


@pytest.mark.parametrize("lexicon", [None, LEXICON.slice(0, 0)], ids=["none", "empty"])
def test_words_without_a_lexicon_are_rejected(lexicon):
    options = dataclasses.replace(PLAIN, words=OPTIONS)
    with pytest.raises(
        UserError, match=r"^m\.words: needs the recipe's embed.lexicon, which is null; got SoftLexiconOptions\(width=3"
    ):
        learn_token_features([bucket(ROWS, 5)], VOCABULARY, options, lexicon, "m")
    learn_token_features([bucket(ROWS, 5)], VOCABULARY, PLAIN, lexicon, "m")


@pytest.mark.parametrize(("changes", "name"), [({"width": 0}, "width"), ({"min_count": 0}, "min_count")])
def test_options_out_of_range_are_rejected(changes, name):
    options = dataclasses.replace(PLAIN, words=dataclasses.replace(OPTIONS, **changes))
    with pytest.raises(UserError, match=rf"^m\.words\.{name}: must be at least 1; got 0"):
        options.check("m")


# end to end: the label is whether 2, 3 occur in this order


def one_row(generator, label):
    row = generator.integers(4, 9, 4).tolist()
    index = int(generator.integers(0, 5))
    return [*row[:index], *((2, 3) if label else (3, 2)), *row[index:]], label


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Trains a tiny recipe on rows whose tokens predict the label only by their order."""
    monkeypatch.setenv("TEXTRNN_DEVICE", "cpu")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    generator = np.random.default_rng(5)
    splits = {
        name: [one_row(generator, row % 2) for row in range(count)] for name, count in (("train", 60), ("dev", 40))
    }
    rows = write_padded(tmp_path, "classify", splits)

    def run(words=OPTIONS, lexicon=LEXICON_OF_ORDER, **changes):
        model = dataclasses.replace(PLAIN, words=words, readout="mean", hidden_size=4, cell="rnn", **changes)
        settings = dataclasses.replace(SETTINGS, epochs=12, learning_rate=0.05)
        recipe = recipe_of(rows, vectors=0.01 * matrix(), model=model, train=settings, lexicon=lexicon)
        return train_recipe(recipe, curves_file=tmp_path / "curves.csv")

    return run


LEXICON_OF_ORDER = lexicon_of([([2, 3], "n"), ([8, 8, 8], "n"), ([8, 7], "v")])


@pytest.mark.parametrize("min_count", [1, 1000], ids=["own row", "shared row"])
def test_a_recipe_learns_words_and_saves_all_of_them(run, tmp_path, min_count):
    fitted = run(Options(3, min_count))
    assert fitted.outcome.dev_accuracy == 1.0
    assert fitted.config.words.words == 3
    (tmp_path / "m").mkdir()
    sources = {name: tmp_path / name for name in PREPARATION_FILES}
    for name in PREPARATION_FILES[::2]:
        sources[name].write_text("")
    LABELS.save(sources["labels.json"])
    save_model(tmp_path / "m", fitted.config, fitted.network, Preparation(tmp_path))
    again = load_model(tmp_path / "m")
    assert again.config == fitted.config
    ids, lengths = torch.tensor([[2, 3, 8, 7], [3, 2, 8, 0]]), torch.tensor([4, 3])
    assert torch.equal(again.network(ids, lengths), fitted.network.eval()(ids, lengths))
    assert again.network(ids, lengths).argmax(1).tolist() == [1, 0]
    assert not again.network.words.weight[0].any()


def test_without_words_the_accuracy_is_lower(run):
    assert run(None).outcome.dev_accuracy < 0.9


def test_a_recipe_without_a_lexicon_is_an_error_that_names_the_param(run):
    with pytest.raises(
        UserError, match=r"^recipes\.tiny\.model\.words: needs the recipe's embed.lexicon, which is null"
    ):
        run(lexicon=None)
