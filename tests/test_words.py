"""Test SoftLexicon: matches and counts against loops, and a model with the embeddings of words by its formula."""

import dataclasses
import itertools
import sys
from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode

from test_batches import write_padded
from test_bigrams import bucket, mapped
from test_fit import LABELS, matrix, recipe_of
from test_lexicon import lexicon_of
from test_models import CELLS, EMPTY_TOO, LENGTHS, PLAIN, ROWS, close, padded
from test_models import TOKENS as VOCABULARY
from test_training import SETTINGS
from textrnn.common.config.model import BigramOptions
from textrnn.common.config.model import SoftLexiconOptions as Options
from textrnn.errors import UserError
from textrnn.modeling.models.model_directory import load_model, save_model
from textrnn.modeling.models.text_rnn import TextRNN, initialize_weights
from textrnn.modeling.nn.embedding_lookup import embed_distinct, embed_each_position
from textrnn.modeling.nn.layer_input import LayerInput
from textrnn.modeling.nn.soft_lexicon import LexiconSizes, SoftLexicon
from textrnn.preparation.artifacts.preparation_folder import PREPARATION_FILES, Preparation
from textrnn.training.batching import buckets as residence
from textrnn.training.features.token_features import learn_token_features
from textrnn.training.features.word_features import learn_words
from textrnn.training.trainer.train_recipe import train_recipe

OPTIONS = Options(3, 1)
# of ROWS, [[3, 1, 4, 1, 5], [2, 6], [5, 3, 8], [7]], where 1 is unknown and so in no word
LEXICON = lexicon_of([([2, 6], "n"), ([5, 3], "v"), ([3, 8], "n"), ([5, 3, 8], "a"), ([4, 5], "v"), ([3, 4, 5], "v")])


def table_of(rows_by_word, width=3, vocabulary_size=VOCABULARY):
    """A SoftLexicon in float64 with the given table row of each word."""
    keys = {word: sum(i * vocabulary_size**place for place, i in enumerate(reversed(word))) for word in rows_by_word}
    words = sorted(keys, key=keys.__getitem__)
    sizes = LexiconSizes(len(words), 1 + max(rows_by_word.values()), max(map(len, words)))
    table = SoftLexicon(sizes, width, vocabulary_size).double()
    table.keys.copy_(torch.tensor([keys[word] for word in words]))
    table.rows.copy_(torch.tensor([rows_by_word[word] for word in words]))
    return table


def sets_by_hand(row, rows_by_word):
    """For each token of a row: the table rows of words that begin at it, continue through it, end at it."""
    sets = [([], [], []) for _ in row]
    for start, end in itertools.combinations(range(len(row) + 1), 2):
        table_row = rows_by_word.get(tuple(row[start:end]))
        if table_row is not None:
            sets[start][0].append(table_row)
            sets[end - 1][2].append(table_row)
            for step in range(start + 1, end - 1):
                sets[step][1].append(table_row)
    return sets


def means_by_hand(weight, ids, rows_by_word):
    """The means (B, T, 3 * E), differentiable, computed set by set."""
    zero = 0 * weight[0]
    return torch.stack(
        [
            torch.stack(
                [
                    torch.cat([sum((weight[row] for row in rows), zero) / max(1, len(rows)) for rows in sets])
                    for sets in sets_by_hand(text, rows_by_word)
                ]
            )
            for text in ids.tolist()
        ]
    )


def found_sets(table, ids):
    """For each row and step the three sets that `find_rows` returns, without padding."""
    rows = table.find_rows(ids.t())
    assert rows.dtype == torch.int64
    assert rows.shape[0] == 3
    return [
        [
            tuple(sorted(index for index in rows[kind, :, step, text].tolist() if index) for kind in range(3))
            for step in range(ids.shape[1])
        ]
        for text in range(len(ids))
    ]


WORDS = st.dictionaries(
    st.lists(st.integers(2, 5), min_size=2, max_size=5).map(tuple), st.integers(1, 9), min_size=1, max_size=12
)
IDS = st.integers(1, 7).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 5), min_size=width, max_size=width), min_size=1, max_size=4)
)


@settings(max_examples=100, deadline=None)
@given(words=WORDS, ids=IDS)
def test_words_are_those_that_a_loop_finds(words, ids):
    # with padding and unknown tokens anywhere, and rows shorter than the longest word
    table, ids = table_of(words, vocabulary_size=6), torch.tensor(ids)
    wanted = [[tuple(map(sorted, sets)) for sets in sets_by_hand(row, words)] for row in ids.tolist()]
    assert found_sets(table, ids) == wanted
    assert found_sets(table, ids.int()) == wanted


@settings(max_examples=40, deadline=None)
@given(words=WORDS, ids=IDS)
def test_means_and_their_gradient_are_those_of_a_loop(words, ids):
    table, ids = table_of(words, vocabulary_size=6), torch.tensor(ids)
    wanted = means_by_hand(table.weight, ids, words)
    weights = torch.arange(wanted.numel(), dtype=torch.float64).view_as(wanted).cos()
    (gradient,) = torch.autograd.grad((wanted * weights).sum(), table.weight)
    rows = table.find_rows(ids.t())
    for means in (embed_distinct(table, rows, 0.0, True).to_dense(), embed_each_position(table, rows, 0.0, True)):
        close(means.transpose(0, 1), wanted)
        (own,) = torch.autograd.grad((means.transpose(0, 1) * weights).sum(), table.weight)
        close(own.to_dense(), gradient)


def test_words_by_hand():
    table = table_of({(2, 3): 1, (3, 4): 2, (2, 3, 4): 3, (2, 3, 4, 5): 3})
    empty = ((), (), ())
    ids = torch.tensor([[0, 0, 2, 3, 4, 5], [2, 3, 4, 1, 5, 0], [4, 5, 0, 0, 0, 0]])
    found = [[tuple(map(tuple, sets)) for sets in row] for row in found_sets(table, ids)]
    assert found == [
        [empty, empty, ((1, 3, 3), (), ()), ((2,), (3, 3), (1,)), ((), (3,), (2, 3)), ((), (), (3,))],
        [((1, 3), (), ()), ((2,), (3,), (1,)), ((), (), (2, 3)), empty, empty, empty],
        [empty] * 6,  # 2, 3 of the previous row and 4, 5 of this one form no word
    ]


def test_padding_before_a_word_matches_no_longer_word():
    # as keys, 0, 2, 3 and 2, 3 are equal
    table = table_of({(2, 3): 1, (5, 5, 5): 2})
    assert found_sets(table, torch.tensor([[0, 2, 3]])) == [[([], [], []), ([1], [], []), ([], [], [1])]]


@settings(max_examples=30, deadline=None)
@given(words=WORDS, ids=IDS)
def test_a_batch_that_is_wider_or_padded_on_the_left_has_the_same_words(words, ids):
    table = table_of(words, vocabulary_size=6)
    plain = found_sets(table, torch.tensor(ids))
    for before, after in ((0, 3), (3, 0)):
        wide = found_sets(table, F.pad(torch.tensor(ids), (before, after)))
        assert [row[before : len(row) - after] for row in wide] == plain


def test_the_largest_keys_are_found():
    vocabulary_size = 2**21 - 1  # the key of three such tokens is just below 2^63
    word = (vocabulary_size - 1,) * 3
    table = table_of({word: 1, (2, 2): 2}, vocabulary_size=vocabulary_size)
    assert found_sets(table, torch.tensor([word]))[0][1] == ([], [1], [])


# learned from train


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
        found = learn_words([bucket(rows, 4)], LEXICON, 9, min_count)
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
        found = learn_words(rows, lexicon, 9, 3)
        own = found.keys[found.rows > 1].tolist()
        assert own == sorted(sum(i * 9**place for place, i in enumerate(reversed(word))) for word in frequent)
        assert found.rows[found.rows > 1].tolist() == list(range(2, 2 + len(frequent)))


def test_words_that_never_occur_in_train_share_the_row_of_their_part_of_speech():
    tags = LEXICON["tag"].combine_chunks().dictionary
    found = learn_words([bucket([[6, 2], [3, 1, 8]], 3)], LEXICON, 9, 1)
    assert sorted(set(found.rows.tolist())) == list(range(1, 1 + len(tags)))
    assert found.sizes.rows == 1 + len(tags)


def test_words_with_a_vector_have_their_own_row_which_starts_from_it():
    words = [([4, 5], "v"), ([2, 6], "n"), ([3, 8], "n"), ([5, 3], "v"), ([7, 7], None)]
    lexicon = lexicon_of(words, {0: [1.0, 2.0, 3.0], 3: [4.0, 5.0, 6.0], 4: [9.0, 9.0, 9.0]})
    found = learn_words([bucket([[2, 6], [2, 6]], 2)], lexicon, 9, 2)
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


def test_a_network_starts_from_the_vectors_and_trains_them():
    lexicon = lexicon_of([([4, 5], "v"), ([2, 6], "n")], {0: [1.0, 2.0, 3.0]})
    options = dataclasses.replace(PLAIN, words=OPTIONS, bigrams=BigramOptions(3, 1))
    features = learn_token_features([bucket(ROWS, 5)], VOCABULARY, options, lexicon, "m")
    model = TextRNN(options, VOCABULARY, 4, 5, "right", features.bigram_count, features.lexicon_sizes)
    with torch.no_grad():
        features.fill(model)
    ids = torch.tensor([[4, 5]])
    for table, rows in (
        (model.words, model.words.find_rows(ids.t())[0, 0, 0]),
        (model.bigrams, model.bigrams.find_rows(ids.t())[0]),
    ):
        assert table.weight[rows].tolist() == [[1.0, 2.0, 3.0]]
        assert table.weight.requires_grad
        others = [row for row in range(1, len(table.weight)) if row != int(rows)]
        assert table.weight[others].abs().max() <= 1 / 3  # as initialized
        assert not table.weight[0].any()


@pytest.mark.parametrize("name", ["words", "bigrams"])
def test_a_table_of_another_width_than_the_vectors_is_rejected(name):
    lexicon = lexicon_of([([4, 5], "v")], {0: [1.0, 2.0]})
    options = dataclasses.replace(PLAIN, **{name: {"words": OPTIONS, "bigrams": BigramOptions(3, 1)}[name]})
    match = rf"^m\.{name}\.width: must be 2, as wide as the lexicon's vectors; got 3"
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


# in a model


def model_of(*, side="right", seed=0, **changes):
    torch.manual_seed(seed)
    options = dataclasses.replace(PLAIN, words=OPTIONS, **changes)
    features = learn_token_features([bucket(ROWS, 5)], VOCABULARY, options, LEXICON, "m")
    model = TextRNN(options, VOCABULARY, 4, 5, side, features.bigram_count, features.lexicon_sizes)
    features.fill(model)
    model = model.double().eval()
    with torch.no_grad():
        for table in (model.words, model.bigrams):
            if table is not None:
                table.weight[1:] = torch.randn_like(table.weight[1:])
    return model


def rows_of_words(model):
    """The table row of each word of LEXICON, from the model's buffers."""
    rows = dict(zip(model.words.keys.tolist(), model.words.rows.tolist(), strict=True))
    words = (tuple(word["ids"]) for word in LEXICON.to_pylist())
    return {word: rows[sum(i * VOCABULARY**place for place, i in enumerate(reversed(word)))] for word in words}


@CELLS
@pytest.mark.parametrize("bigrams", [None, BigramOptions(2, 1)], ids=["alone", "bigrams"])
def test_word_embeddings_are_joined_to_those_of_the_tokens(cell, bigrams):
    model = model_of(cell=cell, readout="mean", relu=True, bigrams=bigrams)
    ids = padded()
    parts = [F.embedding(ids, model.embedding.weight)]
    if bigrams is not None:
        parts.append(model.bigrams.weight[model.bigrams.find_rows(ids.t()).t()])
    parts.append(means_by_hand(model.words.weight, ids, rows_of_words(model)))
    assert parts[-1].any()
    states, _ = model.recurrent(LayerInput.from_dense(F.relu(torch.cat(parts, -1)).transpose(0, 1)), LENGTHS)
    close(model.features(ids, LENGTHS), F.relu(states.sum(0) / LENGTHS[:, None]))


@CELLS
@pytest.mark.parametrize("readout", ["last_step", "last_valid", "max", "every_step"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_the_kernels_change_no_logit_and_no_gradient(cell, readout, side):
    ids, lengths = padded(EMPTY_TOO, side=side), torch.tensor([len(row) for row in EMPTY_TOO])
    found = []
    for kernels in (True, False):
        model = model_of(
            cell=cell, readout=readout, side=side, bidirectional=True, layers=2, bigrams=BigramOptions(2, 1)
        )
        model.recurrent.use_kernels = kernels
        logits = model(ids, lengths)
        (logits * torch.arange(logits.numel()).view_as(logits).cos()).sum().backward()
        found.append((logits, {name: weight.grad.to_dense() for name, weight in model.named_parameters()}))
    (logits, own), (wanted, other) = found
    close(logits, wanted)
    close(own, other)
    gradient = own["words.weight"].abs().sum(1)
    assert gradient[0] == 0
    assert gradient[4:].any()


@pytest.mark.parametrize("readout", ["last_valid", ("max", "mean", "attention")])
def test_padding_changes_no_logit(readout):
    model, left = (model_of(readout=readout, side=side, bidirectional=True) for side in ("right", "left"))
    logits = model(padded(), LENGTHS)
    close(model(padded(width=9), LENGTHS), logits)
    close(left(padded(width=9, side="left"), LENGTHS), logits)
    for at, row in enumerate(ROWS):
        close(logits[at], model(torch.tensor([row]), LENGTHS[at : at + 1])[0])


@CELLS
def test_a_batch_without_any_word_still_trains(cell):
    model = model_of(cell=cell, bidirectional=True).train()
    model(torch.tensor([[7], [1], [0]]), torch.tensor([1, 1, 0])).sum().backward()
    assert not model.words.weight.grad.to_dense().any()
    assert model.embedding.weight.grad[7].any()


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


@pytest.mark.parametrize("embed", [embed_distinct, embed_each_position])
def test_a_dropped_value_is_dropped_wherever_its_row_is_read(embed):
    table = table_of({(2, 3): 1, (3, 4): 2, (2, 3, 4): 2}, width=40)
    ids = torch.tensor([[2, 3, 4], [3, 4, 0], [5, 2, 3]]).t()
    torch.manual_seed(1)
    embedded = embed(table, table.find_rows(ids), 0.5, True)
    means = embedded.to_dense() if isinstance(embedded, LayerInput) else embedded
    begin, inside, end = means.split(40, dim=-1)
    first, second = end[1, 0], begin[1, 0]  # rows 1 and 2, each alone in its set
    for row, value in ((1, first), (2, second)):
        kept = value != 0
        assert 8 < kept.sum() < 32
        close(value[kept], 2 * table.weight[row].detach()[kept])
    close(begin[0, 0], (first + second) / 2)
    close(inside[1, 0], second)
    close(end[2, 0], second)
    close(end[2, 2], first)


def test_a_dropped_token_is_part_of_no_word():
    model = model_of(word_dropout=0.5).train()
    seen = []
    model.words.find_rows = lambda ids: seen.append(ids) or SoftLexicon.find_rows(model.words, ids)
    model(padded(), LENGTHS)
    assert ((seen[0] == 1) & (padded().t() > 1)).any()


def test_no_shape_depends_on_the_data_of_a_captured_step():
    model = model_of(cell="lstm", word_dropout=0.1).float().train()
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:  # tensors without values
        ids, lengths = fake.from_tensor(padded()), fake.from_tensor(LENGTHS)
        model.recurrent.use_kernels = False
        assert model(ids, lengths).shape == (4, 5)
        model.recurrent.use_kernels = True
        with pytest.raises(DynamicOutputShapeException):
            model(ids, lengths)


def test_initialization_does_not_change_word_embeddings():
    model = model_of()
    before = model.words.weight.clone()
    initialize_weights(model, "xavier")
    assert torch.equal(model.words.weight, before)


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
