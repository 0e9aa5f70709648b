"""The schemes of entity tags: each is recognised, and the same entities come out of all of them."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from textrnn.common.config.types import FileScheme
from textrnn.preparation.artifacts.tag_schemes import bio_spans, bioes_spans, bioes_tags
from textrnn.preparation.parsing.formats.entity_tags import EDGE, EntityTag, TagConverter, find_scheme, parse_tag

SCHEMES = ("bio", "iob1", "bioes", "bilou", "bmes")
BILOU, BMES = str.maketrans("ES", "LU"), str.maketrans("I", "M")


def random_sentence(rng):
    """Entities of some types, some of them adjacent, and the number of tokens."""
    entities, position = [], 0
    for _ in range(rng.randrange(4)):
        start = position + rng.choice([0, 0, 1, 3])
        position = start + rng.randrange(1, 5)
        entities.append((start, position, rng.choice(["PER", "LOC", "I-B_x"])))
    return entities, position + rng.randrange(3)


def written(entities, length, scheme):
    """The tags of a sentence in a scheme, from its entities; written independently of the code under test."""
    bioes = bioes_tags(entities, length)
    if scheme in ("bioes", "bilou", "bmes"):
        table = {"bioes": {}, "bilou": BILOU, "bmes": BMES}[scheme]
        return [tag[:1].translate(table) + tag[1:] for tag in bioes]
    bio = ["B" + tag[1:] if tag[0] == "S" else "I" + tag[1:] if tag[0] == "E" else tag for tag in bioes]
    if scheme == "bio":
        return bio
    adjacent = {start for start, _, kind in entities if any(end == start and kind == of for _, end, of in entities)}
    return ["I" + tag[1:] if tag[0] == "B" and at not in adjacent else tag for at, tag in enumerate(bio)]


def pairs_of(sentences):
    return Counter(pair for tags in sentences for pair in pairwise([EDGE, *tags, EDGE]) if tags)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_entities_of_every_scheme_are_those_of_the_corpus(scheme):
    rng = random.Random(3)
    corpus = [random_sentence(rng) for _ in range(300)]
    sentences = [written(*sentence, scheme) for sentence in corpus]
    assert find_scheme(pairs_of(sentences)) == scheme
    converter = TagConverter(scheme)
    for (entities, length), tags in zip(corpus, sentences, strict=True):
        bio, illegal = converter.to_bio(tags)
        assert bio == written(entities, length, "bio")
        assert bio_spans(bio) == entities
        assert illegal == 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_few_faults_do_not_change_the_scheme(scheme):
    rng = random.Random(4)
    sentences = [written(*random_sentence(rng), scheme) for _ in range(300)]
    for tags in sentences[::20]:
        tags += ["I-PER" if scheme != "bmes" else "M-PER", "O", {"bioes": "B-LOC"}.get(scheme, "E-LOC")]
    assert find_scheme(pairs_of(sentences)) == scheme


@pytest.mark.parametrize("name", ["bio", "bioes"])
def test_any_sequence_is_read_as_the_scorer_reads_it(name):
    """Illegal ones too: what is written as BIO has the entities that the lenient readers find."""
    rng = random.Random(5)
    read = {"bio": bio_spans, "bioes": bioes_spans}[name]
    alphabet = ["O", *(f"{letter}-{kind}" for letter in {"bio": "BI", "bioes": "BIES"}[name] for kind in ("X", "Y"))]
    converter = TagConverter(name)
    for _ in range(2000):
        tags = rng.choices(alphabet, k=rng.randrange(1, 8))
        bio, _ = converter.to_bio(tags)
        assert bio_spans(bio) == read(tags), tags
        assert TagConverter("bio").to_bio(bio) == (bio, 0), tags


@pytest.mark.parametrize(
    ("scheme", "tags", "illegal"),
    [
        ("bio", "O I-X I-X O B-X I-Y", 2),  # the first I-X, and I-Y
        ("iob1", "O I-X B-X I-X O", 0),
        ("iob1", "B-X I-X O B-X B-X I-Y", 2),  # the two B that follow no X
        ("bioes", "B-X O", 1),  # does not end
        ("bioes", "B-X", 1),
        ("bioes", "B-X I-X B-X E-X", 1),
        ("bioes", "E-X O I-X E-X S-X", 2),  # begin with E and I
        ("bilou", "B-X L-X U-X U-X", 0),
        ("bilou", "B-X U-X", 1),
        ("bmes", "B-X M-X O S-X", 1),  # without E
        ("bmes", "B-X E-Y", 1),  # one transition, though X does not end and Y does not begin
    ],
)
def test_illegal_transitions_are_counted(scheme, tags, illegal):
    assert TagConverter(scheme).to_bio(tags.split())[1] == illegal


def test_iob1_is_told_from_bio_by_most_of_its_tags():
    assert find_scheme(pairs_of([["O", "I-X", "I-X"]] * 3 + [["B-X", "I-X"]])) == "iob1"
    assert find_scheme(pairs_of([["O", "I-X", "I-X"]] + [["B-X", "I-X"]] * 3)) == "bio"
    assert find_scheme(pairs_of([["I-X", "B-X", "I-X", "O"]])) == "iob1"
    assert find_scheme(pairs_of([["B-X", "B-X", "O"]])) == "bio"


def test_of_schemes_that_fit_alike_the_first_is_taken():
    assert find_scheme(pairs_of([["O", "O"]])) == "bio"
    assert find_scheme(Counter()) == "bio"
    assert find_scheme(pairs_of([["B-X", "E-X", "S-X"]])) == "bioes"  # bmes has these too


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("O", EntityTag("", "")),
        ("B-PER", EntityTag("B", "PER")),
        ("I-geo-nam", EntityTag("I", "geo-nam")),
        ("B_LOC", EntityTag("B", "LOC")),
        ("LOC-E", EntityTag("E", "LOC")),
        ("LOC_S", EntityTag("S", "LOC")),
        ("B-S", EntityTag("B", "S")),
        ("M-组织", EntityTag("M", "组织")),
        ("0", None),
        ("o", None),
        ("B-", None),
        ("-PER", None),
        ("b-per", None),
        ("PER", None),
        ("B PER", None),
        ("", None),
    ],
)
def test_parts_of_a_tag(tag, expected):
    assert parse_tag(tag) == expected


def test_lower_case():
    assert parse_tag("b-per", lower=True) == EntityTag("B", "per")
    assert parse_tag("o", lower=True) == EntityTag("", "")
    assert parse_tag("B-per", lower=True) is None
    assert TagConverter("bilou", lower=True).to_bio(["u-per", "b-loc", "l-loc", "o"]) == (
        ["B-per", "B-loc", "I-loc", "O"],
        0,
    )


def test_the_schemes_are_those_of_the_param():
    assert FileScheme.__args__ == SCHEMES
