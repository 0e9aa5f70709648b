"""Generates sentences with tagged entities. Some names may be any of the types, and only their context tells which."""

from __future__ import annotations

import random

from textrnn.preparation.sample import clauses as tables
from textrnn.preparation.sample.entities import SHARED_NAMES, organisation, person, place
from textrnn.preparation.sample.sampling import SLOT, rare_character, skewed

CUED = 0.2  # probability that a clause has a name of any type, whose context tells the type
UNCUED = 0.02  # probability that nothing tells it

_GENERATORS = {"per": person, "loc": place, "org": organisation}


def tagged_sentences(rng: random.Random, rows: int) -> str:
    """Lines of `character<TAB>tag`, with a blank line between sentences."""
    return "\n".join(_sentence(rng) for _ in range(rows))


def _sentence(rng: random.Random) -> str:
    clauses = rng.randint(12, 30) if rng.random() < 0.01 else 1 + int(rng.expovariate(0.3))  # ~10 characters each
    lines = []
    for clause in range(clauses):
        for text, entity_type in _clause(rng):
            lines += [f"{character}\t{_tag(entity_type, position)}\n" for position, character in enumerate(text)]
        lines.append(f"{'。' if clause == clauses - 1 else '，'}\tO\n")
    return "".join(lines)


def _tag(entity_type: str, position: int) -> str:
    if not entity_type:
        return "O"
    return f"I-{entity_type}" if position else f"B-{entity_type}"


def _clause(rng: random.Random) -> list[tuple[str, str]]:
    """Its parts with their entity types, which are empty outside entities."""
    chance = rng.random()
    if chance < CUED:
        return cued_clause(rng, rng.choice(tuple(_GENERATORS)))
    template = rng.choice(tables.UNCUED if chance < CUED + UNCUED else tables.CLAUSES)
    # splitting by a pattern with a group alternates plain text (even) and slot names (odd)
    parts = enumerate(SLOT.split(template))
    return [_entity(rng, part) if index % 2 else (part, "") for index, part in parts]


def cued_clause(rng: random.Random, slot: str) -> list[tuple[str, str]]:
    """A clause about a name of any type. What tells the type stands before or after it, some characters away."""
    name = (skewed(rng, SHARED_NAMES), slot.upper())
    if rng.random() < 0.5:
        return [(rng.choice(tables.KINDS[slot]) + rng.choice(tables.LINKS), ""), name, (rng.choice(tables.ENDS), "")]
    event = rng.choice(tables.ADVERBIALS) + rng.choice(tables.EVENTS[slot])
    return [(rng.choice(tables.BEGINNINGS), ""), name, (event, "")]


def _entity(rng: random.Random, slot: str) -> tuple[str, str]:
    """The text of a slot and its entity type, which is empty for a slot that is not an entity."""
    if slot == "number":
        return str(rng.randrange(1, 100)), ""
    if slot == "rare":
        return rare_character(rng), ""
    if slot == "any":
        return skewed(rng, SHARED_NAMES), rng.choice(tuple(_GENERATORS)).upper()
    return _GENERATORS[slot](rng), slot.upper()
