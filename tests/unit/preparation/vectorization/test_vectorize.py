"""The whole of `vectorize` on small corpora: vectors against plain loops, what is read, and what there is none of."""

import dataclasses
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from factories.information import as_matrix, chances_of, contexts_around, information_of, random_rows
from factories.shards import write_segment_output
from textrnn.common.config.vectorize import BigramVectors, Vectorize, WordVectors
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.preparation.artifacts.learned_vectors import LearnedVectors
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.vectorization.vectorize import vectorize

SETTINGS = Vectorize(
    width=3,
    norm=1.0,
    unlabelled=True,
    min_count=2,
    max_tokens=9,
    window=3,
    contexts=4,
    positions=False,
    bigrams=None,
    words=None,
    seed=1,
)
PAIRS = BigramVectors(width=2, min_count=2, norm=2.0)
WORDS = WordVectors(width=2, min_count=3, norm=3.0, longest=3)
ROWS = random_rows(80, "abcdef")
KNOWN = "abcdf"  # the vocabulary: ids from 2; `e` is a context that has no id


@pytest.fixture
def learn(tmp_path):
    """A function that runs vectorize on rows of train; dev and test have tokens of their own."""

    def run(settings=SETTINGS, rows=ROWS, text=None, dictionary=(), name="one", known=KNOWN):
        splits = {"train": [(row, 0) for row in rows], "dev": [(["y"] * 9, 0)], "test": [(["z"] * 9, 0)]}
        folder = tmp_path / f"segmented-{name}"
        segmented = SegmentedRows.read(write_segment_output(folder, "classify", splits, ["l"]))
        vocabulary = Vocabulary(pa.array(list(known)), pa.array([1] * len(known)))
        out = tmp_path / name
        out.mkdir()
        statistics = vectorize(
            segmented, vocabulary, settings, text=text, dictionary=dictionary, out=out, where="encodings.e.vectorize"
        )
        return LearnedVectors.read(out), statistics, out

    return run


def frequent_tokens(rows):
    counts = {token: sum(row.count(token) for row in rows) for token in {token for row in rows for token in row}}
    return sorted(counts, key=lambda token: (-counts[token], token)), counts


def expected_space(rows, contexts=4):
    """Tokens by count, the chances of contexts, and the axes of the whole decomposition, all by loops."""
    tokens, _ = frequent_tokens(rows)
    counted = contexts_around(rows, [(token,) for token in tokens], tokens[:contexts], 3, False)
    chances = chances_of(counted)
    columns = [(token, 0) for token in tokens[:contexts]]
    matrix = as_matrix([information_of(counter, chances) for counter in counted.values()], columns)
    _, values, right = np.linalg.svd(matrix, full_matrices=False)
    return tokens, chances, columns, right.T / np.sqrt(values), matrix


def unit(vectors, width):
    return vectors[:, :width] / np.linalg.norm(vectors[:, :width], axis=1, keepdims=True)


def test_vectors_are_those_of_plain_loops(learn):
    settings = dataclasses.replace(SETTINGS, bigrams=PAIRS, words=WORDS)
    learned, statistics, out = learn(settings, dictionary=["ab", "aba", "abe", "fff", "a", "abab"])
    tokens, chances, columns, axes, matrix = expected_space(ROWS)
    assert "e" in tokens[:5]
    known = [token for token in tokens if token in KNOWN]
    ids, vectors = learned.of("token")
    assert ids.to_pylist() == [[KNOWN.index(token) + 2] for token in known]
    expected = unit(matrix @ axes, 3)[[tokens.index(token) for token in known]]
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-3)
    ids, vectors = learned.of("bigram")
    names = [tuple(KNOWN[token - 2] for token in pair) for pair in ids.to_pylist()]
    occurs = {name: sum(tuple(row[at : at + 2]) == name for row in ROWS for at in range(len(row))) for name in names}
    every = {(one, two) for row in ROWS for one, two in pairwise(row) if "e" not in (one, two)}
    often = {name for name in every if sum(r[at : at + 2] == list(name) for r in ROWS for at in range(len(r))) >= 2}
    around = contexts_around(ROWS, names, tokens[:4], 3, False)
    information = as_matrix([information_of(around[name], chances) for name in names], columns)
    assert set(names) == {name for name in often if name in names or information_of(around[name], chances)}
    assert learned.table.filter(pa.compute.equal(learned.table["kind"], "bigram"))["count"].to_pylist() == list(
        occurs.values()
    )
    expected = 2 * unit(information @ axes, 2)
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=5e-3)
    words, vectors = learned.of("word")
    assert words.to_pylist() == [[2, 3], [2, 3, 2]]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 3, rtol=1e-5)
    pair = learned.of("bigram")[1][names.index(("a", "b"))]
    np.testing.assert_allclose(vectors[0] / 3, pair / 2, atol=1e-6)  # the same contexts
    assert statistics == {
        "width": 3,
        "text": None,
        "texts": {"train": 80, "unlabelled": 0},
        "dropped": {},
        "tokens": sum(map(len, ROWS)),
        "contexts": 4,
        "vectors": {"token": 5, "bigram": len(names), "word": 2},
    }
    assert [path.name for path in out.iterdir()] == ["vectors.arrow"]


def test_similar_contexts_give_similar_vectors(learn):
    generator = np.random.default_rng(1)
    frames = {"x": "pq", "y": "pq", "v": "tu", "w": "tu"}
    rows = [[frames[name][0], name, frames[name][1]] for name in generator.choice(list(frames), 200)]
    learned, _, _ = learn(dataclasses.replace(SETTINGS, contexts=9, window=1), rows=rows, known="xyvw")
    ids, vectors = learned.of("token")
    near = {"xyvw"[number - 2]: vector for (number,), vector in zip(ids.to_pylist(), vectors, strict=True)}
    assert near["x"] @ near["y"] > 0.99
    assert near["v"] @ near["w"] > 0.99
    assert abs(near["x"] @ near["v"]) < 0.5


def test_train_and_unlabelled_texts_are_read_and_dev_and_test_are_not(learn, tmp_path):
    half = len(ROWS) // 2
    text = tmp_path / "more.txt"
    lines = [" ".join(row) for row in ROWS[half:]]
    text.write_text("\n".join([*lines, "z " * 9, "y " * 9, "y " * 9]), encoding="utf-8")
    together, _, _ = learn(known="abcdfyz")
    apart, statistics, out = learn(rows=ROWS[:half], text=text, name="two", known="abcdfyz")
    empty = lines.count("")
    assert statistics["texts"] == {"train": half, "unlabelled": half - empty}
    assert statistics["text"] == "more.txt"
    assert statistics["dropped"] == {
        **({"empty": empty} if empty else {}),
        "equal to a text of dev": 2,
        "equal to a text of test": 1,
    }
    assert together.table.equals(apart.table)  # y and z have no vector
    assert len(together.of("token")[0]) == 5
    assert [path.name for path in out.iterdir() if path.is_file()] == ["vectors.arrow"]


def test_the_same_settings_give_the_same_bytes_whatever_the_workers(learn, monkeypatch):
    settings = dataclasses.replace(SETTINGS, bigrams=PAIRS, words=WORDS, positions=True)
    files = []
    for workers in ("1", "2"):
        monkeypatch.setenv("TEXTRNN_WORKERS", workers)
        files.append((learn(settings, dictionary=["ab", "aba"], name=workers)[2] / "vectors.arrow").read_bytes())
    assert files[0] == files[1]
    other = learn(dataclasses.replace(settings, seed=2), dictionary=["ab", "aba"], name="3")[2] / "vectors.arrow"
    assert other.read_bytes() != files[0]


def test_without_a_width_nothing_is_read(learn, tmp_path):
    learned, statistics, _ = learn(dataclasses.replace(SETTINGS, width=None), text=tmp_path / "none.txt")
    assert learned.table.num_rows == 0
    assert [len(learned.of(kind)[0]) for kind in ("token", "bigram", "word")] == [0, 0, 0]
    assert statistics == {"width": None, "text": None, "vectors": {}}


def test_a_corpus_with_fewer_tokens_than_the_width_has_zeros_at_the_end(learn):
    learned, _, _ = learn(dataclasses.replace(SETTINGS, width=20))
    vectors = learned.of("token")[1]
    assert vectors.shape == (5, 20)
    assert not vectors[:, 4:].any()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_tokens_that_are_too_rare_have_no_vector(learn):
    learned, statistics, _ = learn(dataclasses.replace(SETTINGS, min_count=1000, bigrams=PAIRS, words=WORDS))
    assert statistics["vectors"] == {"token": 0, "bigram": 0, "word": 0}
    assert learned.table.num_rows == 0
    alone, _, _ = learn(dataclasses.replace(SETTINGS, bigrams=PAIRS), rows=[["a"], ["a"], ["b"], ["b"]], name="alone")
    assert alone.table.num_rows == 0  # no token has a context
    two, _, _ = learn(dataclasses.replace(SETTINGS, max_tokens=2, contexts=2), name="two")
    assert two.of("token")[0].to_pylist() == [[2], [3]]


def test_the_norm_only_scales(learn):
    short, long = (learn(dataclasses.replace(SETTINGS, norm=norm), name=str(norm))[0] for norm in (1.0, 2.5))
    np.testing.assert_allclose(long.of("token")[1], 2.5 * short.of("token")[1], rtol=1e-5)


def test_words_too_long_for_their_keys_are_refused(learn):
    words = dataclasses.replace(WORDS, longest=40)
    match = (
        r"^encodings\.e\.vectorize\.words\.longest: 6 tokens to the power of it must be below 2\^63; got 40; lower it"
    )
    with pytest.raises(UserError, match=match):
        learn(dataclasses.replace(SETTINGS, words=words))
