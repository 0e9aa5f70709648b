"""The study as a page, in English and in Chinese: a table of verdicts, then each claim with its finding and figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from textrnn.errors import UserError, plural, shorten
from textrnn.study.claims.all_claims import CELLS
from textrnn.study.plan.json_files import read_results
from textrnn.study.verdicts.measures import MEASURES
from textrnn.study.verdicts.verdict_forms import ClaimValues, Verdicts
from textrnn.study.verdicts.wording import Language, p_text

MOST_MISSING = 4  # variants that are named, of those whose runs a claim lacks
PARTS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "The study",
        "links": "English | [中文](study.zh-CN.md)",
        "intro": "After this page you can say of each claim of the five tutorials whether it holds, by how much, and "
        "how certain that is. {scale}. Made by `{command}`.",
        "table": "| | claim | verdict |",
        "found": "Found",
        "why": "Why",
        "missing": "Not run yet, by seed: {names}.",
        "more": "{names} and {count} variants more",
        "p": "After Holm's correction: p of support {support}, p of refutation {against}.",
        "repeat": "To make its runs: `{command}`",
        "ours": "the tutorial does not say it; its advice depends on it",
        "tutorial": "Tutorial {number}",
    },
    "zh": {
        "title": "研究",
        "links": "[English](study.md) | 中文",
        "intro": "读完本页，您可以说出五篇教程的每一条说法是否成立、相差多少、有多大把握。"
        "{scale}。由 `{command}` 生成。",
        "table": "| | 说法 | 结论 |",
        "found": "结果",
        "why": "说明",
        "missing": "尚未运行（种子）：{names}。",
        "more": "{names} 等，另有 {count} 个变体",
        "p": "经 Holm 校正：支持的 p {support}，反驳的 p {against}。",
        "repeat": "进行这些运行：`{command}`",
        "ours": "教程没有这样说，但它的建议取决于此",
        "tutorial": "教程 {number}",
    },
}
RULES: dict[Language, tuple[str, ...]] = {
    "en": (
        "Comparisons and margins were fixed before the runs.",
        "A bracket is a {level} interval by Student's t over seeds. For scores on test it includes the chance of the "
        "test rows, from resampled rows. Differences are paired by seed.",
        "A claim is supported only if all its comparisons are, so its p-value is the largest of theirs, corrected by "
        "Holm for all claims. At {alpha} or less the claim is supported, or not supported; otherwise it is undecided.",
        "Seconds count only if each run had its machine to itself and all machines are of one kind.",
        "Verdicts hold for these corpora, sizes and epochs.",
    ),
    "zh": (
        "比较和界限在运行之前已经确定。",
        "方括号为 {level} 区间，用对种子的 t 分布；测试集得分还计入测试行的偶然性，由重抽样的测试行得出。"
        "差值按种子配对。",
        "一个说法需要其全部比较成立，所以它的 p 值取最弱的一项，并对全部说法做 Holm 校正。"
        "p 值不超过 {alpha} 时为成立或不成立，否则为未定。",
        "只有每次运行都独占机器、且机器相同，才比较秒数。",
        "结论只对这些语料、规模和轮数有效。",
    ),
}
VERDICTS: dict[Language, dict[str, str]] = {
    "en": {name: name for name in ("supported", "not supported", "undecided", "not run yet")},
    "zh": {"supported": "成立", "not supported": "不成立", "undecided": "未定", "not run yet": "尚未运行"},
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
        parts["intro"].format(scale=describe_scale(verdicts, language), command=command),
    ]
    alpha = f"{100 * verdicts['alpha']:.0f}%"
    lines += ["", *(f"* {rule.format(level=level, alpha=alpha)}" for rule in RULES[language]), ""]
    tutorials = sorted({claim["tutorial"] for claim in verdicts["claims"]})
    for number in tutorials:
        claims = [claim for claim in verdicts["claims"] if claim["tutorial"] == number]
        lines += [f"## {parts['tutorial'].format(number=number)}", "", *_verdict_table(claims, language)]
        for claim in claims:
            lines += _section(claim, plots, folder, language)
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
            return f"{planned} 次训练还没有进行，目前只对不需要训练的说法作出了判断"
        sizes = "，".join(f"{row['recipe']} {row['rows']:,} 行、{row['epochs']:g} 轮" for row in verdicts["scale"])
        return f"{planned} 次训练中进行了 {done} 次（CPU，{threads} 线程）；至多 {sizes}"
    if not done:
        return f"None of the {planned} training runs has been made yet; only claims without training are judged"
    sizes = ", ".join(
        f"{row['recipe']} on {plural(row['rows'], 'row')} for {plural(row['epochs'], 'epoch')}"
        for row in verdicts["scale"]
    )
    return f"{done} of {plural(planned, 'run')}, on the CPU, threads: {threads}; at most {sizes}"


def _verdict_table(claims: Sequence[ClaimValues], language: Language) -> list[str]:
    rows = [
        f"| {number} | {_said(claim, language)} | [{VERDICTS[language][claim['verdict']]}](#{claim['claim']}) |"
        for number, claim in enumerate(claims, start=1)
    ]
    return [PARTS[language]["table"], "|---|---|---|", *rows, ""]


def _said(claim: ClaimValues, language: Language) -> str:
    return claim["said"] if language == "en" else claim["said_zh"]


def _section(claim: ClaimValues, plots: Sequence[str], folder: str, language: Language) -> list[str]:
    key, parts, english = claim["claim"], PARTS[language], language == "en"
    ours = f" ({parts['ours']})" if claim["ours"] else ""
    verdict = VERDICTS[language][claim["verdict"]].capitalize()
    end = "." if english else "。"
    output = [f"### {key}", "", f"{_said(claim, language)}{ours} **{verdict}{end}**", ""]
    if claim["missing"]:
        output += [_missing(claim["missing"], language), ""]
    output += [f"{parts['found']}:", ""]
    output += [f"* {finding['words'] if english else finding['words_zh']}" for finding in claim["findings"]]
    if not claim["missing"]:
        output += ["", parts["p"].format(support=p_text(claim["p_support"]), against=p_text(claim["p_against"]))]
    output.append("")
    note = claim["note"] if english else claim["note_zh"]
    output += [f"{parts['why']}: {note}", ""] if note else []
    if f"{key}.svg" in plots:
        output += [f"![{key}]({folder}/{key}.svg)", ""]
    return [*output, parts["repeat"].format(command=_command(claim)), ""]


def _missing(names: Sequence[str], language: Language) -> str:
    """The variants with the seeds that are missing of each."""
    seeds: dict[str, list[str]] = {}
    for name in names:
        variant, _, seed = name.rpartition("-")
        seeds.setdefault(variant, []).append(seed)
    parts, listed = PARTS[language], [f"{variant} ({', '.join(each)})" for variant, each in seeds.items()]
    shown = ", ".join(listed[:MOST_MISSING])
    if len(listed) > MOST_MISSING:
        shown = parts["more"].format(names=shown, count=len(listed) - MOST_MISSING)
    return parts["missing"].format(names=shown)


def _command(claim: ClaimValues) -> str:
    named: Mapping[str, None] = dict.fromkeys(
        side for finding in claim["findings"] for side in (finding["first"], finding["second"]) if isinstance(side, str)
    )
    if CELLS & named.keys():
        return "dvc repro -f -s study/dvc.yaml:study_cells"
    return f"make study SOURCE=<folder> VECTORS=<folder> CLAIMS={claim['claim']}"
