"""What was found by a comparison, in a line of English or of Chinese."""

from __future__ import annotations

import math
from typing import Literal

from textrnn.study.claims.claim import Comparison
from textrnn.study.claims.tutorial_5 import ACCURACY
from textrnn.study.verdicts.judging import Finding, margins
from textrnn.study.verdicts.measures import MEASURES

Language = Literal["en", "zh"]
SMALLEST_P = 0.001  # a smaller p-value is shown as less than this

PHRASES = {
    "en": {
        "against": "{title}, {first} against {second}",
        "of": "{title}, {first}",
        "above": "expected above {high}",
        "below": "expected below {low}",
        "same": "expected within {low} and {high}",
        "none": "{subject}: not measured, {expected}",
        "not alone": "{subject}: the runs were not alone on machines of one kind, so seconds say nothing",
        "stands in": " (in place of seconds: the runs were not alone on machines of one kind)",
        "one seed": "{mean} (one seed)",
        "seeds": " ({count} of {seeds} seeds)",
        "p": "p {p}",
        "p against": "p of the contrary {p}",
        "points": "{value:+.2f} points",
        "line": "{subject}: {measured}, {expected}; {p}",
        "needed": "; {goal} would take {mean} rows [{low}, {high}]",
        "never": "infinitely many",
    },
    "zh": {
        "against": "{title}，{first} 对 {second}",
        "of": "{title}，{first}",
        "above": "预期高于 {high}",
        "below": "预期低于 {low}",
        "same": "预期在 {low} 与 {high} 之间",
        "none": "{subject}：未测量，{expected}",
        "not alone": "{subject}：运行时机器上还有其他任务，或机器不同，秒数没有意义",
        "stands in": "（代替秒数：运行时机器上还有其他任务，或机器不同）",
        "one seed": "{mean}（一个种子）",
        "seeds": "（{seeds} 个种子中的 {count} 个）",
        "p": "p {p}",
        "p against": "相反情形的 p {p}",
        "points": "{value:+.2f} 个百分点",
        "line": "{subject}：{measured}，{expected}；{p}",
        "needed": "；达到 {goal} 需要 {mean} 行 [{low}, {high}]",
        "never": "任何数目的",
    },
}
Needed = tuple[float, float, float]  # rows, with the ends of an interval


def finding_words(finding: Finding, language: Language, needed: Needed | None = None) -> str:
    """One line: what is compared, the difference with its interval, the expectation, and the p-value that decides.

    needed: of a learning curve, the rows that it takes to the tutorial's accuracy.
    """
    phrases, comparison, evidence = PHRASES[language], finding.comparison, finding.evidence
    subject = _subject(comparison, language)
    lower, upper = (_amount(comparison, margin, language) for margin in margins(comparison))
    expected = phrases[comparison.expect].format(low=lower, high=upper)
    if evidence is None:
        return phrases["not alone" if finding.not_alone else "none"].format(subject=subject, expected=expected)
    mean, low, high = (_amount(comparison, value, language) for value in (evidence.mean, evidence.low, evidence.high))
    measured = f"{mean} [{low}, {high}]" if math.isfinite(evidence.low) else phrases["one seed"].format(mean=mean)
    if 1 < evidence.count < finding.seeds:
        measured += phrases["seeds"].format(count=evidence.count, seeds=finding.seeds)
    if finding.not_alone:
        measured += phrases["stands in"]
    supports = finding.p_support <= finding.p_against
    p = phrases["p" if supports else "p against"].format(p=p_text(min(finding.p_support, finding.p_against)))
    line = phrases["line"].format(subject=subject, measured=measured, expected=expected, p=p)
    return line if needed is None else line + _needed(needed, language)


def p_text(p: float) -> str:
    """A p-value with two digits."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"= {p:.2g}"


def _subject(comparison: Comparison, language: Language) -> str:
    title = getattr(MEASURES[comparison.measure].title, language)
    if isinstance(comparison.second, str):
        names = {"first": comparison.first, "second": comparison.second}
        return PHRASES[language]["against"].format(title=title, **names)
    if comparison.second == 0:
        return PHRASES[language]["of"].format(title=title, first=comparison.first)
    second = f"{100 * comparison.second:g}%" if MEASURES[comparison.measure].percent else f"{comparison.second:g}"
    return PHRASES[language]["against"].format(title=title, first=comparison.first, second=second)


def _amount(comparison: Comparison, value: float, language: Language) -> str:
    if comparison.ratio:
        return f"x{math.exp(value):.3g}" if math.isfinite(value) else "x?"
    if MEASURES[comparison.measure].percent:
        return PHRASES[language]["points"].format(value=100 * value)
    return f"{value:+.3g}"


def _needed(needed: Needed, language: Language) -> str:
    phrases = PHRASES[language]
    mean, low, high = (f"{value:,.3g}" if value < 1e15 else phrases["never"] for value in needed)
    return phrases["needed"].format(goal=f"{100 * ACCURACY:.1f}%", mean=mean, low=low, high=high)
