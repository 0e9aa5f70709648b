"""What was found by a comparison, in a line of English or of Chinese."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from textrnn.study.claims.claim import Comparison, Language
from textrnn.study.claims.titles import TITLES
from textrnn.study.claims.tutorial_5 import ACCURACY
from textrnn.study.verdicts.judging import Finding, margins
from textrnn.study.verdicts.measures import MEASURES

SMALLEST_P = 0.001  # a smaller p-value is shown as less than this
MOST_MISSING = 4  # variants that are named, of those whose runs a claim lacks
LARGEST_ROUNDING = 1e-8  # a margin that only allows for rounding
LARGEST_PLAIN = 1e6  # a larger number is shown as a power of ten

PHRASES: dict[Language, dict[str, str]] = {
    "en": {
        "compared": "{title}: {first} against {second}",
        "value": "{value} ({name})",
        "found": "{compared}; difference {difference}",
        "found ratio": "{compared}; change {difference}",
        "found alone": "{title}: {difference} ({first})",
        "line": "{found}; needed {needed}: {outcome} ({p})",
        "p": "p {p}",
        "certain": "the same for all seeds",
        "yes": "yes",
        "no": "no",
        "open": "open",
        "above": "above {high}",
        "below": "below {low}",
        "same": "within {low} and {high}",
        "within": "within \N{PLUS-MINUS SIGN}{high}",
        "most": "at most {high}",
        "exact": "no difference",
        "not measured": "{compared}: not measured; needed {needed}",
        "not alone": "{compared}: not judged, as other programs ran at the same time, or the machines differ",
        "stands in": "{title} (in place of seconds, which say nothing: other programs ran, or the machines differ)",
        "interval": "{mean} [{low}, {high}]",
        "one seed": "{measured} (one seed)",
        "seeds": "{measured} ({count} of {seeds} seeds)",
        "points": "{value} points",
        "rows": "{line}; {goal} would take {mean} rows [{low}, {high}]",
        "never": "infinitely many",
        "missing": "Not run yet: {names}.",
        "more": "{names}, and {count} more",
        "semicolon": "; ",
        "run": "{name} (seeds {seeds})",
        "cells": "comparison of the cells",
    },
    "zh": {
        "compared": "{title}：{first} 与 {second} 相比",
        "value": "{value}（{name}）",
        "found": "{compared}；差值 {difference}",
        "found ratio": "{compared}；变化 {difference}",
        "found alone": "{title}：{difference}（{first}）",
        "line": "{found}；要求{needed}，{outcome}（{p}）",
        "p": "p {p}",
        "certain": "所有种子都一样",
        "yes": "满足",
        "no": "不满足",
        "open": "无法判断",
        "above": "高于 {high}",
        "below": "低于 {low}",
        "same": "在 {low} 与 {high} 之间",
        "within": "不超出 \N{PLUS-MINUS SIGN}{high}",
        "most": "不超过 {high}",
        "exact": "没有差别",
        "not measured": "{compared}：未测量；要求{needed}",
        "not alone": "{compared}：不作判断，因为当时机器上还有其他程序，或机器型号不同",
        "stands in": "{title}（代替秒数，因为当时机器上还有其他程序，或机器型号不同）",
        "interval": "{mean} [{low}, {high}]",
        "one seed": "{measured}（一个种子）",
        "seeds": "{measured}（{seeds} 个种子中已有 {count} 个）",
        "points": "{value} 个百分点",
        "rows": "{line}；达到 {goal} 需要 {mean} 行 [{low}, {high}]",
        "never": "无穷多",
        "missing": "尚未运行：{names}。",
        "more": "{names}，另有 {count} 个",
        "semicolon": "；",
        "run": "{name}（种子 {seeds}）",
        "cells": "循环单元的比较",
    },
}
Needed = tuple[float, float, float]  # rows, with the ends of an interval


def finding_words(finding: Finding, means: Mapping[str, float], language: Language, rows: Needed | None = None) -> str:
    """One line: both sides, their difference with its interval, what the claim needs, and whether it is so.

    means: of the measure, by variant. rows: of a learning curve, those that it takes to the tutorial's accuracy.
    """
    phrases, comparison, evidence = PHRASES[language], finding.comparison, finding.evidence
    needed = _needed(comparison, language)
    if evidence is None:
        phrase = phrases["not alone" if finding.not_alone else "not measured"]
        return phrase.format(compared=_compared(finding, {}, language), needed=needed)
    p, found = min(finding.p_support, finding.p_against), _found(finding, means, language)
    certain = evidence.count > 1 and not evidence.varies
    known = phrases["certain"] if certain else phrases["p"].format(p=p_text(p))
    line = phrases["line"].format(found=found, needed=needed, outcome=phrases[finding.answer or "open"], p=known)
    return line if rows is None else _with_rows(line, rows, language)


def missing_words(runs: Sequence[tuple[str, int]], language: Language) -> str:
    """One line: the variants with the seeds that are missing of each; empty if none is."""
    phrases, seeds = PHRASES[language], dict[str, list[str]]()
    for variant, seed in runs:
        seeds.setdefault(variant, []).append(str(seed))
    listed = [
        phrases["run"].format(name=TITLES[variant].of(language), seeds=", ".join(each))
        if variant in TITLES
        else phrases["cells"]
        for variant, each in seeds.items()
    ]
    shown = phrases["semicolon"].join(listed[:MOST_MISSING])
    if len(listed) > MOST_MISSING:
        shown = phrases["more"].format(names=shown, count=len(listed) - MOST_MISSING)
    return phrases["missing"].format(names=shown) if listed else ""


def p_text(p: float) -> str:
    """A p-value with two digits."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"= {p:.2g}"


def _found(finding: Finding, means: Mapping[str, float], language: Language) -> str:
    comparison, evidence = finding.comparison, finding.evidence
    assert evidence is not None
    if not isinstance(comparison.second, str) and not comparison.ratio:
        means = {comparison.first: comparison.second + evidence.mean, **means}
    difference, phrases = _difference(finding, language), PHRASES[language]
    if comparison.second == 0:
        names = {"title": _title(finding, language), "first": TITLES[comparison.first].of(language)}
        return phrases["found alone"].format(difference=difference, **names)
    phrase = phrases["found ratio" if comparison.ratio else "found"]
    return phrase.format(compared=_compared(finding, means, language), difference=difference)


def _compared(finding: Finding, means: Mapping[str, float], language: Language) -> str:
    """The measure and both sides, each with its mean if it is known."""
    comparison = finding.comparison
    measure = MEASURES[comparison.measure]

    def side(name: str | float) -> str:
        if not isinstance(name, str):
            return f"{100 * name:g}%" if measure.percent else f"{name:g}"
        title = TITLES[name].of(language)
        if name not in means:
            return title
        value = f"{100 * means[name]:.2f}%" if measure.percent else _plain(means[name])
        return PHRASES[language]["value"].format(value=value, name=title)

    sides = {"first": side(comparison.first), "second": side(comparison.second)}
    compared = PHRASES[language]["compared"].format(title=_title(finding, language), **sides)
    return compared.replace("） ", "）")  # a full-width bracket has a space of its own


def _title(finding: Finding, language: Language) -> str:
    title = MEASURES[finding.comparison.measure].title.of(language)
    stands_in = finding.not_alone and finding.evidence is not None
    return PHRASES[language]["stands in"].format(title=title) if stands_in else title


def _plain(value: float) -> str:
    return f"{value:,.0f}" if 999.5 <= value < LARGEST_PLAIN else f"{value:.3g}"


def _difference(finding: Finding, language: Language) -> str:
    phrases, comparison, evidence = PHRASES[language], finding.comparison, finding.evidence
    assert evidence is not None
    mean, low, high = (_amount(comparison, value) for value in (evidence.mean, evidence.low, evidence.high))
    has_interval = math.isfinite(evidence.low)
    measured = phrases["interval"].format(mean=mean, low=low, high=high) if has_interval else mean
    if _in_points(comparison):
        measured = phrases["points"].format(value=measured)
    if not has_interval:
        measured = phrases["one seed"].format(measured=measured)
    if 1 < evidence.count < finding.seeds:
        measured = phrases["seeds"].format(measured=measured, count=evidence.count, seeds=finding.seeds)
    return measured


def _amount(comparison: Comparison, value: float) -> str:
    """A difference with its sign: a relative one in percent, one of fractions in points; a value by itself has none."""
    if comparison.ratio:
        change = 100 * math.expm1(value)
        return f"{change:+,.0f}%" if abs(change) >= 1000 else f"{change:+.1f}%"
    if _by_itself(comparison):
        return f"{100 * value:.2f}%" if MEASURES[comparison.measure].percent else f"{value:.3g}"
    return f"{100 * value:+.2f}" if MEASURES[comparison.measure].percent else f"{value:+.3g}"


def _needed(comparison: Comparison, language: Language) -> str:
    """What the claim needs of the difference."""
    phrases, (lower, upper) = PHRASES[language], margins(comparison)
    if comparison.expect == "same" and comparison.margin <= LARGEST_ROUNDING:
        return phrases["exact"]
    low, high = (_limit(comparison, margin) for margin in (lower, upper))
    kind: str = comparison.expect
    if kind == "same" and not comparison.ratio:
        kind, high = "most" if _by_itself(comparison) else "within", high.lstrip("+")
    text = phrases[kind].format(low=low, high=high)
    return phrases["points"].format(value=text) if _in_points(comparison) else text


def _by_itself(comparison: Comparison) -> bool:
    """Whether a value is compared with nothing and is no difference: it is shown as it is."""
    return comparison.second == 0 and not comparison.ratio and not MEASURES[comparison.measure].difference


def _in_points(comparison: Comparison) -> bool:
    """Whether differences of the measure are percentage points."""
    return MEASURES[comparison.measure].percent and not comparison.ratio and not _by_itself(comparison)


def _limit(comparison: Comparison, margin: float) -> str:
    if comparison.ratio:
        return f"{100 * math.expm1(margin):+.1f}%"
    percent = MEASURES[comparison.measure].percent
    scaled = 100 * margin if percent else margin
    if _by_itself(comparison):
        return f"{scaled:.3g}%" if percent else f"{scaled:.3g}"
    return f"{scaled:+.3g}" if scaled else "0"


def _with_rows(line: str, rows: Needed, language: Language) -> str:
    phrases = PHRASES[language]
    mean, low, high = (f"{value:,.3g}" if value < 1e15 else phrases["never"] for value in rows)
    return phrases["rows"].format(line=line, goal=f"{100 * ACCURACY:.1f}%", mean=mean, low=low, high=high)
