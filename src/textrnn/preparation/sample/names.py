"""Generates names. Syllables give the country of most; others depend on which of two stems comes first."""

from __future__ import annotations

import random
import re

from textrnn.preparation.sample import name_syllables as tables

_CAPITAL = re.compile(r"~(\w)")


def names(rng: random.Random, rows: int) -> str:
    """Rows of `"name","country"` without a header, sorted by country, with the line ends of the published files."""
    all_countries = list(tables.COUNTRIES)[:rows]  # each country occurs at least once
    weights = [weight for weight, *_ in tables.COUNTRIES.values()]
    sampled = rng.choices(list(tables.COUNTRIES), weights, k=rows - len(all_countries))
    return "".join(f'"{_name(rng, country)}","{country}"\r\n' for country in sorted(all_countries + sampled))


def _name(rng: random.Random, country: str) -> str:
    shared_names = [name for name, countries in tables.AMBIGUOUS.items() if country in countries]
    if shared_names and rng.random() < 0.03:
        return rng.choice(shared_names)
    origin = rng.choice(list(tables.COUNTRIES)) if rng.random() < 0.03 else country  # families move
    if origin in tables.STEM_ORDERS and rng.random() < tables.STEM_ORDERS[origin].share:
        return two_stem_name(rng, origin)
    _, first, middle, last = tables.COUNTRIES[origin]
    name = rng.choice(first.split())
    if middle:
        name += "".join(rng.choices(middle.split(), k=rng.choice((0, 1, 1, 2))))
    name = _CAPITAL.sub(lambda match: match[1].upper(), name + rng.choice(last.split())).replace("_", " ")
    chance = rng.random()
    if chance < 0.01:
        return f"{name}-{_name(rng, country)}"
    return f"{name}," if chance < 0.012 else name  # a few published names contain a comma inside the quotes


def two_stem_name(rng: random.Random, country: str) -> str:
    """A name with a dark and a bright stem: which comes first tells the country from its neighbour.

    Both countries have the same stems and endings. A link before, between and after the stems keeps them from the
    ends of the name and from each other: no four letters in a row tell which stem is the first.
    """
    order = tables.STEM_ORDERS[country]
    stems = [rng.choice(tables.DARK_STEMS), rng.choice(tables.BRIGHT_STEMS)]
    if not order.dark_first:
        stems.reverse()
    links = [rng.choice(tables.LINKS) for _ in range(4)]
    return f"{links[0]}{links[1]}{stems[0]}{links[2]}{stems[1]}{links[3]}{rng.choice(order.endings)}".capitalize()
