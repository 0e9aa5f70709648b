"""Generated corpora in the four published formats, so that a fresh clone runs without a download.

Learnable but not trivial: words shared between classes, rare characters and words, label noise, lengths that vary much.
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
from textrnn.common.config.params import require_file_name
from textrnn.errors import UserError
from textrnn.preparation.sample import word_tables as words

TITLE_NOISE = 0.03  # share of titles with another class's label
REVIEW_NOISE = 0.04  # share of reviews with the other label
SHORTEST_TITLE, LONGEST_TITLE = 3, 38  # characters
RARE = (0x4E00, 0x9FA5)  # code points of the characters that make the long tail

_SLOT = re.compile(r"\{(\w+)\}")
_CAPITAL = re.compile(r"~(\w)")
_Slots = Mapping[str, Callable[[], str]]


def write_sample(corpus: str, format: str, files: Mapping[str, str], sample: Sample, folder: Path) -> None:
    """Write a generated corpus into an existing folder: one file per role (`train`, `dev`, `test`, `classes`).

    The same seed, rows and corpus name give the same bytes; a role's file does not depend on which others are named.
    Raises UserError for an unknown format or role, and for fewer than 5 rows.
    """
    if format not in _FORMATS:
        raise UserError(f"corpora.{corpus}.format", "no such format", got=repr(format), do=f"use {', '.join(FORMATS)}")
    sample.check()
    make = _FORMATS[format]
    for role, name in files.items():
        rng = random.Random(f"{sample.seed}/{corpus}/{role}")
        if role == "classes" and format == "headlines":
            text = "\n".join(words.TOPICS)
        elif role in ("train", "dev", "test"):
            text = make(rng, sample.rows if role == "train" else sample.rows // 5)
        else:
            raise UserError(f"corpora.{corpus}.files.{role}", f"the format {format} has no such file", got=repr(name))
        if format == "bio" and role == "train":
            text += "\n"  # readers must take the last sentence with and without a blank line after it
        require_file_name(name, f"corpora.{corpus}.files.{role}", "the corpus's folder")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(_pack(name, text.encode("utf-8")))


def _headlines(rng: random.Random, rows: int) -> str:
    """Lines of `title<TAB>class index`."""
    topics = list(words.TOPICS.values())
    classes = _shuffled_classes(rng, len(topics), rows)
    titles = [_title(rng, topics[index], rng.choice(topics)) for index in classes]
    noisy = _with_noise(rng, classes, len(topics), TITLE_NOISE)
    return "".join(f"{title}\t{index}\n" for title, index in zip(titles, noisy, strict=True))


def _title(rng: random.Random, topic: Sequence[str], other: Sequence[str]) -> str:
    strange = 0.4 if rng.random() < 0.15 else 0.03  # share of topic words that are another topic's
    slots = {
        "topic": lambda: _skewed(rng, other if rng.random() < strange else topic),
        "filler": lambda: _skewed(rng, words.FILLERS),
        "number": lambda: f"{rng.randrange(1, 10 ** rng.randint(1, 4))}{rng.choice(words.UNITS)}",
        "place": lambda: _skewed(rng, words.PLACES),
        "person": lambda: _person(rng),
        "latin": lambda: rng.choice(words.LATIN),
        "rare": lambda: chr(rng.randint(*RARE)),
    }
    length = min(LONGEST_TITLE, max(SHORTEST_TITLE, round(rng.gauss(17, 5.5))))
    title = _fill(rng.choice(words.TITLE_STARTS), slots)
    while len(title) < length:
        mark = rng.choice(words.MARKS) if rng.random() < 0.35 else rng.choice(("", " "))
        title += mark + _fill(rng.choice(words.TITLE_PHRASES), slots)
    return title[:LONGEST_TITLE].strip()


def _names(rng: random.Random, rows: int) -> str:
    """Rows of `"name","country"` without a header, sorted by country, with the line ends of the published files."""
    every = list(words.COUNTRIES)[:rows]
    shares = [share for share, *_ in words.COUNTRIES.values()]
    drawn = rng.choices(list(words.COUNTRIES), shares, k=rows - len(every))
    return "".join(f'"{_name(rng, country)}","{country}"\r\n' for country in sorted(every + drawn))


def _name(rng: random.Random, country: str) -> str:
    shared = [name for name, countries in words.AMBIGUOUS.items() if country in countries]
    if shared and rng.random() < 0.06:
        return rng.choice(shared)
    origin = rng.choice(list(words.COUNTRIES)) if rng.random() < 0.04 else country  # families move
    _, firsts, middles, lasts = words.COUNTRIES[origin]
    name = rng.choice(firsts.split())
    if middles:
        name += "".join(rng.choices(middles.split(), k=rng.choice((0, 1, 1, 2))))
    name = _CAPITAL.sub(lambda match: match[1].upper(), name + rng.choice(lasts.split())).replace("_", " ")
    chance = rng.random()
    if chance < 0.01:
        return f"{name}-{_name(rng, country)}"
    return f"{name}," if chance < 0.012 else name  # a few published names hold a comma, inside the quotes


def _bio(rng: random.Random, rows: int) -> str:
    """Lines of `character<TAB>tag`, a blank line between sentences."""
    return "\n".join(_sentence(rng) for _ in range(rows))


def _sentence(rng: random.Random) -> str:
    clauses = rng.randint(12, 30) if rng.random() < 0.01 else 1 + int(rng.expovariate(0.3))  # ~10 characters each
    lines = []
    for at in range(clauses):
        # splitting by a pattern with a group alternates plain text and slot names
        for odd, part in enumerate(_SLOT.split(rng.choice(words.CLAUSES))):
            text, kind = _entity(rng, part) if odd % 2 else (part, "")
            lines += [f"{character}\t{_tag(kind, first)}\n" for first, character in enumerate(text)]
        lines.append(f"{'。' if at == clauses - 1 else '，'}\tO\n")
    return "".join(lines)


def _tag(kind: str, position: int) -> str:
    if not kind:
        return "O"
    return f"I-{kind}" if position else f"B-{kind}"


def _entity(rng: random.Random, slot: str) -> tuple[str, str]:
    """The text of a slot and its entity type, empty for what is no entity."""
    if slot == "number":
        return str(rng.randrange(1, 100)), ""
    if slot == "rare":
        return chr(rng.randint(*RARE)), ""
    makers = {"per": _person, "loc": _place, "org": _organisation}
    return makers[slot](rng), slot.upper()


def _person(rng: random.Random) -> str:
    if rng.random() < 0.08:  # a foreign name in transcription
        return f"{_given(rng, 3)}·{_given(rng, rng.randint(2, 4))}"
    return _skewed(rng, words.SURNAMES) + _given(rng, rng.randint(1, 2))


def _given(rng: random.Random, length: int) -> str:
    return "".join(chr(rng.randint(*RARE)) if rng.random() < 0.06 else _skewed(rng, words.GIVEN) for _ in range(length))


def _place(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return _skewed(rng, words.PLACES)
    stem = _given(rng, 2) if rng.random() < 0.5 else _skewed(rng, words.PLACES)
    return stem + rng.choice(words.PLACE_ENDS)


def _organisation(rng: random.Random) -> str:
    """A name that holds a place's name as a rule: the same characters are then ORG and not LOC."""
    if rng.random() < 0.25:
        return rng.choice(words.ORG_SHORT)
    stem = _given(rng, 2) if rng.random() < 0.2 else _skewed(rng, words.PLACES)
    middle = rng.choice(words.ORG_MIDDLES) if rng.random() < 0.6 else ""
    return stem + middle + rng.choice(words.ORG_ENDS)


def _reviews(rng: random.Random, rows: int) -> str:
    """Lines of `__label__1 title: text`, 1 for negative and 2 for positive."""
    classes = _shuffled_classes(rng, 2, rows)
    texts = [_review(rng, 1 + index) for index in classes]
    noisy = _with_noise(rng, classes, 2, REVIEW_NOISE)
    return "".join(f"__label__{1 + index} {text}\n" for index, text in zip(noisy, texts, strict=True))


def _review(rng: random.Random, label: int) -> str:
    own, opposite = _review_slots(rng, label), _review_slots(rng, 3 - label)
    title = _fill(rng.choice(words.TITLES[label] if rng.random() < 0.6 else words.NEUTRAL_TITLES), own)
    length = min(100, max(5, round(rng.lognormvariate(3.4, 0.8))))
    text = ""
    while len(text.split()) < length:
        chance = rng.random()
        if chance < 0.43:
            text += _fill(rng.choice(words.OPINIONS[label]), own) + " "
        elif chance < 0.49:
            text += rng.choice(words.JOINERS) + _fill(rng.choice(words.OPINIONS[3 - label]), opposite) + " "
        else:
            text += _fill(rng.choice(words.NEUTRAL), own) + " "
    review = f"{title[0].upper()}{title[1:]}: {text.strip()}"
    case = rng.random()
    return review.lower() if case < 0.1 else review.upper() if case < 0.12 else review


def _review_slots(rng: random.Random, label: int) -> _Slots:
    return {
        "adj": lambda: _skewed(rng, words.ADJECTIVES[label]),
        "opposite": lambda: _skewed(rng, words.ADJECTIVES[3 - label]),
        "thing": lambda: _skewed(rng, words.THINGS),
        "person": lambda: rng.choice(words.PEOPLE),
        "number": lambda: str(rng.randrange(2, 60)),
        "year": lambda: str(rng.randrange(1950, 2014)),
        "url": lambda: rng.choice(words.URLS),
        "rare": lambda: "".join(rng.choice(words.SYLLABLES) for _ in range(rng.randint(2, 4))).capitalize(),
    }


def _fill(template: str, slots: _Slots) -> str:
    return _SLOT.sub(lambda match: slots[match[1]](), template)


def _skewed(rng: random.Random, choices: Sequence[str]) -> str:
    """One of the choices, the first far oftener than the last."""
    return choices[int(len(choices) * rng.random() ** 1.7)]


def _shuffled_classes(rng: random.Random, classes: int, rows: int) -> list[int]:
    indices = [row % classes for row in range(rows)]
    rng.shuffle(indices)
    return indices


def _with_noise(rng: random.Random, indices: Sequence[int], classes: int, share: float) -> list[int]:
    """The class indices, a share of them turned into another class."""
    return [(index + rng.randrange(1, classes)) % classes if rng.random() < share else index for index in indices]


def _pack(name: str, content: bytes) -> bytes:
    """The content as a file of that name opens: gzip, bz2 or plain."""
    if name.endswith(".bz2"):
        return bz2.compress(content)
    if not name.endswith(".gz"):
        return content
    # through GzipFile: gzip.compress writes another header in some versions of Python
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


# format -> what makes a file's text
_FORMATS: dict[str, Callable[[random.Random, int], str]] = {
    "headlines": _headlines,
    "names": _names,
    "bio": _bio,
    "fasttext": _reviews,
}
FORMATS = tuple(_FORMATS)
