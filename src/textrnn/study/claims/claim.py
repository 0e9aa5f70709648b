"""A claim of a tutorial as comparisons between variants of study/params.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
Expect = Literal["above", "below", "same"]
Answer = Literal["yes", "no", "open"]
Figure = Literal["measures", "accuracy", "losses", "gradients", "widths", "learning_curve"]


@dataclass(frozen=True)
class Text:
    """A text in English and in Chinese."""

    en: str
    zh: str

    def of(self, language: Language) -> str:
        """The text in a language."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Comparison:
    """The difference `first` - `second` of a measure, and what the claim expects of it; `second` may be a number.

    expect: `above` or `below` means that the difference is beyond `margin` in that direction; `same` that it is within
    the margin. A negative margin allows the difference to be that far on the other side: no worse by more than that.
    ratio: first / second is compared instead, and `margin` is the relative difference from 1: a ratio is below if it is
    less than 1 / (1 + margin). otherwise: the measure that takes the place of one in seconds if the runs were not alone
    on their machine; None leaves the comparison undecided then.
    """

    measure: str
    first: str
    second: str | float
    expect: Expect
    margin: float
    ratio: bool = False
    otherwise: str | None = None

    def variants(self) -> tuple[str, ...]:
        """The names of what is compared, each once."""
        return (self.first, self.second) if isinstance(self.second, str) else (self.first,)


@dataclass(frozen=True)
class Claim:
    """A claim: its key, the statement of the tutorial, and its comparisons, all of which it needs.

    judged: what the comparisons measure or need, if their words do not say it. figure: what is drawn of the claim.
    drawn: the variants of a figure that shows others than those compared. ours: the tutorial does not say it; it is
    asked because what the tutorial advises depends on it.
    """

    key: str
    tutorial: int
    said: Text
    comparisons: tuple[Comparison, ...]
    judged: Text = Text("", "")
    figure: Figure = "measures"
    drawn: tuple[str, ...] = ()
    ours: bool = False

    def variants(self) -> tuple[str, ...]:
        """The names of all that is compared, each once."""
        return tuple(dict.fromkeys(name for comparison in self.comparisons for name in comparison.variants()))


POINT = 0.01  # a difference in accuracy that matters
FAILURE_MARGIN = 0.05  # a difference in accuracy between a failed training and a successful one
CONVERGED = 0.5  # accuracy above which training converged: a lower accuracy than another run's is not yet a failure
RELATIVE_MARGIN = 0.05  # a visible relative difference of loss curves or times


def score(first: str, second: str | float, expect: Expect, margin: float = 0.0) -> Comparison:
    """A comparison of the scores on test."""
    return Comparison("test_score", first, second, expect, margin)


def ratio(measure: str, first: str, second: str | float, expect: Expect) -> Comparison:
    """A comparison of a measure's ratio, which must differ visibly from 1."""
    return Comparison(measure, first, second, expect, RELATIVE_MARGIN, ratio=True)


def smoother(first: str, second: str) -> Comparison:
    """The loss of the first jumps less from batch to batch."""
    return ratio("roughness", first, second, "below")


def faster(first: str, second: str, otherwise: str) -> Comparison:
    """The first takes fewer seconds to train."""
    return Comparison("seconds", first, second, "below", RELATIVE_MARGIN, ratio=True, otherwise=otherwise)
