"""A user dictionary for jieba: the fast words are those of jieba with the same dictionary loaded."""

from __future__ import annotations

import json
import random

import jieba
import pytest

from factories.jieba_reference import differing
from factories.shards import write_parsed
from textrnn.common.config.segment import Segment
from textrnn.common.storage.parsed_rows import ParsedRows
from textrnn.common.storage.resumable import resumable_folder
from textrnn.common.storage.segmented_rows import SegmentedRows
from textrnn.errors import UserError
from textrnn.preparation.segmentation import jieba_words
from textrnn.preparation.segmentation.jieba_words import FastCut, cut_batch, is_fast, load_jieba_cut, slow_jieba_cut
from textrnn.preparation.segmentation.segment import segment, segment_inputs
from textrnn.preparation.segmentation.segmenters import Segmenter
from textrnn.preparation.segmentation.user_dictionary import DictionaryEntry, read_user_dictionary

WORDS = """\
云计算 5
李小福 2 nr
创新办 3 i
台中
凱特琳 nz
北京大学 9
我来到 100000
大学生
清华大 4000 n
C++ 30
李小福 7
卡尔·马克思 10
㐀中国 4
量子鹿 x
量 50
"""
ALPHABET = "云计算李小福创新办台中凱特琳北京大学我来到清华生量子鹿C+·㐀a5，。 的是在了有"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("user") / "words.txt"
    file.write_text("\ufeff" + WORDS, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def original(path):
    """jieba's own tokenizer after its own `load_userdict`."""
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    tokenizer.load_userdict(str(path))
    return tokenizer


def random_texts(number, words):
    rng = random.Random(7)
    parts = [*ALPHABET, *words]
    return ["".join(rng.choices(parts, k=rng.randrange(1, 20))) for _ in range(number)]


def test_entries(path):
    entries = read_user_dictionary(path)
    assert len(entries) == 15
    assert entries[:5] == (("云计算", 5), ("李小福", 2), ("创新办", 3), ("台中", None), ("凱特琳", None))


def test_jiebas_own_counts(path, original):
    cut = slow_jieba_cut(read_user_dictionary(path))
    assert cut.__self__.FREQ == original.FREQ
    assert cut.__self__.total == original.total
    assert slow_jieba_cut().__self__.total < original.total  # that of others is as it was


def test_the_fast_words_are_those_of_jieba(path, original):
    dictionary = read_user_dictionary(path)
    cut, words = load_jieba_cut(dictionary), [word for word, _ in dictionary]
    if is_fast():
        assert isinstance(cut.__self__, FastCut)
    texts = [
        *random_texts(6000, words),
        "李小福是创新办主任也是云计算方面的专家",
        "我来到北京清华大学",
        "学C++的大学生",
    ]
    assert differing(texts, cut, original.lcut) == []
    assert cut_batch(texts, dictionary) == [cut(text) for text in texts]
    assert cut("李小福是创新办主任") == ["李小福", "是", "创新办", "主任"]
    assert load_jieba_cut()("我来到") == ["我", "来到"]
    assert cut("我来到") == ["我来到"]


@pytest.mark.skipif(not is_fast(), reason="needs rjieba")
def test_both_totals_are_one(path, original):
    from rjieba import Jieba

    rjieba = Jieba()
    rjieba.add_word("\n", jieba_words._add_words(rjieba, read_user_dictionary(path)), None)
    rjieba.add_word("\u3400", 10**11, None)
    # for a word with count n of t, the suggestion for its double is n n / t + 1, which reveals t
    assert rjieba.suggest_freq("\u3400\u3400") == 10**22 // (original.total + 10**11) + 1


@pytest.mark.parametrize("word", ["5G", "AI", "iphone12"])
def test_with_a_word_of_letters_and_digits_jieba_itself_is_used(word):
    dictionary = (DictionaryEntry(word, None), DictionaryEntry("云计算", 5))
    cut = load_jieba_cut(dictionary)
    assert cut is slow_jieba_cut(dictionary)
    assert cut(f"x{word}y云计算") == cut_batch([f"x{word}y云计算"], dictionary)[0]
    assert word in cut(f"用{word}云计算")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"words\.txt: has no word"),
        (b"\xef\xbb\xbf\n \n", r"words\.txt: has no word"),
        ("甲乙\n丙丁\n".encode("gb18030"), r"words\.txt, line 1: is not UTF-8; got .*; save the file as UTF-8"),
        ("甲乙 0\n".encode(), r"words\.txt, line 1: must have a frequency from 1 to 1000000000000; got 0"),
        ("甲乙 9999999999999\n".encode(), r"line 1: must have a frequency from 1"),
        (
            "甲\n乙丙\t5\tn\n".encode(),
            r"line 2: has a word with white space, which jieba never finds; got '乙丙\\t5\\tn'",
        ),
        ("iphone 十二 5\n".encode(), r"line 1: has a word with white space"),
        (
            "甲乙\n丙丁\n".encode("gb18030"),
            r"save the file as UTF-8, as with `iconv -f gb18030 -t utf-8 words\.txt > utf8-words\.txt`",
        ),
        ("開心\n電腦與網絡\n".encode("big5"), r"line 1: is not UTF-8; .*`iconv -f big5 -t"),
        ("云计算 5\n".encode("utf-16"), r"words\.txt: is not UTF-8; got bytes of 0; .*`iconv -f utf-16 -t"),
        ("云计算 5\n一\n".encode("utf-16-le"), r"is not UTF-8; .*`iconv -f utf-16-le -t"),
        ("C++ 5\n最一\n".encode("utf-16-be"), r"is not UTF-8; .*`iconv -f utf-16-be -t"),
        ("甲乙,5,n\n".encode(), r"has a word with what looks like its frequency; got '甲乙,5,n'; separate word"),
        (b"iphone12;5;eng\n", r"line 1: has a word with what looks like its frequency"),
        ("甲\n甲乙，5\n".encode(), r"line 2: has a word with what looks like its frequency"),
        ("甲乙, 5\n".encode(), r"line 1: has a word with what looks like its frequency"),
        ("甲乙;n\n".encode(), r"line 1: has a word with what looks like its frequency"),
        ("甲乙 5 N\n".encode(), r"line 1: has a word with white space, .*lower case"),
    ],
)
def test_invalid_dictionaries(content, match, tmp_path):
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(UserError, match=match):
        read_user_dictionary(tmp_path / "words.txt")


def test_words_with_commas(tmp_path):
    words = ["1,000", "yes,sir", ",", "，", "甲，乙", "a|b", "3,5", "第1,000"]
    (tmp_path / "words.txt").write_text("".join(f"{word} 5\n" for word in words), encoding="utf-8")
    assert [entry.word for entry in read_user_dictionary(tmp_path / "words.txt")] == words


def test_a_missing_dictionary(tmp_path):
    with pytest.raises(UserError, match=r"none\.txt: no such file; put it there, or correct segment\.dictionary"):
        read_user_dictionary(tmp_path / "none.txt")


SETTINGS = Segment("jieba", (), None, 1.0, 1, "words.txt")
TEXTS = {"train": [("李小福是创新办主任", 0), ("云计算方面的专家", 1)], "dev": [("台中", 0)], "test": [("凱特琳", 1)]}


def test_the_stage_keeps_the_words_and_verifies_them(tmp_path, path):
    parsed = ParsedRows.read(write_parsed(tmp_path / "in", "classify", TEXTS))
    with resumable_folder(tmp_path / "out") as out:
        report = segment(parsed, SETTINGS, punkt_folder=tmp_path, corpus_folder=path.parent, out=out)
    assert report["verified_rows"] == 4
    rows = [
        row["tokens"] for batch in SegmentedRows.read(tmp_path / "out").batches("train") for row in batch.to_pylist()
    ]
    assert rows == [["李小福", "是", "创新办", "主任"], ["云计算", "方面", "的", "专家"]]
    state = json.loads((tmp_path / "out" / "segmentation.json").read_text(encoding="utf-8"))
    assert state["dictionary"] == [list(entry) for entry in read_user_dictionary(path)]
    # a model directory has the file, and needs no other
    assert Segmenter.load(tmp_path / "out" / "segmentation.json")("李小福是创新办主任") == rows[0]


def test_a_difference_fails_the_stage(tmp_path, monkeypatch):
    (tmp_path / "words.txt").write_text("创新办 3\n", encoding="utf-8")
    monkeypatch.setattr(jieba_words, "load_jieba_cut", lambda dictionary: slow_jieba_cut())
    monkeypatch.setattr(jieba_words, "cut_batch", lambda texts, dictionary: list(map(slow_jieba_cut(), texts)))
    parsed = ParsedRows.read(write_parsed(tmp_path / "in", "classify", TEXTS))
    with pytest.raises(RuntimeError, match="the original gives"), resumable_folder(tmp_path / "out") as out:
        segment(parsed, SETTINGS, punkt_folder=tmp_path, corpus_folder=tmp_path, out=out)


def test_rows_without_a_folder_of_raw_files_have_no_dictionary(tmp_path):
    parsed = ParsedRows.read(write_parsed(tmp_path / "in", "classify", TEXTS))
    message = r"segment\.dictionary: needs a corpus with a folder of raw files; got words\.txt; set it to null"
    with pytest.raises(UserError, match=message), resumable_folder(tmp_path / "out") as out:
        segment(parsed, SETTINGS, punkt_folder=tmp_path, out=out)


def test_the_dictionary_is_an_input(tmp_path):
    parsed = ParsedRows.read(write_parsed(tmp_path / "in", "classify", TEXTS))

    def inputs():
        return segment_inputs(parsed, SETTINGS, punkt_folder=tmp_path, corpus_folder=tmp_path)

    none = inputs()
    (tmp_path / "words.txt").write_text("甲乙\n", encoding="utf-8")
    first = inputs()
    (tmp_path / "words.txt").write_text("甲乙 5\n", encoding="utf-8")
    assert len({json.dumps(some) for some in (none, first, inputs())}) == 3


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (Segment("chars", (), None, 0.0, 1, "words.txt"), r"e\.dictionary: must be null unless segmenter is jieba"),
        (
            Segment("jieba", (), None, 0.0, 1, "../words.txt"),
            r"must be the name of something inside the corpus's folder",
        ),
    ],
)
def test_invalid_settings(settings, match):
    with pytest.raises(UserError, match=match):
        settings.check("e")
