"""nltk's words by column equal nltk's own: every character, and all texts of the real corpora."""

from __future__ import annotations

import nltk
import pytest

from factories.nltk_reference import CORPORA, SMALL, characters, differing, differing_rows, read_corpus
from textrnn.preparation.segmentation.cleaning import clean
from textrnn.preparation.segmentation.nltk_words import NltkWords

pytestmark = pytest.mark.exhaustive


@pytest.mark.parametrize(
    "frame",
    ["{0}", "a{0}b", "a.{0} b", "{0}a", "a{0}", '"{0}', "a,{0}", "({0}", "'{0}", "x. {0} Y", "{0}.{0}", "g{0}mme"],
)
def test_every_character(frame):
    assert differing([frame.format(character) for character in characters(maximum=30_000, end=0x110000)], SMALL) == []


@pytest.mark.real
@pytest.mark.parametrize("steps", [(), ("lower", "digits", "urls")], ids=["raw", "cleaned"])
@pytest.mark.parametrize("name", CORPORA)
def test_all_real_texts(name, steps, real_data, english):
    if not (real_data / name).is_dir():
        pytest.skip(f"needs {name} in the folder of real data")
    texts = (clean(text, steps) for text in read_corpus(real_data, name))
    count, wrong = differing_rows(NltkWords(english), texts, nltk.word_tokenize)
    assert count > 5000
    assert wrong == []
