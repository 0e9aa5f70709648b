"""Test word dropout, embedding dropout and embedding lookup: values and gradients."""

import pytest
import torch

from factories.networks import LENGTHS, close, padded, small
from textrnn.modeling.nn.embedding_lookup import (
    SparseTable,
    TokenEmbedding,
    drop_words,
    embed_distinct,
    embed_each_position,
    sum_reads,
)

TOKENS = 40


def some_ids(shape=(30, 50)):
    return torch.randint(TOKENS, shape, generator=torch.Generator().manual_seed(3))


def tables():
    torch.manual_seed(0)
    return [TokenEmbedding(TOKENS, 6, padding_idx=0), SparseTable(TOKENS, 6)]


def test_a_fraction_of_the_words_becomes_unknown_and_padding_stays():
    ids = torch.randint(5, (400, 500), generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    dropped = drop_words(ids, 0.2, True)
    changed = dropped != ids
    assert (dropped[changed] == 1).all()
    assert not changed[ids == 0].any()
    words = ids > 1  # an unknown word stays unknown
    error = (0.2 * 0.8 / int(words.sum())) ** 0.5
    assert changed[words].double().mean().item() == pytest.approx(0.2, abs=4 * error)
    torch.manual_seed(0)
    assert torch.equal(drop_words(ids, 0.2, True), dropped)
    assert torch.equal(drop_words(ids, 0.2, False), ids)
    assert torch.equal(drop_words(ids, 0.0, True), ids)


def test_words_are_dropped_only_in_training():
    model = small(word_dropout=0.5)
    plain = small()(padded(), LENGTHS)
    assert torch.equal(model(padded(), LENGTHS), plain)
    model.train()
    torch.manual_seed(2)
    logits = model(padded(), LENGTHS)
    torch.manual_seed(2)
    ids = drop_words(padded().t(), 0.5, True).t()
    assert (ids == 1).any()
    close(logits, small()(ids, LENGTHS))


@pytest.mark.parametrize("kind", [0, 1], ids=["dense", "sparse"])
def test_distinct_rows_equal_the_rows_at_each_position(kind):
    table, ids = tables()[kind], some_ids()
    steps = embed_distinct(table, ids, 0.0, True)
    assert len(steps.features) == TOKENS
    assert torch.equal(steps.to_dense(), embed_each_position(table, ids, 0.0, True))
    assert torch.equal(steps.to_dense()[ids != 0], table.weight[ids][ids != 0])
    assert not steps.to_dense()[ids == 0].any()


@pytest.mark.parametrize("kind", [0, 1], ids=["dense", "sparse"])
@pytest.mark.parametrize("distinct", [True, False], ids=["distinct", "each position"])
def test_a_token_loses_the_same_values_wherever_it_occurs(kind, distinct):
    table, ids = tables()[kind], some_ids()
    torch.manual_seed(1)
    embedded = (
        embed_distinct(table, ids, 0.4, True).to_dense() if distinct else embed_each_position(table, ids, 0.4, True)
    )
    kept_fractions = []
    for token in range(1, TOKENS):
        rows = embedded[ids == token]
        assert (rows == rows[0]).all()
        kept = rows[0] != 0
        kept_fractions.append(kept.double().mean())
        torch.testing.assert_close(rows[0][kept], table.weight[token][kept] / 0.6, rtol=1e-4, atol=0)
    assert torch.stack(kept_fractions).mean().item() == pytest.approx(0.6, abs=4 * (0.24 / (6 * TOKENS)) ** 0.5)
    without_dropout = (
        embed_distinct(table, ids, 0.4, False).to_dense() if distinct else embed_each_position(table, ids, 0.4, False)
    )
    assert torch.equal(without_dropout, embed_each_position(table, ids, 0.0, True))


def test_embedding_dropout_is_part_of_the_model():
    model = small(embedding_dropout=0.5)
    assert torch.equal(model(padded(), LENGTHS), small()(padded(), LENGTHS))
    model.train()
    torch.manual_seed(1)
    assert not torch.allclose(model(padded(), LENGTHS), small()(padded(), LENGTHS))


@pytest.mark.parametrize("distinct", [True, False], ids=["distinct", "each position"])
def test_a_sparse_table_has_the_gradient_of_a_dense_one(distinct):
    dense, sparse = (table.double() for table in tables())
    with torch.no_grad():
        dense.weight.copy_(sparse.weight)
    ids, weights = some_ids((4, 5)), torch.randn(4, 5, 6, dtype=torch.float64)
    for table in (dense, sparse):
        embedded = (
            embed_distinct(table, ids, 0.0, True).to_dense() if distinct else embed_each_position(table, ids, 0.0, True)
        )
        (embedded.square() * weights).sum().backward()
    assert sparse.weight.grad.is_sparse
    close(sparse.weight.grad.to_dense(), dense.weight.grad)
    assert not sparse.weight.grad.to_dense()[0].any()


def test_a_sparse_table_starts_small_and_padding_at_0():
    table = SparseTable(1000, 20)
    assert not table.weight[0].any()
    assert 0.045 < table.weight.abs().max().item() <= 1 / 20
    assert table.weight.mean().item() == pytest.approx(0, abs=0.002)


@pytest.mark.parametrize("reads", [1, 1024, 1025, 3072, 3073])
@pytest.mark.parametrize("rows", [1, 7, 5000], ids="of {} rows".format)
def test_the_gradients_of_reads_are_summed_by_row(reads, rows):
    generator = torch.Generator().manual_seed(reads)
    gradient = torch.randn(reads, 3, generator=generator)
    read = torch.randint(rows + 1, (reads,), generator=generator)  # `rows` itself is left out
    expected = torch.zeros(rows + 1, 3, dtype=torch.float64).index_add_(0, read, gradient.double())[:rows]
    summed = sum_reads(gradient, read, rows)
    assert summed.dtype == torch.float32
    torch.testing.assert_close(summed.double(), expected, rtol=1e-5, atol=1e-4)
    assert torch.equal(summed, sum_reads(gradient, read, rows))
    assert not summed[torch.bincount(read, minlength=rows + 1)[:rows] == 0].any()


def test_the_gradient_of_each_position_is_that_of_an_embedding_and_padding_has_none():
    table, ids = tables()[0], some_ids()
    target = torch.randn(*ids.shape, 6, generator=torch.Generator().manual_seed(5))
    (embed_each_position(table, ids, 0.0, True) * target).sum().backward()
    own, table.weight.grad = table.weight.grad, None
    (torch.nn.functional.embedding(ids, table.weight, padding_idx=0) * target).sum().backward()
    torch.testing.assert_close(own, table.weight.grad, rtol=1e-5, atol=1e-5)
    assert (ids == 0).any()
    assert not own[0].any()
