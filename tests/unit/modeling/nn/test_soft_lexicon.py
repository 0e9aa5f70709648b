"""Test SoftLexicon: matches and counts against loops, and a model with the embeddings of words by its formula."""

import dataclasses
import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode

from factories.buckets import bucket
from factories.lexicons import LEXICON, OPTIONS, lexicon_of
from factories.networks import CELLS, EMPTY_TOO, LENGTHS, PLAIN, ROWS, close, padded
from factories.networks import TOKENS as VOCABULARY
from textrnn.common.config.model import BigramOptions
from textrnn.common.config.model import SoftLexiconOptions as Options
from textrnn.errors import UserError
from textrnn.modeling.models.text_rnn import TextRNN, initialize_weights
from textrnn.modeling.nn.embedding_lookup import embed_distinct, embed_each_position
from textrnn.modeling.nn.layer_input import LayerInput
from textrnn.modeling.nn.soft_lexicon import LexiconSizes, SoftLexicon
from textrnn.training.features.token_features import learn_token_features


def table_of(rows_by_word, width=3, vocabulary_size=VOCABULARY):
    """A SoftLexicon in float64 with the given table row of each word."""
    keys = {word: sum(i * vocabulary_size**place for place, i in enumerate(reversed(word))) for word in rows_by_word}
    words = sorted(keys, key=keys.__getitem__)
    sizes = LexiconSizes(len(words), 1 + max(rows_by_word.values()), max(map(len, words)))
    table = SoftLexicon(sizes, Options(width, 1), vocabulary_size).double()
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
    """For each row and step the three sets that `find_words` returns, without padding."""
    rows = table.find_words(ids.t()).rows
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
    rows = table.find_words(ids.t()).rows
    for means in (embed_distinct(table, rows, 0.0, True).to_dense(), embed_each_position(table, rows, 0.0, True)):
        close(means.transpose(0, 1), wanted)
        (own,) = torch.autograd.grad((means.transpose(0, 1) * weights).sum(), table.weight)
        close(own.to_dense(), gradient)


def weighted_table(rows_by_word, frequency_by_word, width=3):
    """A SoftLexicon over all four sets, in float64, that weighs words by these frequencies."""
    plain = table_of(rows_by_word, width, 6)
    sizes = LexiconSizes(len(plain.keys), len(plain.weight), max(map(len, rows_by_word)))
    table = SoftLexicon(sizes, Options(width, 1, "bmes", "frequency"), 6).double()
    by_key = {sum(i * 6**place for place, i in enumerate(reversed(word))): word for word in rows_by_word}
    frequencies = torch.tensor([frequency_by_word[by_key[key]] for key in plain.keys.tolist()], dtype=torch.float64)
    table.load_state_dict({**plain.state_dict(), "frequencies": frequencies})
    return table


def weighted_sums_by_hand(weight, ids, rows_by_word, frequency_by_word):
    """Formula 9 of Ma et al. 2020, (B, T, 4 * E), differentiable, token by token."""
    zero, texts = 0 * weight[0], []
    for row in ids.tolist():
        steps = []
        for step in range(len(row)):
            sets = [[], [], [], []]
            for start, end in itertools.combinations(range(len(row) + 1), 2):
                word = tuple(row[start:end])
                if word in rows_by_word and start <= step < end:
                    single, first, last = end - start == 1, step == start, step == end - 1
                    sets[3 if single else 0 if first else 2 if last else 1].append(word)
            total = sum(frequency_by_word[word] for words in sets for word in words)
            steps.append(
                torch.cat(
                    [
                        sum((4 * frequency_by_word[word] / total * weight[rows_by_word[word]] for word in words), zero)
                        for words in sets
                    ]
                )
            )
        texts.append(torch.stack(steps))
    return torch.stack(texts)


ALL_WORDS = st.dictionaries(
    st.lists(st.integers(2, 5), min_size=1, max_size=4).map(tuple),
    st.tuples(st.integers(1, 9), st.integers(1, 1000)),
    min_size=2,
    max_size=14,
).filter(lambda words: max(map(len, words)) > 1)


@settings(max_examples=60, deadline=None)
@given(words=ALL_WORDS, ids=IDS)
def test_weighted_sums_and_their_gradient_are_those_of_a_loop(words, ids):
    rows, frequencies = ({word: values[at] for word, values in words.items()} for at in (0, 1))
    table, ids = weighted_table(rows, frequencies), torch.tensor(ids)
    wanted = weighted_sums_by_hand(table.weight, ids, rows, frequencies)
    by = torch.arange(wanted.numel(), dtype=torch.float64).view_as(wanted).cos()
    (gradient,) = torch.autograd.grad((wanted * by).sum(), table.weight)
    found = table.find_words(ids.t())
    for embed in (embed_distinct, embed_each_position):
        sums = embed(table, found.rows, 0.0, True, found.weights)
        sums = (sums if isinstance(sums, torch.Tensor) else sums.to_dense()).transpose(0, 1)
        close(sums, wanted)
        (own,) = torch.autograd.grad((sums * by).sum(), table.weight)
        close(own.to_dense(), gradient)


def test_a_frequent_word_outweighs_a_rare_one():
    words = {(2, 3): 1, (2, 3, 4): 2, (2,): 3}
    table = weighted_table(words, {(2, 3): 30, (2, 3, 4): 10, (2,): 60})
    found = table.find_words(torch.tensor([[2, 3]]).t())
    assert [sorted(row for row in rows if row) for rows in found.rows[:, :, 0, 0].tolist()] == [[1], [], [], [3]]
    weights = found.weights[:, :, :, 0]
    assert weights.sum((0, 1)).tolist() == pytest.approx([4.0, 4.0])  # one normalisation over the four sets
    assert weights[0, :, 0].sum().item() == pytest.approx(4 * 30 / 90)
    assert weights[3, :, 0].sum().item() == pytest.approx(4 * 60 / 90)
    assert weights[2, :, 1].sum().item() == pytest.approx(4.0)  # 2 3 ends at the second token, which is no word itself


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


# in a model


def model_of(*, side="right", seed=0, lexicon=None, **changes):
    torch.manual_seed(seed)
    options = dataclasses.replace(PLAIN, **{"words": OPTIONS, **changes})
    if lexicon is None:
        lexicon = WHOLE_LEXICON if options.words == WHOLE else LEXICON
    features = learn_token_features([bucket(ROWS, 5)], VOCABULARY, options, lexicon, "m")
    model = TextRNN(options, VOCABULARY, 4, 5, side, features.bigram_count, features.lexicon_sizes)
    features.fill(model)
    model = model.double().eval()
    with torch.no_grad():
        for table in (model.words, model.bigrams):
            if table is not None:
                table.weight[1:] = torch.randn_like(table.weight[1:])
    return model


WHOLE = Options(3, 1, "bmes", "frequency")
# with the words of single tokens that SoftLexicon's fourth set needs
WHOLE_LEXICON = lexicon_of(
    [(word["ids"], word["tag"]) for word in LEXICON.to_pylist()] + [([3], "n"), ([7], "v"), ([5], "x")],
    frequencies=[5, 1, 70, 0, 3, 2, 900, 40, 11],
)


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_kernels_change_nothing_with_weighted_words_of_all_sets(side):
    ids, lengths = padded(EMPTY_TOO, side=side), torch.tensor([len(row) for row in EMPTY_TOO])
    found = []
    for kernels in (True, False):
        model = model_of(cell="lstm", readout="every_step", side=side, bidirectional=True, words=WHOLE)
        assert model.words.frequencies.min() == 1  # a frequency of 0 counts as 1
        model.recurrent.use_kernels = kernels
        logits = model(ids, lengths)
        (logits * torch.arange(logits.numel()).view_as(logits).cos()).sum().backward()
        found.append((logits, {name: weight.grad.to_dense() for name, weight in model.named_parameters()}))
    (logits, own), (wanted, other) = found
    close(logits, wanted)
    close(own, other)
    assert own["words.weight"].abs().sum(1)[4:].any()


def test_words_that_are_not_tuned_get_no_gradient():
    words = Options(3, 1, tune=False)
    lexicon = lexicon_of([([5, 3], "v"), ([2, 6], "n")], {0: [1.0, 2.0, 3.0]})
    for kernels in (True, False):
        model = model_of(cell="gru", bidirectional=True, words=words, lexicon=lexicon)
        model.recurrent.use_kernels = kernels
        model(padded(), LENGTHS).sum().backward()
        assert model.words.weight.grad is None
        assert model.embedding.weight.grad.any()
    wrong = r"^m\.words\.tune: needs embed\.lexicon\.vectors where it is false, and there is none; got False \(bool\)$"
    with pytest.raises(UserError, match=wrong):
        model_of(words=words)


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
    embedded = embed(table, table.find_words(ids).rows, 0.5, True)
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
    model.words.find_words = lambda ids: seen.append(ids) or SoftLexicon.find_words(model.words, ids)
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
