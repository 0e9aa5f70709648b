"""Raw texts are cut as the tokens of the training split were: characters, words, numbers, and the signs around them."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from textrnn.preparation.segmentation.habitual_tokenizer import HabitualTokenizer
from textrnn.preparation.segmentation.token_habits import kind_of, learn_habits


def tokenizer(*texts):
    """Of a corpus whose tokens are parted by blanks; the habits pass through JSON, as in a model directory."""
    counts = Counter(token for text in texts for token in text.split(" "))
    habits = json.loads(json.dumps(learn_habits(counts.items())))
    return HabitualTokenizer(habits, counts.__contains__, max(map(len, counts)))


def cut(texts, text):
    tokens, spans = tokenizer(*texts).tokenize(text)
    assert [text[start:end] for start, end in spans] == tokens
    assert "".join(tokens) == "".join(text.split())
    return tokens


CHARACTERS = [" ".join("昨天李达达在沪市。"), " ".join("据报赵博达在津市3日。")] * 5
ENGLISH = [
    "Yesterday Anna Stone went to Oslo .",
    "Mr. Field , who came from the U.S. , did n't stay ... , it 's well-known .",
    "He paid 3.50 for 1,000 sheets ( 12 % ) . A # 1 hit .",
] * 3


def test_tokens_and_spans_of_characters_and_of_words():
    assert tokenizer("北 京 a").tokenize(" 北 京\u3000a") == (["北", "京", "a"], [(1, 2), (3, 4), (5, 6)])
    assert tokenizer("New York").tokenize(" New  York\t1") == (["New", "York", "1"], [(1, 4), (6, 10), (11, 12)])
    assert tokenizer("北").tokenize(" \n") == tokenizer("New").tokenize(" ") == ([], [])


@pytest.mark.parametrize("odd", ["2023", "\ufeff昨", "iPhone", "http://a.b/c?d=" + "e" * 300, "北京"])
def test_one_odd_token_makes_no_words_of_characters(odd):
    text = "昨天钱安博在沪市。"
    assert cut([*CHARACTERS, odd], text) == cut(CHARACTERS, text) == list(text)


def test_numbers_and_words_in_a_text_of_characters_are_whole_if_they_were():
    whole = [*CHARACTERS, "2023 年 买 iPhone 12"]
    assert cut(whole, "钱安博2024年买iPad，好。") == ["钱", "安", "博", "2024", "年", "买", "iPad", "，", "好", "。"]
    single = [*CHARACTERS, "2 0 2 3 年 i P 1 2"]
    assert cut(single, "2024年iPad。") == list("2024年iPad。")
    numbers = [*CHARACTERS, "2023 年 i P h 12 月"]
    assert cut(numbers, "2024年iPad。") == ["2024", "年", "i", "P", "a", "d", "。"]


def test_chinese_words_stay_words_though_many_have_one_character():
    words = ["我 在 北京 的 大学 学习 了 三 年 。", "他 也 参观 过 上海 、 天津 和 哈尔滨 。"]
    assert cut(words, "我 在 上海大学 。") == ["我", "在", "上海大学", "。"]
    assert tokenizer(*words).joiner == " "
    assert tokenizer(*CHARACTERS).joiner == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yesterday Anna Stone went to Oslo.", "Yesterday Anna Stone went to Oslo ."),
        ('"Anna Stone" left Oslo, then Rome!', '" Anna Stone " left Oslo , then Rome !'),
        ("(Oslo)", "( Oslo )"),
        ("«Oslo»; ¿Rome?", "« Oslo » ; ¿ Rome ?"),
        ("Oslo...", "Oslo ..."),
        ("Oslo....", "Oslo ... ."),
        ("Mr. Stone of the U.S.", "Mr. Stone of the U.S."),
        ('"in the U.S."', '" in the U.S. "'),
        ("It's Anna's. They didn't.", "It 's Anna 's . They did n't ."),
        ("a well-known, so-called 4.75", "a well-known , so-called 4.75"),
        ("12% of 1,500", "12 % of 1,500"),
        ("Oslo,Rome", "Oslo,Rome"),  # the comma of 1,000 may be within a word
        ("'quoted'", "' quoted '"),
        ("!!!", "! ! !"),
        ("名字Anna", "名字Anna"),
    ],
)
def test_words_are_parted_from_their_signs_as_in_training(text, expected):
    assert cut(ENGLISH, text) == expected.split()


def test_signs_that_training_has_as_parts_of_words_stay_there():
    tweets = ["@anna likes #oslo .", "@bob likes #rome a lot !", "see c++ and #c ."] * 3
    assert cut(tweets, "@carl likes #lima and c++.") == ["@carl", "likes", "#lima", "and", "c++", "."]
    at_blanks, text = ["Anna went to Oslo.", "Bob, however, stayed (in Rome)."] * 3, 'Carl went to "Lima", then Oslo.'
    assert cut(at_blanks, text) == text.split()


def test_a_sign_that_never_is_within_a_word_parts_words():
    hyphens = ["a well - known man / woman .", "the Anna - Maria of Oslo / Rome ."] * 3
    assert cut(hyphens, "so-called and/or it.") == ["so", "-", "called", "and", "/", "or", "it", "."]


def test_apostrophes_before_a_word():
    italian = ["l' Italia e l' Europa dell' anno .", "un po' d' aria ."] * 3
    assert cut(italian, "l'America dell'est.") == ["l'", "America", "dell'", "est", "."]


def test_one_digit_that_is_a_number_parts_no_number():
    assert cut(["she has 5 dogs and 3 cats ."] * 3, "In 2023.") == ["In", "2023", "."]


def test_numbers_alone():
    assert cut(["1 2 3 4"], "12 3") == ["1", "2", "3"]
    assert cut(["11 22 3"], "12 3") == ["12", "3"]


def test_an_empty_corpus_and_odd_texts():
    empty = HabitualTokenizer(learn_habits([]), lambda token: False, longest=0)
    assert empty.tokenize("a b.")[0] == ["a", "b", "."]
    rng = random.Random(1)
    alphabet = "ab 北京.,'\"-#@2\u3000\u200d👍🏽\u0301é\ufeffกข한글\n"
    for corpus in (CHARACTERS, ENGLISH, ["한 국 사람 ."], ["กข ."], [*CHARACTERS, "2023 iPhone"]):
        some = tokenizer(*corpus)
        for _ in range(300):
            text = "".join(rng.choices(alphabet, k=rng.randrange(30)))
            tokens, spans = some.tokenize(text)
            assert "".join(tokens) == "".join(text.split())
            assert [text[start:end] for start, end in spans] == tokens
            assert all(tokens)


def test_a_long_run_of_signs_takes_no_long_time():
    text = "-" * 20_000 + "a" + "." * 20_000
    assert len(cut(ENGLISH, text)) > 20_000


@pytest.mark.parametrize("signs", ["!", "=-", "a.", "，", "😀"])
def test_no_part_of_a_text_that_is_longer_than_any_token_is_looked_up(signs):
    lengths = []
    habits = learn_habits([("...", 9), ("U.S.", 9), ("a", 9)])
    some = HabitualTokenizer(habits, lambda token: bool(lengths.append(len(token))), longest=4)
    text = signs * 5_000
    assert "".join(some.tokenize(text)[0]) == text
    assert max(lengths, default=0) <= 4
    assert len(lengths) <= 10 * len(text)


def test_kinds():
    kinds = {"北": "unspaced", "あ": "unspaced", "ก": "unspaced", "한": "letters", "é": "letters", "\u0301": "letters"}
    kinds |= {
        "5": "digits",
        "٣": "digits",
        ".": "signs",
        "，": "signs",
        "$": "signs",
        "👍": "signs",
        "\u200d": "letters",
    }
    assert {character: kind_of(character) for character in kinds} == kinds


@pytest.mark.parametrize("run", ["," * 5_000, "a" + "," * 5_000, "," * 5_000 + "a" * 200])
def test_long_runs_of_signs_are_looked_up_in_short_pieces(run):
    lengths = []
    habits = learn_habits(Counter(" ".join(ENGLISH).split(" ")).items())
    tokens, _ = HabitualTokenizer(habits, lambda token: bool(lengths.append(len(token))), longest=9).tokenize(run)
    assert "".join(tokens) == run
    assert max(lengths, default=0) <= 9
