"""The study as a page, in English and in Chinese: a table of verdicts, then each claim with its finding and figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from textrnn.errors import UserError, plural, shorten
from textrnn.study.claims.claim import Language, Text
from textrnn.study.claims.titles import TITLES
from textrnn.study.plan.json_files import read_results
from textrnn.study.verdicts.measures import MEASURES
from textrnn.study.verdicts.verdict_forms import ClaimValues, Verdicts
from textrnn.study.verdicts.wording import p_text

MOST_MISSING = 4  # variants that are named, of those whose runs a claim lacks
PARTS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "The study",
        "links": "English | [中文](study.zh-CN.md)",
        "intro": "After this page you can say of each claim of the five tutorials whether it holds, by how much, and "
        "how certain that is.",
        "counts": "Of {all} claims, {counts}. {scale}.",
        "count": "{count} are {verdict}",
        "comma": ", ",
        "semicolon": "; ",
        "repeat": "`{command}` makes the runs and this page. `CLAIMS=<keys>` limits it to some claims; their keys are "
        "in parentheses.",
        "table": "| | claim | verdict |",
        "verdict": "**{verdict}.** (`{key}`)",
        "found": "Found:",
        "why": "How it was judged: {note}",
        "missing": "Not run yet: {names}.",
        "more": "{names}, and {count} more",
        "run": "{name} (seeds {seeds})",
        "cells": "comparison of the cells",
        "p": "After Holm's correction: p of support {support}, p of refutation {against}.",
        "ours": "The tutorial does not claim this; it is tested in addition.",
        "tutorial": "Tutorial {number}: {subject}",
    },
    "zh": {
        "title": "研究",
        "links": "[English](study.md) | 中文",
        "intro": "读完本页，您可以说出五篇教程的每一条说法是否成立、相差多少、有多大把握。",
        "counts": "共 {all} 条说法：{counts}。{scale}。",
        "count": "{count} 条{verdict}",
        "comma": "，",
        "semicolon": "；",
        "repeat": "`{command}` 完成全部训练并生成本页；加上 `CLAIMS=<keys>` 则只做部分说法的训练，key 在括号中。",
        "table": "| | 说法 | 结论 |",
        "verdict": "**{verdict}。**（`{key}`）",
        "found": "结果：",
        "why": "如何判断：{note}",
        "missing": "尚未运行：{names}。",
        "more": "{names}，另有 {count} 个",
        "run": "{name}（种子 {seeds}）",
        "cells": "循环单元的比较",
        "p": "Holm 校正后：支持该说法的 p {support}，反驳该说法的 p {against}。",
        "ours": "教程没有这样说，这是另外检验的。",
        "tutorial": "教程 {number}：{subject}",
    },
}
RULES: dict[Language, tuple[str, ...]] = {
    "en": (
        "Comparisons and margins were fixed before the runs. A claim is supported only if all its comparisons are.",
        "The score is accuracy; of a model that tags entities, it is the F1 of entities.",
        "A bracket is a {level} interval by Student's t over seeds. For scores on test it includes the chance of the "
        "test rows, from resampled rows. Differences are paired by seed.",
        "Each comparison has an answer of its own: yes, no, or open where its p is above {alpha}. These answers are "
        "not corrected, so a claim with a no can still be undecided. A claim's p of support is the largest p of its "
        "comparisons; its p of refutation is the smallest p of the opposite, times their number. Holm's method "
        "corrects both over all claims, also over those not run yet. At {alpha} or less the claim is supported, or not "
        "supported; otherwise it is undecided. A run that diverged counts as not measured.",
        "Seconds count only if each run had its machine to itself and all machines are of one kind.",
        "Verdicts hold for these corpora, sizes and epochs.",
    ),
    "zh": (
        "比较哪些量、界限是多少，都在运行之前定好。全部比较都成立，一条说法才成立。",
        "得分指准确率；标注实体的模型指实体 F1。",
        "方括号中是 {level} 区间，按各种子的结果用 t 分布计算；测试集得分的区间还计入测试行的偶然性（对测试行重抽样）。"
        "差值按种子配对计算。",
        "每项比较各有答案：满足、不满足，或 p 大于 {alpha} 时未定。这些答案未经校正，所以有一项不满足的说法仍可能未定。"
        "说法的支持的 p 取各项比较中最大的一个；反驳的 p 取相反结论的 p 中最小的一个，再乘以比较的项数。"
        "两者都对全部说法做 Holm 校正，尚未运行的也计算在内。"
        "p 值不超过 {alpha} 时判为成立或不成立，否则为未定。发散的运行视为未测量。",
        "只有各次运行都独占机器，且机器型号相同，才比较用时。",
        "结论只对这些语料、规模和轮数有效。",
    ),
}
VERDICTS: dict[Language, dict[str, str]] = {
    "en": {name: name for name in ("supported", "not supported", "undecided", "not run yet")},
    "zh": {"supported": "成立", "not supported": "不成立", "undecided": "未定", "not run yet": "尚未运行"},
}


SUBJECTS = {
    1: Text("an RNN on headlines", "用 RNN 给新闻标题分类"),
    2: Text("a bidirectional GRU on names", "用双向 GRU 判断姓氏所属的国家"),
    3: Text(
        "a bidirectional LSTM on headlines, with and without LayerNorm",
        "用双向 LSTM 给新闻标题分类，有 LayerNorm 和没有 LayerNorm",
    ),
    4: Text("a GRU from scratch for Chinese named entities", "从零实现 GRU，做中文命名实体识别"),
    5: Text("an LSTM for the sentiment of reviews", "用 LSTM 判断评论的情感"),
}


def read_verdicts(path: Path) -> Verdicts:
    """The content of verdicts.json. Raises UserError if it is missing, damaged or has measures of another version."""
    verdicts = read_results(path, Verdicts)
    unknown = sorted({name for claim in verdicts["claims"] for name in claim["measured"]} - MEASURES.keys())
    if unknown:
        raise UserError(path, "is damaged", got=f"the measure {shorten(unknown[0])}", do="run make study again")
    return verdicts


def render(verdicts: Verdicts, plots: Sequence[str], folder: str, command: str, language: Language = "en") -> str:
    """Return the page in Markdown.

    plots: file names in `folder`, `<claim>.svg`; command: the command that produced the whole study.
    """
    parts, level = PARTS[language], f"{100 * verdicts['level']:.0f}%"
    lines = [
        f"# {parts['title']}",
        "",
        parts["links"],
        "",
        parts["intro"],
        "",
        _counts(verdicts, language),
        "",
        parts["repeat"].format(command=command),
    ]
    alpha = f"{100 * verdicts['alpha']:.0f}%"
    lines += ["", *(f"* {rule.format(level=level, alpha=alpha)}" for rule in RULES[language]), ""]
    tutorials = sorted({claim["tutorial"] for claim in verdicts["claims"]})
    for number in tutorials:
        claims = [claim for claim in verdicts["claims"] if claim["tutorial"] == number]
        heading = parts["tutorial"].format(number=number, subject=SUBJECTS[number].of(language))
        lines += [f"## {heading}", "", *_verdict_table(claims, language)]
        for place, claim in enumerate(claims, start=1):
            lines += _section(f"{number}.{place}", claim, plots, folder, language)
    return "\n".join(lines)


def terminal_lines(verdicts: Verdicts) -> list[str]:
    """Return the verdicts for a terminal: one line per claim, followed by one line per comparison."""
    output = []
    for claim in verdicts["claims"]:
        output.append(f"{claim['verdict']:<14} {claim['claim']}: {claim['said']}")
        output += [f"{'':<15}{finding['words']}" for finding in claim["findings"]]
        if claim["missing"]:
            output.append(f"{'':<15}{_missing(claim['missing'], 'en')}")
    return output


def describe_scale(verdicts: Verdicts, language: Language = "en") -> str:
    """How many runs there are, and on how many rows and epochs."""
    done, planned, threads = verdicts["runs"], verdicts["planned_runs"], ", ".join(map(str, verdicts["threads"]))
    if language == "zh":
        if not done:
            return f"计划的 {planned} 次训练尚未进行，目前只判断了不需要训练的说法"
        sizes = "，".join(f"{row['recipe']} {row['rows']:,} 行、{row['epochs']:g} 轮" for row in verdicts["scale"])
        return f"计划的 {planned} 次训练已完成 {done} 次（CPU，{threads} 线程）；各配方至多：{sizes}"
    if not done:
        return f"None of the {planned} training runs has been made yet; only claims without training are judged"
    sizes = ", ".join(
        f"{row['recipe']} on {plural(row['rows'], 'row')} for {plural(row['epochs'], 'epoch')}"
        for row in verdicts["scale"]
    )
    return (
        f"{done} of {plural(planned, 'training run')} are done, on the CPU, threads: {threads}. "
        f"At most, by recipe: {sizes}"
    )


def _counts(verdicts: Verdicts, language: Language) -> str:
    """How many claims have which verdict, and how many runs were made."""
    parts, found = PARTS[language], Counter(claim["verdict"] for claim in verdicts["claims"])
    counts = [
        parts["count"].format(count=found[verdict], verdict=shown)
        for verdict, shown in VERDICTS[language].items()
        if found[verdict]
    ]
    scale = describe_scale(verdicts, language)
    return parts["counts"].format(all=len(verdicts["claims"]), counts=parts["comma"].join(counts), scale=scale)


def _verdict_table(claims: Sequence[ClaimValues], language: Language) -> list[str]:
    rows = []
    for number, claim in enumerate(claims, start=1):
        verdict = f"[{VERDICTS[language][claim['verdict']]}](#{claim['claim']})"
        rows.append(f"| {claim['tutorial']}.{number} | {_said(claim, language)} | {verdict} |")
    return [PARTS[language]["table"], "|---|---|---|", *rows, ""]


def _said(claim: ClaimValues, language: Language) -> str:
    return claim["said"] if language == "en" else claim["said_zh"]


def _section(number: str, claim: ClaimValues, plots: Sequence[str], folder: str, language: Language) -> list[str]:
    key, parts, said = claim["claim"], PARTS[language], _said(claim, language)
    verdict = VERDICTS[language][claim["verdict"]].capitalize()
    output = [
        f'<a id="{key}"></a>',
        "",
        f"### {number} {said}",
        "",
        parts["verdict"].format(verdict=verdict, key=key),
        "",
    ]
    output += [parts["ours"], ""] if claim["ours"] else []
    output += [f"![{said}]({folder}/{key}.svg)", ""] if f"{key}.svg" in plots else []
    return output + _findings(claim, language) + _judgement(claim, language)


def _findings(claim: ClaimValues, language: Language) -> list[str]:
    """What was measured; of a claim that lacks runs, only what could be measured."""
    words = [
        finding["words_zh"] if language == "zh" else finding["words"]
        for finding in claim["findings"]
        if finding["difference"] is not None or not claim["missing"]
    ]
    return [PARTS[language]["found"], "", *(f"* {line}" for line in words), ""] if words else []


def _judgement(claim: ClaimValues, language: Language) -> list[str]:
    """The p-values or the runs that are missing, and how the claim is judged."""
    parts, note = PARTS[language], claim["note_zh"] if language == "zh" else claim["note"]
    p_values = {"support": p_text(claim["p_support"]), "against": p_text(claim["p_against"])}
    last = _missing(claim["missing"], language) if claim["missing"] else parts["p"].format(**p_values)
    return [last, "", *([parts["why"].format(note=note), ""] if note else [])]


def _missing(names: Sequence[str], language: Language) -> str:
    """The variants with the seeds that are missing of each."""
    parts, seeds = PARTS[language], dict[str, list[str]]()
    for name in names:
        variant, _, seed = name.rpartition("-")
        seeds.setdefault(variant, []).append(seed)
    listed = [
        parts["run"].format(name=TITLES[variant].of(language), seeds=", ".join(each))
        if variant in TITLES
        else parts["cells"]
        for variant, each in seeds.items()
    ]
    shown = parts["semicolon"].join(listed[:MOST_MISSING])
    if len(listed) > MOST_MISSING:
        shown = parts["more"].format(names=shown, count=len(listed) - MOST_MISSING)
    return parts["missing"].format(names=shown)
