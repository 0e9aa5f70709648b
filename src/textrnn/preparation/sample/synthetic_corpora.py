"""Generates small corpora in the four published formats, so that a fresh clone runs without a download.

The corpora are learnable but not trivial: classes share words, some characters and words are rare, some labels are
wrong, and lengths vary widely.
"""

from __future__ import annotations

import bz2
import gzip
import io
import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from textrnn.common.config.data import Sample
from textrnn.common.config.file_names import check_file_name
from textrnn.errors import UserError
from textrnn.preparation.sample import word_tables as tables

TITLE_NOISE = 0.03  # probability that a title gets the label of another class
REVIEW_NOISE = 0.04  # probability that a review gets the other label
MIN_TITLE_LENGTH, MAX_TITLE_LENGTH = 3, 38  # characters
RARE_CODE_POINTS = (0x4E00, 0x9FA5)  # range of the characters that form the long tail

_SLOT = re.compile(r"\{(\w+)\}")
_CAPITAL = re.compile(r"~(\w)")
_Slots = Mapping[str, Callable[[], str]]


def write_sample(corpus: str, format: str, files: Mapping[str, str], sample: Sample, folder: Path) -> None:
    """Write a generated corpus into an existing folder, one file per role (`train`, `dev`, `test`, `classes`).

    The same seed, rows and corpus name give the same bytes. A role's file does not depend on which other roles exist.
    Raises UserError for an unknown format or role, and for fewer than 5 rows.
    """
    if format not in _FORMATS:
        raise UserError(
            f"corpora.{corpus}.parse.format", "no such format", got=repr(format), do=f"use {', '.join(FORMATS)}"
        )
    sample.check("sample")
    generate = _FORMATS[format]
    for role, name in files.items():
        rng = random.Random(f"{sample.seed}/{corpus}/{role}")
        if role == "classes" and format == "headlines":
            text = "\n".join(tables.TOPICS)
        elif role in ("train", "dev", "test"):
            text = generate(rng, sample.rows if role == "train" else sample.rows // 5)
        else:
            raise UserError(
                f"corpora.{corpus}.parse.files.{role}", f"the format {format} has no such file", got=repr(name)
            )
        if format == "bio" and role == "train":
            text += "\n"  # readers must accept the last sentence with and without a blank line after it
        check_file_name(name, f"corpora.{corpus}.parse.files.{role}", "the corpus's folder")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(_compress(name, text.encode("utf-8")))


def _headlines(rng: random.Random, rows: int) -> str:
    """Lines of `title<TAB>class index`."""
    topics = list(tables.TOPICS.values())
    classes = _shuffled_classes(rng, len(topics), rows)
    titles = [_title(rng, topics[index], rng.choice(topics)) for index in classes]
    noisy_classes = _with_noise(rng, classes, len(topics), TITLE_NOISE)
    return "".join(f"{title}\t{index}\n" for title, index in zip(titles, noisy_classes, strict=True))


def _title(rng: random.Random, topic: Sequence[str], other_topic: Sequence[str]) -> str:
    other_probability = 0.4 if rng.random() < 0.15 else 0.03  # that a topic word is taken from the other topic
    slots = {
        "topic": lambda: _skewed(rng, other_topic if rng.random() < other_probability else topic),
        "filler": lambda: _skewed(rng, tables.FILLERS),
        "number": lambda: f"{rng.randrange(1, 10 ** rng.randint(1, 4))}{rng.choice(tables.UNITS)}",
        "place": lambda: _skewed(rng, tables.PLACES),
        "person": lambda: _person(rng),
        "latin": lambda: rng.choice(tables.LATIN),
        "rare": lambda: chr(rng.randint(*RARE_CODE_POINTS)),
    }
    length = min(MAX_TITLE_LENGTH, max(MIN_TITLE_LENGTH, round(rng.gauss(17, 5.5))))
    title = _fill(rng.choice(tables.TITLE_STARTS), slots)
    while len(title) < length:
        mark = rng.choice(tables.MARKS) if rng.random() < 0.35 else rng.choice(("", " "))
        title += mark + _fill(rng.choice(tables.TITLE_PHRASES), slots)
    return title[:MAX_TITLE_LENGTH].strip()


def _names(rng: random.Random, rows: int) -> str:
    """Rows of `"name","country"` without a header, sorted by country, with the line ends of the published files."""
    all_countries = list(tables.COUNTRIES)[:rows]  # each country occurs at least once
    weights = [weight for weight, *_ in tables.COUNTRIES.values()]
    sampled = rng.choices(list(tables.COUNTRIES), weights, k=rows - len(all_countries))
    return "".join(f'"{_name(rng, country)}","{country}"\r\n' for country in sorted(all_countries + sampled))


def _name(rng: random.Random, country: str) -> str:
    shared_names = [name for name, countries in tables.AMBIGUOUS.items() if country in countries]
    if shared_names and rng.random() < 0.06:
        return rng.choice(shared_names)
    origin = rng.choice(list(tables.COUNTRIES)) if rng.random() < 0.04 else country  # families move
    _, first, middle, last = tables.COUNTRIES[origin]
    name = rng.choice(first.split())
    if middle:
        name += "".join(rng.choices(middle.split(), k=rng.choice((0, 1, 1, 2))))
    name = _CAPITAL.sub(lambda match: match[1].upper(), name + rng.choice(last.split())).replace("_", " ")
    chance = rng.random()
    if chance < 0.01:
        return f"{name}-{_name(rng, country)}"
    return f"{name}," if chance < 0.012 else name  # a few published names contain a comma inside the quotes


def _bio(rng: random.Random, rows: int) -> str:
    """Lines of `character<TAB>tag`, with a blank line between sentences."""
    return "\n".join(_sentence(rng) for _ in range(rows))


def _sentence(rng: random.Random) -> str:
    clauses = rng.randint(12, 30) if rng.random() < 0.01 else 1 + int(rng.expovariate(0.3))  # ~10 characters each
    lines = []
    for clause in range(clauses):
        # splitting by a pattern with a group alternates plain text (even) and slot names (odd)
        for index, part in enumerate(_SLOT.split(rng.choice(tables.CLAUSES))):
            text, entity_type = _entity(rng, part) if index % 2 else (part, "")
            lines += [f"{character}\t{_tag(entity_type, position)}\n" for position, character in enumerate(text)]
        lines.append(f"{'。' if clause == clauses - 1 else '，'}\tO\n")
    return "".join(lines)


def _tag(entity_type: str, position: int) -> str:
    if not entity_type:
        return "O"
    return f"I-{entity_type}" if position else f"B-{entity_type}"


def _entity(rng: random.Random, slot: str) -> tuple[str, str]:
    """The text of a slot and its entity type, which is empty for a slot that is not an entity."""
    if slot == "number":
        return str(rng.randrange(1, 100)), ""
    if slot == "rare":
        return chr(rng.randint(*RARE_CODE_POINTS)), ""
    generators = {"per": _person, "loc": _place, "org": _organisation}
    return generators[slot](rng), slot.upper()


def _person(rng: random.Random) -> str:
    if rng.random() < 0.08:  # a transcribed foreign name
        return f"{_given_name(rng, 3)}·{_given_name(rng, rng.randint(2, 4))}"
    return _skewed(rng, tables.SURNAMES) + _given_name(rng, rng.randint(1, 2))


def _given_name(rng: random.Random, length: int) -> str:
    return "".join(
        chr(rng.randint(*RARE_CODE_POINTS)) if rng.random() < 0.06 else _skewed(rng, tables.GIVEN)
        for _ in range(length)
    )


def _place(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return _skewed(rng, tables.PLACES)
    stem = _given_name(rng, 2) if rng.random() < 0.5 else _skewed(rng, tables.PLACES)
    return stem + rng.choice(tables.PLACE_ENDS)


def _organisation(rng: random.Random) -> str:
    """The name of an organisation, most often with a place name in it: the same characters are then ORG, not LOC."""
    if rng.random() < 0.25:
        return rng.choice(tables.ORG_SHORT)
    stem = _given_name(rng, 2) if rng.random() < 0.2 else _skewed(rng, tables.PLACES)
    middle = rng.choice(tables.ORG_MIDDLES) if rng.random() < 0.6 else ""
    return stem + middle + rng.choice(tables.ORG_ENDS)


def _reviews(rng: random.Random, rows: int) -> str:
    """Lines of `__label__1 title: text`, with 1 for negative and 2 for positive."""
    classes = _shuffled_classes(rng, 2, rows)
    texts = [_review(rng, 1 + index) for index in classes]
    noisy_classes = _with_noise(rng, classes, 2, REVIEW_NOISE)
    return "".join(f"__label__{1 + index} {text}\n" for index, text in zip(noisy_classes, texts, strict=True))


def _review(rng: random.Random, label: int) -> str:
    slots, opposite_slots = _review_slots(rng, label), _review_slots(rng, 3 - label)
    title = _fill(rng.choice(tables.TITLES[label] if rng.random() < 0.6 else tables.NEUTRAL_TITLES), slots)
    length = min(100, max(5, round(rng.lognormvariate(3.4, 0.8))))
    text = ""
    while len(text.split()) < length:
        chance = rng.random()
        if chance < 0.43:
            text += _fill(rng.choice(tables.OPINIONS[label]), slots) + " "
        elif chance < 0.49:
            text += rng.choice(tables.JOINERS) + _fill(rng.choice(tables.OPINIONS[3 - label]), opposite_slots) + " "
        else:
            text += _fill(rng.choice(tables.NEUTRAL), slots) + " "
    review = f"{title[0].upper()}{title[1:]}: {text.strip()}"
    case = rng.random()
    return review.lower() if case < 0.1 else review.upper() if case < 0.12 else review


def _review_slots(rng: random.Random, label: int) -> _Slots:
    return {
        "adj": lambda: _skewed(rng, tables.ADJECTIVES[label]),
        "opposite": lambda: _skewed(rng, tables.ADJECTIVES[3 - label]),
        "thing": lambda: _skewed(rng, tables.THINGS),
        "person": lambda: rng.choice(tables.PEOPLE),
        "number": lambda: str(rng.randrange(2, 60)),
        "year": lambda: str(rng.randrange(1950, 2014)),
        "url": lambda: rng.choice(tables.URLS),
        "rare": lambda: "".join(rng.choice(tables.SYLLABLES) for _ in range(rng.randint(2, 4))).capitalize(),
    }


def _fill(template: str, slots: _Slots) -> str:
    return _SLOT.sub(lambda match: slots[match[1]](), template)


def _skewed(rng: random.Random, choices: Sequence[str]) -> str:
    """One of the choices; the first ones come up far more often than the last ones."""
    return choices[int(len(choices) * rng.random() ** 1.7)]


def _shuffled_classes(rng: random.Random, classes: int, rows: int) -> list[int]:
    indices = [row % classes for row in range(rows)]
    rng.shuffle(indices)
    return indices


def _with_noise(rng: random.Random, indices: Sequence[int], classes: int, probability: float) -> list[int]:
    """The class indices, each replaced by another class with the given probability."""
    return [(index + rng.randrange(1, classes)) % classes if rng.random() < probability else index for index in indices]


def _compress(name: str, content: bytes) -> bytes:
    """The bytes of a file with this name: bz2, gzip or plain, by its suffix."""
    if name.endswith(".bz2"):
        return bz2.compress(content)
    if not name.endswith(".gz"):
        return content
    # through GzipFile, as gzip.compress writes a different header in some versions of Python
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


# format -> the function that generates the text of a file
_FORMATS: dict[str, Callable[[random.Random, int], str]] = {
    "headlines": _headlines,
    "names": _names,
    "bio": _bio,
    "fasttext": _reviews,
}
FORMATS = tuple(_FORMATS)
