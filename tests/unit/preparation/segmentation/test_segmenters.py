"""Texts into tokens, compared with nltk, jieba and the tutorial's own patterns."""

from __future__ import annotations

import bz2
import json
import os
import subprocess
import sys
from itertools import islice

import jieba
import nltk
import pyarrow as pa
import pytest
from nltk.tokenize import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer, PunktTrainer

from factories.imports import ROOT
from textrnn.errors import UserError
from textrnn.preparation.segmentation.punkt import learn_punkt, load_punkt
from textrnn.preparation.segmentation.segmenters import Segmenter, save_state

EMPTY = {"abbrev_types": [], "collocations": [], "sent_starters": [], "ortho_context": {}}

REVIEWS = [
    f"Mr. Hale met Dr. Orr at No. {at} Elm St. in June. However, he didn't stay. He can't sing well! I paid $3.{at}0."
    f" The lamp weighs {at} lb. or so and etc. is all. However, (it's cheap). Mr. Hale left at 5 p.m. on Friday?"
    for at in range(40)
]


def state(segment, *, clean=(), punkt=None):
    return {"clean": list(clean), "segmenter": segment, "punkt": punkt}


def nltk_words(text, parameters):
    words = NLTKWordTokenizer()
    return [word for sentence in PunktSentenceTokenizer(parameters).tokenize(text) for word in words.tokenize(sentence)]


def write_punkt(folder, tables):
    folder.mkdir(parents=True)
    (folder / "abbrev_types.txt").write_text("\n".join(tables["abbrev_types"]), encoding="utf-8")
    (folder / "sent_starters.txt").write_text("\n".join(tables["sent_starters"]) + "\n", encoding="utf-8")
    (folder / "collocations.tab").write_text("\n".join(map("\t".join, tables["collocations"])), encoding="utf-8")
    contexts = [f"{word}\t{flags}" for word, flags in tables["ortho_context"].items()]
    (folder / "ortho_context.tab").write_text("\n".join(contexts), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def learned():
    return learn_punkt(REVIEWS)


# characters, tokens, jieba


def test_chars_keep_every_character():
    assert Segmenter(state("chars"))("a b\u3000𠮷é\n") == ["a", " ", "b", "\u3000", "𠮷", "é", "\n"]


def test_tokens_are_separated_by_any_white_space():
    assert Segmenter(state("tokens"))("  a b\u3000c\t\nd ") == ["a", "b", "c", "d"]
    assert Segmenter(state("tokens"))(" ") == []


def test_jieba():
    segmenter = Segmenter(state("jieba"))
    assert segmenter("我来到北京清华大学") == ["我", "来到", "北京", "清华大学"]
    for text in ("词汇阅读是关键 08年考研暑期英语复习全指南", "中国A股2.5%涨幅,C++ 3.0", "  空 格 ", ""):
        assert segmenter(text) == jieba.lcut(text)


def test_the_text_is_cleaned_before_it_is_segmented():
    assert Segmenter(state("chars", clean=["lower", "digits"]))("A7b") == ["a", "0", "b"]


# nltk words


@pytest.mark.parametrize(
    ("text", "table", "without_table", "with_table"),
    [
        ("Dr. Lee sat.", {"abbrev_types": ["dr"]}, ["Dr", ".", "Lee", "sat", "."], ["Dr.", "Lee", "sat", "."]),
        ("By 5. Mark sat.", {"collocations": [["##number##", "mark"]]}, ["By", "5", ".", "Mark"], ["By", "5.", "Mark"]),
        ("An etc. Yet so.", {"sent_starters": ["yet"]}, ["An", "etc.", "Yet"], ["An", "etc", ".", "Yet"]),
        # 32: seen in lower case within a sentence, so that its capital here begins one
        ("An etc. Lamp so.", {"ortho_context": {"lamp": 32}}, ["An", "etc.", "Lamp"], ["An", "etc", ".", "Lamp"]),
    ],
)
def test_each_table_of_the_sentence_model_counts(text, table, without_table, with_table):
    base = {**EMPTY, "abbrev_types": ["etc"]}
    assert Segmenter(state("nltk", punkt=base))(text)[: len(without_table)] == without_table
    assert Segmenter(state("nltk", punkt={**base, **table}))(text)[: len(with_table)] == with_table


def test_nltk_words_by_hand():
    segmenter = Segmenter(state("nltk", clean=["lower", "digits"], punkt=EMPTY))
    assert segmenter("I can't stay. It's $5.25!") == ["i", "ca", "n't", "stay", ".", "it", "'s", "$", "0.00", "!"]
    assert segmenter("") == []


def test_nltk_words_equal_nltks_own_composition(learned):
    parameters = PunktTrainer("\n".join(REVIEWS)).get_params()
    segmenter = Segmenter(state("nltk", punkt=learned))
    texts = [
        *REVIEWS[:10],
        'He said "no." (Really.) Then... he left -- twice.',
        "p.m. However, etc. Mr. X",
        "",
        "\n \n",
    ]
    for text in texts:
        assert segmenter(text) == nltk_words(text, parameters)
    plain = PunktParameters()
    assert any(segmenter(text) != nltk_words(text, plain) for text in texts)  # the model matters


def test_the_learned_tables_equal_nltks(learned):
    parameters = PunktTrainer("\n".join(REVIEWS)).get_params()
    assert {"mr", "dr", "lb", "p.m"} <= set(learned["abbrev_types"])
    assert learned["ortho_context"]["however"] > 0
    assert learned == {
        "abbrev_types": sorted(parameters.abbrev_types),
        "collocations": sorted(map(list, parameters.collocations)),
        "sent_starters": sorted(parameters.sent_starters),
        "ortho_context": dict(parameters.ortho_context),
    }
    for name in ("abbrev_types", "collocations", "sent_starters", "ortho_context"):
        assert list(learned[name]) == sorted(learned[name])


def test_learning_does_not_depend_on_the_hash_seed():
    code = (
        "import json, sys; from textrnn.preparation.segmentation.punkt import learn_punkt;"
        "print(json.dumps(learn_punkt(json.loads(sys.stdin.read()))))"
    )
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"  # another than here
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": seed},
        input=json.dumps(REVIEWS),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.dumps(learn_punkt(REVIEWS)) + "\n" == other
    assert "mr" in json.loads(other)["abbrev_types"]


# saving a segmenter


@pytest.mark.parametrize("segment", ["chars", "tokens", "nltk"])
def test_a_saved_segmenter_gives_the_same_tokens(segment, learned, tmp_path):
    punkt = learned if segment == "nltk" else None
    saved = Segmenter(state(segment, clean=["lower"], punkt=punkt))
    save_state(tmp_path / "a.json", saved.state)
    loaded = Segmenter.load(tmp_path / "a.json")
    save_state(tmp_path / "b.json", loaded.state)
    assert loaded.state == saved.state
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    for text in (*REVIEWS[:5], "Ünï 漢字"):
        assert loaded(text) == saved(text)


@pytest.mark.parametrize("segment", ["chars", "tokens", "nltk", "jieba"])
def test_a_column_equals_its_texts_one_by_one(segment, learned):
    segmenter = Segmenter(
        state(segment, clean=["lower", "digits", "urls"], punkt=learned if segment == "nltk" else None)
    )
    texts = [*REVIEWS[:5], "", "  ", "Ünï 漢字，他來到了網易杭研大廈 7.5%", "see www.a.com, ٣ 12 45!"]
    column = segmenter.column(pa.array(texts, pa.string()))
    assert column.type == pa.list_(pa.string())
    assert column.to_pylist() == segmenter.several(texts) == [segmenter(text) for text in texts]
    assert segmenter.several(texts[:1]) == [segmenter(texts[0])]


@pytest.mark.parametrize(("segment", "has"), [("chars", False), ("tokens", False), ("nltk", True), ("jieba", True)])
def test_the_original_exists_where_ours_differs(segment, has, learned):
    segmenter = Segmenter(state(segment, clean=["lower"], punkt=learned if segment == "nltk" else None))
    assert segmenter.original("Mr. A 漢字.") == (segmenter("Mr. A 漢字.") if has else None)


def test_loading_a_missing_segmenter(tmp_path):
    with pytest.raises(UserError, match=r"none\.json: no such file; run the stage"):
        Segmenter.load(tmp_path / "none.json")


# published models


def test_a_published_model_is_read_completely(learned, tmp_path):
    odd = {
        "abbrev_types": ["u.s", "é.g"],
        "collocations": [["##number##", "m"], ["a", "b"]],
        "sent_starters": ["however"],
        "ortho_context": {"a": 46, "ü": 2},
    }
    assert load_punkt(write_punkt(tmp_path / "odd", odd)) == odd
    assert load_punkt(write_punkt(tmp_path / "empty", {**odd, "collocations": []})) == {**odd, "collocations": []}
    loaded = load_punkt(write_punkt(tmp_path / "learned", learned))
    assert loaded == learned
    one, two = (Segmenter(state("nltk", punkt=punkt)) for punkt in (learned, loaded))
    for text in REVIEWS[:5]:
        assert one(text) == two(text)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("abbrev_types.txt", None, r"abbrev_types\.txt: no such file of a Punkt model; check data\.punkt"),
        ("ortho_context.tab", None, r"ortho_context\.tab: no such file"),
        ("collocations.tab", b"a\tb\nc\n", r"collocations\.tab, line 2: must have 2 columns.*got 1"),
        ("sent_starters.txt", b"a\tb\n", r"sent_starters\.txt, line 1: must have 1 column,.*got 2"),
        ("ortho_context.tab", b"a\tmany\n", r"ortho_context\.tab: contains a value that is not a number"),
        ("abbrev_types.txt", b"\xff\xfe", r"abbrev_types\.txt: is not UTF-8"),
    ],
)
def test_a_damaged_published_model(name, content, match, learned, tmp_path):
    folder = write_punkt(tmp_path / "english", learned)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=match):
        load_punkt(folder)


def test_a_missing_published_model(tmp_path):
    with pytest.raises(UserError, match=r"klingon.*no such file of a Punkt model"):
        load_punkt(tmp_path / "klingon")


@pytest.mark.real
def test_real_reviews_equal_word_tokenize(real_data, monkeypatch):
    folder = real_data / "nltk_data"
    reviews = real_data / "amazon" / "test.ft.txt.bz2"
    if not folder.is_dir() or not reviews.is_file():
        pytest.skip("needs nltk_data and amazon in the folder of real data")
    monkeypatch.setattr(nltk.data, "path", [str(folder)])
    nltk.tokenize._get_punkt_tokenizer.cache_clear()
    segmenter = Segmenter(state("nltk", punkt=load_punkt(folder / "tokenizers" / "punkt_tab" / "english")))
    with bz2.open(reviews, "rt", encoding="utf-8") as lines:
        texts = [line.split(" ", 1)[1] for line in islice(lines, 500)]
    assert len(texts) == 500
    differing = [at for at, text in enumerate(texts) if segmenter(text) != nltk.word_tokenize(text)]
    assert differing == []
