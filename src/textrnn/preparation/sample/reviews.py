"""Generates reviews. Words give the label of some; of others it depends on a distant negation, concession or denial."""

from __future__ import annotations

import random

from textrnn.preparation.sample import review_words as tables
from textrnn.preparation.sample.sampling import Slots, fill, shuffled_classes, skewed, with_noise

REVIEW_NOISE = 0.03  # probability that a review gets the other label
INDIRECT = 0.25  # probability that a review has no plain opinion
USUAL = 4  # how many adjectives of a label its indirect opinions have


def reviews(rng: random.Random, rows: int) -> str:
    """Lines of `__label__1 title: text`, with 1 for negative and 2 for positive."""
    classes = shuffled_classes(rng, 2, rows)
    texts = [_review(rng, 1 + index) for index in classes]
    noisy_classes = with_noise(rng, classes, 2, REVIEW_NOISE)
    return "".join(f"__label__{1 + index} {text}\n" for index, text in zip(noisy_classes, texts, strict=True))


def _review(rng: random.Random, label: int) -> str:
    slots, indirect = _slots(rng, label), rng.random() < INDIRECT
    own_title = not indirect and rng.random() < 0.5
    title = fill(rng.choice(tables.TITLES[label] if own_title else tables.NEUTRAL_TITLES), slots)
    length = min(100, max(5, round(rng.lognormvariate(3.1, 0.8))))
    sentences = [indirect_opinion(rng, label) if indirect else fill(rng.choice(tables.OPINIONS[label]), slots)]
    while sum(len(sentence.split()) for sentence in sentences) < length:
        sentences.append(_sentence(rng, label, indirect))
    rng.shuffle(sentences)
    review = f"{title[0].upper()}{title[1:]}: {' '.join(sentences)}"
    case = rng.random()
    return review.lower() if case < 0.1 else review.upper() if case < 0.12 else review


def _sentence(rng: random.Random, label: int, indirect: bool) -> str:
    chance = rng.random()
    if chance < 0.4:
        return fill(rng.choice(tables.NEUTRAL), _slots(rng, label))
    if indirect or chance < 0.6:
        return indirect_opinion(rng, label)
    if chance < 0.96:
        return fill(rng.choice(tables.OPINIONS[label]), _slots(rng, label))
    return rng.choice(tables.JOINERS) + fill(rng.choice(tables.OPINIONS[3 - label]), _slots(rng, 3 - label))


def indirect_opinion(rng: random.Random, label: int) -> str:
    """An opinion whose words stand in reviews of both labels: what decides is a negation, `but`, or another's error."""
    (kind,) = rng.choices((_conceded, _scoped, _reported), (3, 1, 1))
    return kind(rng, label)


def _scoped(rng: random.Random, label: int) -> str:
    """An adjective of the label, or one of the other label in the scope of a negation that stands words before it."""
    affirmed, negated = rng.choice(tables.SCOPES)
    return _fill_usual(rng, affirmed, label) if rng.random() < 0.5 else _fill_usual(rng, negated, 3 - label)


def _conceded(rng: random.Random, label: int) -> str:
    """Two clauses of both labels. The one after `but` decides, or the one without `although`."""
    own, other = (_fill_usual(rng, rng.choice(tables.CLAUSES), kind) for kind in (label, 3 - label))
    return rng.choice(tables.CONCESSIONS).replace("<own>", own).replace("<other>", other)


def _reported(rng: random.Random, label: int) -> str:
    """What others say, and in a sentence of its own whether they are right."""
    right = rng.random() < 0.5
    said = _fill_usual(rng, rng.choice(tables.CLAUSES), label if right else 3 - label)
    return f"{fill(rng.choice(tables.SPEAKERS), _slots(rng, label))} {said}. {rng.choice(tables.VERDICTS[right])}"


def _fill_usual(rng: random.Random, sentence: str, label: int) -> str:
    """Fill a sentence with one of the usual adjectives: a model that knows them has only the order left to learn."""
    usual = tables.ADJECTIVES[label][:USUAL]
    return fill(sentence, {**_slots(rng, label), "adj": lambda: skewed(rng, usual)})


def _slots(rng: random.Random, label: int) -> Slots:
    return {
        "adj": lambda: skewed(rng, tables.ADJECTIVES[label]),
        "opposite": lambda: skewed(rng, tables.ADJECTIVES[3 - label]),
        "thing": lambda: skewed(rng, tables.THINGS),
        "person": lambda: rng.choice(tables.PEOPLE),
        "number": lambda: str(rng.randrange(2, 60)),
        "year": lambda: str(rng.randrange(1950, 2014)),
        "url": lambda: rng.choice(tables.URLS),
        "rare": lambda: "".join(rng.choice(tables.SYLLABLES) for _ in range(rng.randint(2, 4))).capitalize(),
    }
