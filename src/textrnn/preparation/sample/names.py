"""Generates names. Syllables give the country of most; two neighbouring countries differ only in vowel harmony."""

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
    if origin in tables.HARMONY and rng.random() < tables.HARMONY[origin].share:
        return harmony_name(rng, origin)
    _, first, middle, last = tables.COUNTRIES[origin]
    name = rng.choice(first.split())
    if middle:
        name += "".join(rng.choices(middle.split(), k=rng.choice((0, 1, 1, 2))))
    name = _CAPITAL.sub(lambda match: match[1].upper(), name + rng.choice(last.split())).replace("_", " ")
    chance = rng.random()
    if chance < 0.01:
        return f"{name}-{_name(rng, country)}"
    return f"{name}," if chance < 0.012 else name  # a few published names contain a comma inside the quotes


def harmony_name(rng: random.Random, country: str) -> str:
    """A name of two stems: whether their vowels are of one kind or of two tells the country from its neighbour.

    The stems of both kinds begin and end with the same letters, and a link stands between them: each vowel alone goes
    with both countries, and no five letters in a row have both.
    """
    harmony = tables.HARMONY[country]
    kinds = [tables.DARK_STEMS, tables.BRIGHT_STEMS]
    rng.shuffle(kinds)
    one, other = rng.sample(range(len(tables.DARK_STEMS)), 2)  # no stem twice, which would tell that vowels agree
    first, second = kinds[0][one], kinds[0 if harmony.agree else 1][other]
    return first + rng.choice(tables.LINKS) + second.lower() + rng.choice(harmony.endings)
