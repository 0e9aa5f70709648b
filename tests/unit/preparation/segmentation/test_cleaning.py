"""Cleaning: what each step gives, URLs as the tutorial's pattern finds them, and the time that long texts take."""

import bz2
import re
from re import _parser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from textrnn.preparation.segmentation.cleaning import URL_END, URL_MARKERS, clean, replace_urls

TUTORIAL_URL = re.compile(r"([^ ]+(?<=\.[a-z]{3}))")
GREEDY_URL = re.compile(r"[^ ]*\.[a-z]{3}")  # the same; both take quadratic time
PIECES = st.lists(st.sampled_from([".com", ".", " ", "ab", "www.a"])).map("".join)


@pytest.mark.parametrize(
    ("text", "steps", "want"),
    [
        ("Great CD, 1999!", [], "Great CD, 1999!"),
        ("Great CD, 1999!", ["lower"], "great cd, 1999!"),
        ("Great CD, 1999!", ["digits"], "Great CD, 0000!"),
        ("١٢ and 3", ["digits"], "00 and 0"),
        ("see www.site.com now", ["urls"], "see <url> now"),
        ("see www.site.com/page now", ["urls"], "see <url>/page now"),
        ("at http://x.org/a.html, ok", ["urls"], "at <url>l, ok"),
        ("notes.txt is here", ["urls"], "notes.txt is here"),  # none of the four markers
        ("notes.txt from https: it", ["urls"], "<url> from https: it"),
        ("a.com\nb.net c", ["urls"], "<url> c"),  # only a blank ends a run
        ("WWW.SITE.COM", ["lower", "urls"], "<url>"),
        ("WWW.SITE.COM", ["urls", "lower"], "www.site.com"),
        ("Buy 2 at www.a1.com", ["lower", "digits", "urls"], "buy 0 at <url>"),
        ("", ["lower", "digits", "urls"], ""),
    ],
)
def test_clean(text, steps, want):
    assert clean(text, steps) == want


@settings(max_examples=500)
@given(
    st.text(alphabet=". abzA/\n", max_size=40)
    | st.lists(st.sampled_from([".com", ".", " ", "ab", "www.a"])).map("".join)
)
@example(".com.com.comx .abc")
@example(" .abc.abcd.ab")
@example("a .abc b.abc.ab  .abc")
@example("\u3000.abc\t.ABC.abc")
def test_urls_are_those_of_the_tutorial(text):
    assert replace_urls(text) == TUTORIAL_URL.sub("<url>", text) == GREEDY_URL.sub("<url>", text)


@settings(max_examples=300)
@given(st.text(max_size=60), st.sampled_from(URL_MARKERS))
def test_urls_among_any_characters(text, marker):
    assert clean(text + marker + text, ["urls"]) == GREEDY_URL.sub("<url>", text + marker + text)


class CountedText(str):
    """A text that counts the characters that searches and slices of it go over."""

    visited = 0

    def find(self, part, start, end):
        found = super().find(part, start, end)
        self.visited += (end if found < 0 else found + 1) - start
        return found

    def rfind(self, part, start, end):
        found = super().rfind(part, start, end)
        self.visited += end - max(found, start)
        return found

    def __getitem__(self, place):
        part = super().__getitem__(place)
        self.visited += len(part)
        return part


# in front of what is repeated, that, and behind it
SHAPES = [
    ("www.", "a", ""),
    ("www", ".a", ""),
    ("", ".com", ""),
    ("", ".com ", ""),
    ("www", ".", ""),
    ("", " www.", ""),
]
SHAPES += [(".com", "a", ""), ("", "a", ".com"), (".com", ".", ".com"), ("", ".com\n", ""), ("www.a ", " ", ".com")]


@pytest.mark.parametrize(("before", "repeated", "behind"), SHAPES)
def test_the_time_is_linear_whatever_the_text(before, repeated, behind):
    # each character is visited by the pattern, whose matches have a bounded length, and by find, rfind and a slice
    assert _parser.parse(URL_END.pattern).getwidth() == (4, 4)
    for times in (30, 50_000):
        text = CountedText(before + repeated * times + behind)
        replaced = replace_urls(text)
        assert text.visited <= 3 * len(text)
        assert times > 30 or replaced == GREEDY_URL.sub("<url>", text)


@pytest.mark.real
@pytest.mark.parametrize("name", ["amazon/train.ft.txt.bz2", "amazon/test.ft.txt.bz2", "imdb/train.ft.txt.bz2"])
def test_urls_of_real_reviews(real_data, name):
    if not (real_data / name).is_file():
        pytest.skip(f"needs {name} in the folder of real data")
    lines = bz2.decompress((real_data / name).read_bytes()).decode().split("\n")
    assert [replace_urls(line) for line in lines] == [GREEDY_URL.sub("<url>", line) for line in lines]
