"""nltk's words by column: equal, token for token, to nltk's own sentence and word tokenizers."""

from __future__ import annotations

import time
import tracemalloc
import unicodedata
from itertools import islice, product

import nltk
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.tokenize import NLTKWordTokenizer

from factories.nltk_reference import (
    CORPORA,
    EMPTY,
    SMALL,
    characters,
    column,
    differing,
    differing_rows,
    nltk_tokenizer,
    read_corpus,
)
from textrnn.preparation.segmentation import nltk_words
from textrnn.preparation.segmentation.nltk_words import NltkWords
from textrnn.preparation.segmentation.punkt import learn_punkt

NEW_DIGITS = ["\U00010d40", "\U0001e4f0", "\U00011f50"]  # of Unicode 16 and 15: not digits in Python 3.11
WHITE = [chr(code) for code in range(0x3001) if chr(code).isspace() and chr(code) != " "]

QUOTES = [*"'\"`«»“”‘’„", "''", "``", '""', "'\"", "\"'"]
BRACKETS = list("()[]{}<>")
STOPS = [
    *".,:;?!…",
    *("...", "..", "?!", "!!!", ".)", '."', '?"', ".'", ".”", ".»", ".>", "--", "---", ".--", "?)--", ",,"),
]
CLITICS = [
    *("'s", "'S", "'ll", "n't", "N'T", "'re", "I'm", "d'ye", "more'n", "'tis", "'em", "'t", "’s", "can't", "o'clock"),
    *("cannot", "Wanna", "gimme", "gımme", "Gİmme"),
]
NUMBERS = ["0", "5", "1.5", "3,000", "5:30", "-.5", ".5", "5.", "1,", "1:", "٣", "٣,٤", "५.", "²", "5,-.", *NEW_DIGITS]
LETTERS = [
    *("a", "b", "A", "B", "J.", "a.", "U.S.", "i.e.", "e.g", "Mr.", "Dr", "etc.", "the", "The", "a-b", "x-etc.", "-x"),
    *("x-", "no", "Yet", "mark", "lamp", "Lamp", "ΟΔΟΣ", "İ", "ß", "é", "中", "א", "ไ", "ǅ"),
]
SIGNS = [
    *"@#$%&*;_/\\+=~^|-–—―‒😀\u200b\u200d\u0301\u00ad\ufeff\x00\x7f\u180e",
    *("👨\u200d👩\u200d👧", "e\u0301"),
]
ODD = [*WHITE, "\r\n", "\ue000", "\ue001"]
pieces = st.one_of(*map(st.sampled_from, (QUOTES, BRACKETS, STOPS, CLITICS, NUMBERS, LETTERS, SIGNS)))
blanks = st.sampled_from(["", "", " ", " ", "   "])
pairs = st.tuples(pieces | st.sampled_from(STOPS + QUOTES), blanks).map("".join)
texts = st.builds(lambda indent, rest: indent + "".join(rest), blanks, st.lists(pairs, max_size=12))
odd_texts = st.builds(lambda one, odd, two: one + odd + two, texts, st.sampled_from(ODD), texts)
rows = st.lists(st.one_of(texts, texts, texts, texts, odd_texts), max_size=8)

TYPES = [
    *(".", "..", "...", "'", '"', ")", "?", "!", "-", ",", ":", "–", "“", "»", "'s", "n't", "##number##", "a-b", "x-"),
    *("a", "b", "j", "u.s", "i.e", "mr", "dr", "etc", "the", "no", "mark", "lamp", "yet", "x", "οδος", "ß", "i̇", "中"),
]
types = st.lists(st.sampled_from([*TYPES, ""]), max_size=12, unique=True)
tables = st.fixed_dictionaries(
    {
        "abbrev_types": types,
        "collocations": st.builds(lambda a, b: [[one, two] for one in a for two in b], types, types),
        "sent_starters": types,
        "ortho_context": st.dictionaries(st.sampled_from(TYPES), st.integers(0, 63).map(lambda flags: flags * 2)),
    }
)


# by hand


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("", []),
        ("   ", []),
        ("I can't stay. It's $5.25!", ["I", "ca", "n't", "stay", ".", "It", "'s", "$", "5.25", "!"]),
        ("Mr. Xu. Then he left.", ["Mr", ".", "Xu", ".", "Then", "he", "left", "."]),
        ("Dr. Lee met Mr. X", ["Dr.", "Lee", "met", "Mr", ".", "X"]),
        ("By 5. Mark sat by 5. Lee", ["By", "5.", "Mark", "sat", "by", "5", ".", "Lee"]),
        ("An etc. so. An etc. Yet", ["An", "etc.", "so", ".", "An", "etc", ".", "Yet"]),
        ("An etc. Lump. An etc. Lamp", ["An", "etc.", "Lump", ".", "An", "etc", ".", "Lamp"]),
        ("Then... he... Left", ["Then", "...", "he", "...", "Left"]),
        ('"Go." "Stay."', ["``", "Go", ".", "''", "``", "Stay", ".", "''"]),
        ('(See "x".) So', ["(", "See", "``", "x", "''", ".", ")", "So"]),
        ("‘a’ «b» „c“", ["‘", "a", "’", "«", "b", "»", "„", "c", "“"]),
        ("a,b 3,000: 5:30 c:d:", ["a", ",", "b", "3,000", ":", "5:30", "c", ":", "d", ":"]),
        ("a--b --- c-d – e", ["a", "--", "b", "--", "-", "c-d", "–", "e"]),
        ("Cannot wanna d'ye more'n", ["Can", "not", "wan", "na", "d", "'ye", "more", "'n"]),
        ("'tis the dogs' bone", ["'", "tis", "the", "dogs", "'", "bone"]),
        ("He said 'I'm'", ["He", "said", "'", "I'm", "'"]),  # at the end of a sentence 'm is not separated
        ("He said 'I'm' twice", ["He", "said", "'", "I", "'m", "'", "twice"]),
        ("'' x ''y", ["''", "x", "``", "y"]),  # at a sentence's start '' does not open
        (" '' x", ["``", "x"]),
        ('"" x', ["``", "``", "x"]),
        ('a "" x', ["a", "``", "''", "x"]),
        (". a", [".", "a"]),
        ("a\tbe.\nC\u3000d", ["a", "be", ".", "C", "d"]),
        ("x\ue000y \ue001.", ["x\ue000y", "\ue001", "."]),
        (f"a,{NEW_DIGITS[1]} b,٣ c,d", [f"a,{NEW_DIGITS[1]}", "b,٣", "c", ",", "d"]),
    ],
)
def test_words_by_hand(text, want):
    words = NltkWords(SMALL)
    assert column(words, [text]) == [want]
    assert column(words, ["x. Dr.", text, "'y' "])[1] == want
    assert words(text) == want


@pytest.mark.parametrize(
    "text",
    [
        *(
            "I'm'",
            "x I'm'",
            "x I'm' ) '",
            "x n't\"",
            "x i.e.'\"",
            "x' ' '",
            "''' '' '",
            "' ' '",
            "x'' '",
            "'?'",
            "x 's' 's",
        ),
        *('?"i.e. x', 'it“"1.5', "  '' \"", " » ", "!!!", "...", 'foo. ") bar', '"" x', "foo.)--bar", ",,"),
        *(
            "x. ')--y. z",
            "?)bar. x",
            "a ?)bar. x",
            " ?)bar. x",
            "a ?!)",
            "a ?!!' b",
            "a .!) B",
            'a ?!! " b',
            "?!",
            "?!!",
        ),
        *("i.e. ?!!) B", "!.) x", "etc. ?!!! '' Yet", "x ?!! ) y", "?!?'x", "!!! ''a", "etc. ? ! ?. '' x", "' !!!'' b"),
        *('foo.) " bar', "foo.)\" ' bar", "foo.')x b", "foo.» b", "foo.> b", "foo.] . ) . b", ". . . . a", "a . . . b"),
        *(
            "foo .",
            ". )",
            ".) a",
            "a .)",
            "a ..)",
            "a...)",
            "a.). )",
            "a.)x",
            "a.\"')",
            "a.'\")",
            "a.'' )",
            'a.)" ” ’ ]',
        ),
        *("a,. ) b", "a:.", "a,'b ,\"c", "a,“b", "a,,,b,:,", "5,-. A", "-5. A", "1.000.000. b", "5.) Mark", "a) . b"),
        *(
            "a``b```c `",
            '"`a',
            '`"a',
            '“"a"”',
            '("("',
            "[''a",
            '<""a',
            'a("""b',
            "\"''a",
            "''\"a",
            '"""',
            "'\"' a",
            "A. b",
        ),
        *("x-etc. Yet", "etc.-a. B", "a-. b", "--a. b", "a--. B", "a--b. B", "etc.... Lamp", "x... Lamp", "x..y... b"),
        *(
            "a1. so 5. so",
            "5. so a1. so",
            "x?)etc. so",
            'x!"5. so',
            "b.'J. Xu",
            "x J. so a1. so J. So",
            '„"a‘"b«"c“"d {"e',
        ),
        *("cannotx cannot. CANNOT' 'cannot", "gımme Gİmme. gimmex", "wanna wanna", "wanna.", '"wanna', "gonna'gotta"),
        *(
            "ΟΔΟΣ. ΟΔΟΣ.) a",
            "İ. b",
            "a\u0301. b",
            "\u0301. b",
            "中. 文",
            "中。文.",
            "ʼ. a",
            "a\u200b. b",
            "\x00. a",
            "#. A",
        ),
        *(f"a,{white}b" for white in WHITE),
        *(f"b.{white}” {white}c{white}" for white in WHITE),
        *(f"a,{digit} 5:{digit}. {digit}. Mark" for digit in NEW_DIGITS),
    ],
)
def test_cases_that_failed_during_development(text):
    around = [text, f" {text}", f"{text} ", f"x {text}", f"x. {text} Y", f"{text} y", f"({text}) etc. {text}"]
    assert differing(around, EMPTY) == []
    assert differing(around, SMALL) == []


@pytest.mark.parametrize(
    ("text", "table", "entries"),
    [
        ("An etc. so", {}, {"abbrev_types": ["etc"]}),
        ("Odd-etc. so", {}, {"abbrev_types": ["etc"]}),
        ("Odd-etc.) so", {}, {"abbrev_types": ["odd-etc"]}),
        ("foo-. so", {}, {"abbrev_types": [""]}),
        ("foo.bar. so", {}, {"abbrev_types": ["foo.bar"]}),
        ("etc. Yet", {"abbrev_types": ["etc"]}, {"sent_starters": ["yet"]}),
        ("Bar! etc. Yet", {"abbrev_types": ["etc"]}, {"ortho_context": {"yet": 64}}),
        ("foo. so", {}, {"collocations": [["foo", "so"]]}),
        ("foo.) so", {}, {"collocations": [["foo", ")"]]}),
        ("a b-c. so", {}, {"collocations": [["b-c", "so"]]}),
        ("x (a) . ''a b", {}, {"collocations": [[".", "'"]]}),
        ("x (a). ''a b", {}, {"collocations": [[".", "'"]]}),
        ("x #. ''a b", {}, {"collocations": [[".", "'"]]}),
        ("x 5. So", {}, {"collocations": [["##number##", "so"]]}),
        ("x 5. 6.5", {}, {"collocations": [["##number##", "##number##"]]}),
        ("x 5. so", {}, {"ortho_context": {"so": 16}}),
        ("x J. so", {}, {"ortho_context": {"so": 16}}),
        ("x J. So", {}, {"ortho_context": {"so": 32}}),
        ("x J. so", {"ortho_context": {"so": 16}}, {"collocations": [["j", "so"]]}),
        ("x etc. Yet ''a", {"abbrev_types": ["etc"], "sent_starters": ["yet"]}, {"collocations": [["etc", "yet"]]}),
    ],
)
def test_each_kind_of_entry_of_the_sentence_model_matters(text, table, entries):
    without, having = EMPTY | table, EMPTY | table | entries
    assert nltk_tokenizer(having)(text) != nltk_tokenizer(without)(text)
    for chosen in (without, having):
        assert differing([text, f"{text} and. {text}", f"“{text}” {text}."], chosen) == []


# property-based and exhaustive


@settings(max_examples=200, deadline=None)
@given(rows)
@example(["", " ", "x. ')--y", "a\tb", ""])
@example([" a", "", "'' b", " '' c", "", " "])
def test_any_texts(texts):
    assert differing(texts, SMALL) == []


@settings(max_examples=120, deadline=None)
@given(rows, tables)
def test_any_texts_under_any_sentence_model(texts, table):
    assert differing(texts, table) == []


@pytest.mark.parametrize("alphabet", ["a.'\" ", ".?) a", "a,:5.", "-.\"'»", "(\"`' ", "!?'” "])
def test_all_short_strings(alphabet):
    short = ["".join(letters) for size in range(1, 5) for letters in product(alphabet, repeat=size)]
    assert differing(short, SMALL) == []


def test_every_kind_of_character():
    every = list(characters(maximum=30, end=0x1F000))
    assert {unicodedata.category(character) for character in every} >= {"Nd", "Zs", "Zl", "Cf", "Mn", "Co", "Pi", "Sk"}
    frames = ["{0}", 'a{0}b. "{0}', "a.{0} b", "a,{0}b 'a{0}'", "x. {0} y '{0}"]
    assert differing([frame.format(character) for frame in frames for character in every], SMALL) == []


# columns

MIXED = [
    "",
    'He said "no." (Really.) Then... he left -- twice.',
    " ",
    "a\tb. C",  # by nltk itself
    " '' etc. Lamp",
    "'' etc. lamp",
    "x. ')--y. z",  # by nltk itself
    "foo.)bar 'I'm' ) '",
    "",
    "?)bar. Dr. Lee",  # by nltk itself
    "can't, won't; 5,000: ok",
    'x ?!?! "y" !!! Dr. ?',
]


@pytest.mark.parametrize(
    "texts",
    [[], [""], [" ", "   "], ["", "", ""], ["a\tb"], ["x\ue000", "\n", "x. ')--y"], ["a.", "", ""], ["", "a"], MIXED],
)
def test_columns_of_every_kind(texts):
    got = NltkWords(SMALL).column(pa.array(texts, pa.string()))
    assert isinstance(got, pa.ListArray)
    assert got.type == pa.list_(pa.string())
    assert got.null_count == 0
    assert got.to_pylist() == [nltk_tokenizer(SMALL)(text) for text in texts]


@pytest.mark.parametrize(("start", "stop"), [(3, 7), (0, 1), (8, 9), (2, 2), (5, 11)])
def test_a_slice_of_a_column(start, stop):
    texts = pa.array(MIXED, pa.string())[start:stop]
    assert NltkWords(SMALL).column(texts).to_pylist() == [nltk_tokenizer(SMALL)(text) for text in MIXED[start:stop]]


@settings(max_examples=60, deadline=None)
@given(rows, st.lists(st.integers(1, 4), min_size=1, max_size=8), st.sampled_from([1, 5, nltk_words.MAX_CHUNKS]))
def test_words_do_not_depend_on_batches_or_earlier_texts(texts, sizes, maximum):
    together = column(NltkWords(SMALL), texts)
    words, got, at = NltkWords(SMALL), [], 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nltk_words, "MAX_CHUNKS", maximum)
        for size in [*sizes, len(texts) + 1]:
            got += column(words, texts[at : at + size])
            at += size
        assert got == together
        assert column(words, texts[::-1]) == together[::-1]


@pytest.mark.parametrize(
    ("limit", "maximum", "texts", "texts_per_reset"),
    [
        # three chunks per text and four that all share, one of them empty: 13 texts have 43
        ("MAX_CHUNKS", 40, [f"No{at}. 'Dr. a{at}' etc. Lamp{at}.) b" for at in range(100)], 13),
        # three per text, by nltk itself; four of the chunks, with a mark after each: 33 texts have 103
        ("MAX_TOKENS", 100, ["a\tb c"] * 100, 33),
        ("MAX_CHARACTERS", 1000, [f"{at:0100}" for at in range(100)], 11),
    ],
)
def test_the_cache_is_reset_when_it_is_full(limit, maximum, texts, texts_per_reset, monkeypatch):
    resets = []
    reset = NltkWords._reset
    monkeypatch.setattr(NltkWords, "_reset", lambda words: (resets.append(words), reset(words)))
    monkeypatch.setattr(nltk_words, limit, maximum)
    words, cut = NltkWords(SMALL), nltk_tokenizer(SMALL)
    assert [column(words, [text]) for text in texts] == [[cut(text)] for text in texts]
    assert len(resets) - 1 == (len(texts) - 1) // texts_per_reset
    assert column(words, texts) == [cut(text) for text in texts]


def test_only_unsupported_rows_are_left_to_nltk(monkeypatch):
    whole = []
    by_nltk = NltkWords.__call__
    monkeypatch.setattr(NltkWords, "__call__", lambda words, text: (whole.append(text), by_nltk(words, text))[1])
    column(NltkWords(SMALL), MIXED)
    assert whole == [MIXED[3], MIXED[6], MIXED[9]]


# long texts


@pytest.mark.parametrize(
    "text",
    [
        *(
            "." * 60_000 + "x. b",
            "etc." + ")" * 60_000 + "x",
            "a.>" + "'" * 30_000 + "x",
            "a.)" * 10_000,
            "?!" * 20_000,
        ),
        *(
            "a." + ")" * 60_000,
            ",:" * 20_000,
            "`'\"" * 10_000,
            ") " * 8_000 + "x",
            "a.b" * 30_000 + "...",
            "x- " * 9_000,
        ),
    ],
    ids=lambda text: f"{text[:6]}{text[-4:]}",
)
def test_time_is_linear_in_the_length_of_a_text(text):
    want = nltk_tokenizer(SMALL)(text)
    words, start = NltkWords(SMALL), time.monotonic()
    assert column(words, [text]) == [want]
    assert time.monotonic() - start < 8  # quadratic time would be ten seconds and more


def test_a_long_chunk_needs_little_memory():
    words, text = NltkWords(EMPTY), "ab" * 500_000
    tracemalloc.start()
    assert column(words, [text]) == [[text]]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * len(text)


def test_calls_of_nltk_stay_within_its_time_limits(monkeypatch):
    sizes = []
    tokenize = NLTKWordTokenizer.tokenize
    monkeypatch.setattr(
        NLTKWordTokenizer, "tokenize", lambda words, text: (sizes.append(len(text)), tokenize(words, text))[1]
    )
    texts = ["'" * size for size in range(1000, 1200)] + [f"a'{at} b" for at in range(3000)]
    got = column(NltkWords(EMPTY), texts)
    assert max(sizes) < 10_000
    assert len(sizes) < 1000  # still many chunks per call
    assert got[-1] == ["a'2999", "b"]
    assert got[0] == nltk_tokenizer(EMPTY)(texts[0])


# real texts


@pytest.mark.real
@pytest.mark.parametrize("name", CORPORA)
def test_real_texts_equal_word_tokenize(name, real_data, english):
    if not (real_data / name).is_dir():
        pytest.skip(f"needs {name} in the folder of real data")
    assert differing_rows(NltkWords(english), islice(read_corpus(real_data, name), 300), nltk.word_tokenize) == (
        300,
        [],
    )


@pytest.mark.real
def test_real_texts_with_a_model_learned_from_them(real_data, english):
    texts = list(islice(read_corpus(real_data, "amazon"), 600))
    learned = learn_punkt(texts)
    assert len(learned["ortho_context"]) > 1000
    assert differing_rows(NltkWords(learned), texts, nltk_tokenizer(learned)) == (600, [])
