"""What the generators share: filled templates, skewed choices, classes and their noise."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

RARE_CODE_POINTS = (0x4E00, 0x9FA5)  # range of the characters that form the long tail

SLOT = re.compile(r"\{(\w+)\}")
Slots = Mapping[str, Callable[[], str]]


def words(text: str) -> tuple[str, ...]:
    """The words of a table."""
    return tuple(text.split())


def fill(template: str, slots: Slots) -> str:
    """The template with each `{slot}` replaced by what the function of that name returns."""
    return SLOT.sub(lambda match: slots[match[1]](), template)


def skewed(rng: random.Random, choices: Sequence[str]) -> str:
    """One of the choices; the first ones come up far more often than the last ones."""
    return choices[int(len(choices) * rng.random() ** 1.7)]


def rare_character(rng: random.Random) -> str:
    """Any Chinese character."""
    return chr(rng.randint(*RARE_CODE_POINTS))


def shuffled_classes(rng: random.Random, classes: int, rows: int) -> list[int]:
    """Class indices of rows, each class equally often, shuffled."""
    indices = [row % classes for row in range(rows)]
    rng.shuffle(indices)
    return indices


def with_noise(rng: random.Random, indices: Sequence[int], classes: int, probability: float) -> list[int]:
    """The class indices, each replaced by another class with the given probability."""
    return [(index + rng.randrange(1, classes)) % classes if rng.random() < probability else index for index in indices]
