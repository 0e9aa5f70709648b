"""A value that a rule gave where the params leave it to the corpus, as statistics and cards record it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RuleValue:
    """The dotted name of a param, what the params ask for, the value that is used, and what that follows from."""

    name: str
    asked: str | int
    used: int | float
    follows: str
