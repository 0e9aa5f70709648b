"""Generates headlines. Words give the class of those with one topic; with two, it depends on who does what to whom."""

from __future__ import annotations

import random
from collections.abc import Sequence

from textrnn.preparation.sample import headline_words as tables
from textrnn.preparation.sample.entities import PLACES, person
from textrnn.preparation.sample.sampling import Slots, fill, rare_character, shuffled_classes, skewed, with_noise

TITLE_NOISE = 0.03  # probability that a title gets the label of another class
TWO_TOPICS = 0.27  # probability that a title has two topics
MIN_TITLE_LENGTH, MAX_TITLE_LENGTH = 3, 38  # characters


def headlines(rng: random.Random, rows: int) -> str:
    """Lines of `title<TAB>class index`."""
    topics = list(tables.TOPICS.values())
    classes = shuffled_classes(rng, len(topics), rows)
    titles = [_title(rng, topics, index) for index in classes]
    noisy_classes = with_noise(rng, classes, len(topics), TITLE_NOISE)
    return "".join(f"{title}\t{index}\n" for title, index in zip(titles, noisy_classes, strict=True))


def _title(rng: random.Random, topics: Sequence[Sequence[str]], index: int) -> str:
    other = topics[(index + rng.randrange(1, len(topics))) % len(topics)]
    if rng.random() < TWO_TOPICS:
        return two_topic_title(rng, topics[index], other)
    return one_topic_title(rng, topics[index], other)


def one_topic_title(rng: random.Random, topic: Sequence[str], other_topic: Sequence[str]) -> str:
    """A title with words of a topic, and now and then a word of the other one."""
    slots = {**_slots(rng, topic), "topic": lambda: skewed(rng, other_topic if rng.random() < 0.05 else topic)}
    length = min(MAX_TITLE_LENGTH, max(MIN_TITLE_LENGTH, round(rng.gauss(17, 5.5))))
    title = fill(rng.choice(tables.TITLE_STARTS), slots)
    while len(title) < length:
        mark = rng.choice(tables.MARKS) if rng.random() < 0.35 else rng.choice(("", " "))
        title += mark + fill(rng.choice(tables.TITLE_PHRASES), slots)
    return title[:MAX_TITLE_LENGTH].strip()


def two_topic_title(rng: random.Random, actor: Sequence[str], other: Sequence[str]) -> str:
    """A title in which the one topic acts on the other: the actor stands first, or last in the passive voice.

    Both topics have the same kinds of phrases around them, and the verb stands apart from both: no few characters in a
    row tell which of them acts.
    """
    acting, acted_on = (fill(rng.choice(tables.ACTOR_PHRASES), _slots(rng, topic)) for topic in (actor, other))
    active = rng.random() < 0.5
    verb = skewed(rng, tables.ACTIVE if active else tables.PASSIVE)
    first, last = (acting, acted_on) if active else (acted_on, acting)
    before, after = rng.choice(tables.ADVERBS), rng.choice(tables.DETERMINERS)
    start, end = (fill(rng.choice(table), _slots(rng, actor)) for table in (tables.LEADS, tables.TAILS))
    return f"{start}{first}{before}{verb}{after}{last}{end}"[:MAX_TITLE_LENGTH]


def _slots(rng: random.Random, topic: Sequence[str]) -> Slots:
    return {
        "topic": lambda: skewed(rng, topic),
        "filler": lambda: skewed(rng, tables.FILLERS),
        "number": lambda: f"{rng.randrange(1, 10 ** rng.randint(1, 4))}{rng.choice(tables.UNITS)}",
        "place": lambda: skewed(rng, PLACES),
        "person": lambda: person(rng),
        "latin": lambda: rng.choice(tables.LATIN),
        "rare": lambda: rare_character(rng),
    }
