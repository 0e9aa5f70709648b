"""What `vectorize` has learned as start values: bitwise in the matrix, the lexicon and the bigrams' rows."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
import torch

from factories.buckets import bucket
from factories.networks import PLAIN
from textrnn.common.config.embed import Embed, Lexicon
from textrnn.common.config.model import BigramOptions, SoftLexiconOptions
from textrnn.errors import UserError
from textrnn.modeling.nn.bigrams import FIRST_BIGRAM_ROW
from textrnn.preparation.artifacts.jieba_dictionary import DictionaryWord
from textrnn.preparation.artifacts.learned_vectors import NO_VECTORS, VECTORS, LearnedVectors
from textrnn.preparation.artifacts.lexicon_table import LEXICON
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding.embed import embed
from textrnn.preparation.embedding.learned import add_learned_words, bigram_table, learned_statistics
from textrnn.preparation.embedding.lexicon import build_lexicon
from textrnn.training.features.token_features import learn_token_features

VOCABULARY = Vocabulary(pa.array(list("国中民人")), pa.array([4, 3, 2, 1]))  # ids 2 to 5
WHERE = "recipes.r.embed"


def random_vectors(count, width, seed):
    return np.random.default_rng(seed).standard_normal((count, width), dtype=np.float32)


TOKENS, PAIRS, WORDS = random_vectors(3, 4, 0), random_vectors(2, 3, 1), random_vectors(2, 2, 2)
LEARNED = LearnedVectors(
    pa.concat_tables(
        [
            LearnedVectors.part("token", np.array([[4], [2], [3]]), np.array([9, 8, 7]), TOKENS),
            LearnedVectors.part("bigram", np.array([[3, 2], [5, 5]]), np.array([6, 5]), PAIRS),
            LearnedVectors.part("word", np.array([[3, 2]]), np.array([6]), WORDS[:1]),
            LearnedVectors.part("word", np.array([[2, 5, 4]]), np.array([1]), WORDS[1:]),
        ]
    )
)


def settings(vectors=None, bigrams=None, lexicon=None, width=None):
    return Embed(width, 1.0, vectors, bigrams, lexicon, 1)


def test_a_table_is_read_as_written(tmp_path):
    LEARNED.write(tmp_path)
    read = LearnedVectors.read(tmp_path)
    assert read.table.equals(LEARNED.table.combine_chunks())
    ids, vectors = read.of("word")
    assert ids.to_pylist() == [[3, 2], [2, 5, 4]]
    assert (vectors == WORDS).all()
    assert VECTORS.empty_table().num_rows == len(NO_VECTORS.of("token")[0])
    with pytest.raises(UserError, match=r"vectors\.arrow: no such file; run the stage that writes it$"):
        LearnedVectors.read(tmp_path / "nowhere")


def test_tokens_start_from_their_vectors(tmp_path):
    matrix, report = embed(VOCABULARY, settings("vectorized"), tmp_path, LEARNED, WHERE)
    assert matrix.shape == (6, 4)
    assert (matrix[[4, 2, 3]] == TOKENS).all()
    assert not matrix[0].any()
    assert matrix[1].any()
    assert matrix[5].any()
    assert report == {"vectors": "vectorized", "width": 4, "covered_tokens": 0.75, "covered_text": 0.9}
    with pytest.raises(UserError, match=r"^recipes\.r\.embed\.vectors: the width of its vectors is not 9; got 4; set"):
        embed(VOCABULARY, settings("vectorized", width=9), tmp_path, LEARNED, WHERE)


def test_bigrams_start_from_their_vectors_also_without_a_lexicon():
    table = bigram_table(settings(bigrams="vectorized"), LEXICON.empty_table(), LEARNED)
    assert table.schema.equals(LEXICON)
    model = dataclasses.replace(PLAIN, bigrams=BigramOptions(3, 1))
    rows = bucket([[3, 2, 4]], 3)
    features = learn_token_features([rows], 6, model, LEXICON.empty_table(), "m", bigrams=table).bigrams
    keys = features.keys.tolist()
    assert keys == sorted([3 * 6 + 2, 2 * 6 + 4, 4 * 6, 5 * 6 + 5])  # of train, and those with vectors
    own = [FIRST_BIGRAM_ROW + keys.index(key) for key in (3 * 6 + 2, 5 * 6 + 5)]
    assert features.pretrained.rows.tolist() == own
    assert (features.pretrained.vectors.numpy() == PAIRS).all()
    weight = torch.nn.Parameter(torch.zeros(FIRST_BIGRAM_ROW + 4, 3))
    with torch.no_grad():
        features.pretrained.fill(weight)
    assert (weight[own].detach().numpy() == PAIRS).all()
    wide = dataclasses.replace(PLAIN, bigrams=BigramOptions(5, 1))
    with pytest.raises(UserError, match=r"^m\.bigrams\.width: must be 3, as wide as the pretrained vectors; got 5"):
        learn_token_features([rows], 6, wide, None, "m", bigrams=table)


def test_words_start_from_theirs_and_bigrams_do_not():
    options = Lexicon(2, "vectorized")
    lexicon = build_lexicon(
        [DictionaryWord("中国", 9, "ns"), DictionaryWord("国人", 5, "n")], VOCABULARY, options, WHERE
    )
    with_vectors = add_learned_words(lexicon, settings(lexicon=options), LEARNED)
    assert with_vectors["vector"].to_pylist() == [WORDS[0].tolist(), None]  # the word of three is too long
    assert with_vectors["ids"].equals(lexicon["ids"])
    bigrams = bigram_table(settings(lexicon=options), with_vectors, LEARNED)
    assert len(bigrams) == 0
    model = dataclasses.replace(PLAIN, bigrams=BigramOptions(9, 1), words=SoftLexiconOptions(2, 1))
    features = learn_token_features([bucket([[3, 2, 5]], 3)], 6, model, with_vectors, "m", bigrams=bigrams)
    assert features.bigrams.pretrained is None
    assert (features.words.pretrained.vectors.numpy() == WORDS[:1]).all()
    assert add_learned_words(lexicon, settings(), LEARNED) is lexicon


def test_where_all_are_too_rare_for_vectors_embeddings_are_random():
    plain = dataclasses.replace(settings(), width=7, std=0.1)
    learned = dataclasses.replace(plain, width=None, vectors="vectorized")
    matrix, report = embed(VOCABULARY, learned, None, NO_VECTORS, WHERE, learned_width=7)
    assert (matrix == embed(VOCABULARY, plain, None, NO_VECTORS, WHERE)[0]).all()
    assert report == {"vectors": "vectorized", "width": 7, "covered_tokens": 0.0, "covered_text": 0.0}
    assert len(bigram_table(settings(bigrams="vectorized"), LEXICON.empty_table(), NO_VECTORS)) == 0
    lexicon = LEXICON.empty_table()
    assert add_learned_words(lexicon, settings(lexicon=Lexicon(4, "vectorized")), NO_VECTORS) is lexicon


def test_statistics_say_what_vectors_are_learned_from():
    vectorized = {"text": "more.txt", "texts": {"train": 8, "unlabelled": 7}}
    texts = {"text": "more.txt", "train": 8, "unlabelled": 7}
    table = bigram_table(settings(bigrams="vectorized"), LEXICON.empty_table(), LEARNED)
    assert learned_statistics(settings(bigrams="vectorized"), table, vectorized) == {
        "bigrams": "vectorized",
        "bigram_vectors": 2,
        "vectorized_texts": texts,
    }
    for each in (settings("vectorized"), settings(lexicon=Lexicon(4, "vectorized"))):
        assert learned_statistics(each, LEXICON.empty_table(), vectorized)["vectorized_texts"] == texts
    assert learned_statistics(settings("a.vec"), LEXICON.empty_table(), {}) == {
        "bigrams": None,
        "bigram_vectors": 0,
        "vectorized_texts": None,
    }


def test_two_sources_of_bigrams_are_refused():
    for file in (None, "vectorized"):
        settings(bigrams="vectorized", lexicon=Lexicon(4, file), width=5).check(WHERE)
    match = r"^recipes\.r\.embed\.bigrams: must be null if lexicon\.vectors is a file, .* too: a\.vec; got"
    with pytest.raises(UserError, match=match):
        settings(bigrams="vectorized", lexicon=Lexicon(4, "a.vec"), width=5).check(WHERE)
