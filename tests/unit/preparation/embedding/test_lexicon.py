"""The lexicon: words by hand, vectors, errors, the file, and the stage."""

from __future__ import annotations

import hashlib
import json
from functools import partial

import pyarrow as pa
import pytest

from textrnn.common.config.embed import Lexicon
from textrnn.errors import UserError
from textrnn.preparation.artifacts.jieba_dictionary import DictionaryWord
from textrnn.preparation.artifacts.learned_vectors import NO_VECTORS, LearnedVectors
from textrnn.preparation.artifacts.lexicon_table import LEXICON, load_lexicon, save_lexicon
from textrnn.preparation.artifacts.recipe_embedding import RecipeEmbedding
from textrnn.preparation.artifacts.vocabulary import Vocabulary
from textrnn.preparation.embedding import initial_embedding
from textrnn.preparation.embedding.lexicon import add_vectors, build_lexicon
from textrnn.preparation.embedding.vector_files import read_selected

DICTIONARY = [
    DictionaryWord("中", 900, "f"),
    DictionaryWord("中国", 500, "ns"),
    DictionaryWord("国人", 40, "n"),
    DictionaryWord("中国人", 30, "n"),
    DictionaryWord("中国人民", 20, "nz"),
    DictionaryWord("大中", 9, "a"),
    DictionaryWord("中国", 8, "x"),
    DictionaryWord("B国", 0, "nz"),
]


def vocabulary(tokens):
    return Vocabulary(pa.array(list(tokens)), pa.array([1] * len(tokens)))


def words_of(table):
    return [(row["ids"], row["tag"]) for row in table.to_pylist()]


@pytest.mark.parametrize(
    ("longest", "words"),
    [
        (2, [([3], "f"), ([3, 2], "ns"), ([2, 5], "n"), ([6, 2], "nz")]),
        (3, [([3], "f"), ([3, 2], "ns"), ([2, 5], "n"), ([3, 2, 5], "n"), ([6, 2], "nz")]),
        (4, [([3], "f"), ([3, 2], "ns"), ([2, 5], "n"), ([3, 2, 5], "n"), ([3, 2, 5, 4], "nz"), ([6, 2], "nz")]),
    ],
)
def test_words_by_hand(longest, words):
    table = build_lexicon(DICTIONARY, vocabulary("国中民人B"), Lexicon(longest, None), "r")
    assert table.schema == LEXICON
    assert words_of(table) == words
    assert table["frequency"].to_pylist()[:3] == [900, 500, 40]
    assert table["frequency"].to_pylist()[-1] == 0


def test_tokens_of_several_characters_and_reserved_tokens_form_no_word():
    tokens = vocabulary(["<unk>", "中国", "国", "人"])
    assert words_of(build_lexicon([*DICTIONARY, DictionaryWord("<unk>", 3, "n")], tokens, Lexicon(5, None), "r")) == [
        ([4, 5], "n")
    ]


def test_without_a_lexicon_the_dictionary_is_not_read():
    def unread():
        raise AssertionError
        yield

    table = build_lexicon(unread(), vocabulary("中国"), None, "r")
    assert (table.schema, len(table)) == (LEXICON, 0)


def test_a_vocabulary_that_forms_no_word_is_refused():
    match = r"^recipes\.r\.lexicon: no word of 2 to 4 characters can be formed from the encoding's tokens; set"
    with pytest.raises(UserError, match=match):
        build_lexicon(DICTIONARY, vocabulary(["中国", "人民", "国"]), Lexicon(4, None), "recipes.r.lexicon")


def test_words_whose_ids_do_not_fit_into_an_integer_are_refused():
    tokens = vocabulary([str(at) for at in range(1 << 16)])  # and the two reserved ones
    match = r"^r\.longest: 65,538 tokens to the power of it must be below 2\^63; got 4; lower it, or"
    with pytest.raises(UserError, match=match):
        build_lexicon(DICTIONARY, tokens, Lexicon(4, None), "r")
    with pytest.raises(UserError, match="no word of 2 to 3 characters"):
        build_lexicon(DICTIONARY, tokens, Lexicon(3, None), "r")


def test_longest_below_two_is_refused_by_name():
    Lexicon(2, None).check("r.lexicon")
    with pytest.raises(UserError, match=r"^r\.lexicon\.longest: must be at least 2; got 1"):
        Lexicon(1, None).check("r.lexicon")


def vectors_of(table):
    return [(row["ids"], row["tag"], row["vector"]) for row in table.to_pylist()]


def test_words_and_pairs_have_the_vectors_of_a_file(tmp_path):
    known = vocabulary("国中民人B")
    table = build_lexicon(DICTIONARY, known, Lexicon(3, None), "r")
    lines = [
        "6 2",
        "国人 1 2",
        "民B 3 4",
        "中国人 5 6",
        "国人民 7 8",
        "国大 9 9",
        "国 9 9",
        "民B 9 9",
        "中国人民 9 9",
        "大学 9",
    ]
    (tmp_path / "v.vec").write_text("\n".join(lines), encoding="utf-8")
    extended, skipped_lines = add_vectors(table, known, partial(read_selected, tmp_path / "v.vec", what="word or pair"))
    assert skipped_lines == 1
    # a pair need not be a word; longer runs that are not words, unknown characters and longer words are left out
    assert extended["frequency"].to_pylist() == [900, 500, 40, 30, 0, 0]
    assert vectors_of(extended) == [
        ([3], "f", None),
        ([3, 2], "ns", None),
        ([2, 5], "n", [1, 2]),
        ([3, 2, 5], "n", [5, 6]),
        ([6, 2], "nz", None),
        ([4, 6], None, [3, 4]),
    ]
    save_lexicon(tmp_path / "l", extended)
    assert load_lexicon(tmp_path / "l").equals(extended)


def test_vectors_of_unknown_tokens_only_are_refused(tmp_path):
    known = vocabulary("国中")
    (tmp_path / "v.vec").write_text("国 1 2\n国大 3 4\n", encoding="utf-8")
    table = build_lexicon(DICTIONARY, known, Lexicon(2, None), "r")
    with pytest.raises(UserError, match=r"v\.vec: has no vector for any word or pair; check that"):
        add_vectors(table, known, partial(read_selected, tmp_path / "v.vec", what="word or pair"))


def test_the_file_is_loaded_as_saved_and_is_reproducible(tmp_path):
    checksums = set()
    for name in ("one", "two"):
        table = build_lexicon(DICTIONARY, vocabulary("国中民人B"), Lexicon(4, None), "r")
        save_lexicon(tmp_path / name, table)
        checksums.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(checksums) == 1
    assert load_lexicon(tmp_path / "one").equals(table)
    save_lexicon(tmp_path / "none", build_lexicon([], vocabulary("国"), None, "r"))
    assert len(load_lexicon(tmp_path / "none")) == 0


def test_files_that_are_not_a_lexicon(tmp_path):
    path = tmp_path / "l.arrow"
    with pytest.raises(UserError, match=r"l\.arrow: no such file; run the stage that writes it"):
        load_lexicon(path)
    path.write_bytes(b"no arrow")
    with pytest.raises(UserError, match=r"l\.arrow: is not an Arrow file"):
        load_lexicon(path)
    vocabulary("ab").save(path)
    with pytest.raises(
        UserError,
        match=r"l\.arrow: does not contain words, parts of speech, frequencies and vectors; got \['token', 'co",
    ):
        load_lexicon(path)


# the stage

NOTHING_LEARNED = {"bigrams": None, "bigram_vectors": 0, "vectorized_texts": None}


@pytest.fixture
def stage(tmp_path, monkeypatch, import_stage):
    """Runs the script over a tiny encoding and dictionary; the lexicon, and the stage's report."""
    script = import_stage("embed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(initial_embedding, "read_dictionary", lambda: iter(DICTIONARY))
    preparation = tmp_path / "data" / "encoded" / "e" / "preparation"
    preparation.mkdir(parents=True)
    vocabulary("国中民人").save(preparation / "vocabulary.arrow")
    vectorized = LearnedVectors.default_folder("e")
    vectorized.mkdir(parents=True)
    NO_VECTORS.write(vectorized)
    (vectorized / "statistics.json").write_text('{"width": null}', encoding="utf-8")

    def run(lexicon):
        data = {"source": "raw", "vectors": "vectors", "punkt": "punkt"}
        defaults = {"width": 3, "std": 1.0, "vectors": None, "bigrams": None, "lexicon": None, "seed": 1}
        recipes = {"r": {"encoding": "e", "embed": {"lexicon": lexicon}}}
        params = {"data": data, "embed": defaults, "recipes": recipes}
        (tmp_path / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
        script.main("r")
        folder = tmp_path / "data" / "embedded" / "r"
        names = {"embedding.arrow", "lexicon.arrow", "bigrams.arrow", "statistics.json", "checksums.json"}
        assert {path.name for path in folder.iterdir()} == names
        embedding = RecipeEmbedding.read(folder)
        assert embedding.matrix.shape == (6, 3)
        return embedding.lexicon, json.loads((folder / "statistics.json").read_text(encoding="utf-8"))

    return run


def test_the_stage_writes_the_words_next_to_the_matrix(stage):
    lexicon, report = stage({"longest": 3, "vectors": None})
    assert words_of(lexicon) == [([3], "f"), ([3, 2], "ns"), ([2, 5], "n"), ([3, 2, 5], "n")]
    assert report == {
        "vectors": None,
        "width": 3,
        "covered_tokens": 0.0,
        "covered_text": 0.0,
        "lexicon": {"longest": 3, "vectors": None},
        "lexicon_words": 3,
        "lexicon_characters": 1,
        "lexicon_vectors": 0,
        **NOTHING_LEARNED,
    }


def test_the_stage_writes_the_vectors_with_them(stage, tmp_path):
    (tmp_path / "vectors").mkdir()
    (tmp_path / "vectors" / "v.vec").write_text("中国 1 2\n人人 3 4\n中 5 6\n人 7 8\n大学 9\n", encoding="utf-8")
    lexicon, report = stage({"longest": 2, "vectors": "v.vec"})
    assert vectors_of(lexicon) == [
        ([3], "f", [5, 6]),
        ([3, 2], "ns", [1, 2]),
        ([2, 5], "n", None),
        ([5, 5], None, [3, 4]),
    ]
    assert report["lexicon"] == {"longest": 2, "vectors": "v.vec"}
    assert (report["lexicon_words"], report["lexicon_vectors"], report["lexicon_skipped_lines"]) == (2, 3, 1)
    assert report["bigram_vectors"] == 2  # the model's bigrams start from them, those that are words too
    bigrams = RecipeEmbedding.read(tmp_path / "data" / "embedded" / "r").bigrams
    assert vectors_of(bigrams) == [([3, 2], "ns", [1, 2]), ([5, 5], None, [3, 4])]
    with pytest.raises(UserError, match=r"^recipes\.r\.embed\.lexicon\.vectors: "):
        stage({"longest": 2, "vectors": "../v.vec"})


def test_the_stage_writes_an_empty_file_if_there_is_no_lexicon(stage):
    lexicon, report = stage(None)
    assert len(lexicon) == 0
    without = {"vectors": None, "width": 3, "covered_tokens": 0.0, "covered_text": 0.0, "lexicon": None}
    assert report == without | NOTHING_LEARNED


@pytest.mark.parametrize(
    ("longest", "match"), [(1, r"^recipes\.r\.embed\.lexicon\.longest: must be"), (40, r"\.longest: 6 tok")]
)
def test_the_stage_refuses_by_name_and_leaves_nothing(stage, tmp_path, longest, match):
    with pytest.raises(UserError, match=match):
        stage({"longest": longest, "vectors": None})
    assert not (tmp_path / "data" / "embedded" / "r").exists()
