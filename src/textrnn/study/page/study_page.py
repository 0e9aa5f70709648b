"""The study as a page, in English and in Chinese: a table of verdicts, then each claim with its finding and figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from textrnn.errors import UserError, plural, shorten
from textrnn.study.claims.claim import Language
from textrnn.study.page.page_texts import PARTS, REASONS, RULES, SUBJECTS, VERDICTS
from textrnn.study.plan.json_files import read_results
from textrnn.study.verdicts.measures import MEASURES
from textrnn.study.verdicts.resampling import RESAMPLES
from textrnn.study.verdicts.verdict_forms import ClaimValues, Verdicts
from textrnn.study.verdicts.wording import p_text


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
    parts = PARTS[language]
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
        "",
        parts["see_rules"],
        "",
    ]
    tutorials = sorted({claim["tutorial"] for claim in verdicts["claims"]})
    for number in tutorials:
        claims = [claim for claim in verdicts["claims"] if claim["tutorial"] == number]
        heading = parts["tutorial"].format(number=number, subject=SUBJECTS[number].of(language))
        lines += [f"## {heading}", "", *_verdict_table(claims, language)]
        for place, claim in enumerate(claims, start=1):
            lines += _section(f"{number}.{place}", claim, plots, folder, language)
    return "\n".join(lines + _rules(verdicts, language))


def _rules(verdicts: Verdicts, language: Language) -> list[str]:
    level, alpha = (f"{100 * verdicts[name]:.0f}%" for name in ("level", "alpha"))
    values = {"level": level, "alpha": alpha, "resamples": f"{RESAMPLES:,}"}
    rules = [f"* {rule.format(**values)}" for rule in RULES[language]]
    return ['<a id="rules"></a>', "", f"## {PARTS[language]['rules']}", "", *rules, ""]


def terminal_lines(verdicts: Verdicts) -> list[str]:
    """Return the verdicts for a terminal: one line per claim, followed by one line per comparison."""
    output = []
    for claim in verdicts["claims"]:
        output.append(f"{claim['verdict']:<14} {claim['claim']}: {claim['said']}")
        output += [f"{'':<15}{finding['words']}" for finding in claim["findings"]]
        output += [f"{'':<15}{claim['lacks']}"] if claim["missing"] else []
    return output


def describe_scale(verdicts: Verdicts, language: Language = "en") -> str:
    """How many runs there are, and on how many rows and epochs."""
    done, planned, threads = verdicts["runs"], verdicts["planned_runs"], ", ".join(map(str, verdicts["threads"]))
    if language == "zh":
        if not done:
            return f"计划的 {planned} 次训练尚未进行，目前只判断了不需要训练的说法"
        sizes = "，".join(f"`{row['recipe']}` {row['rows']:,} 行、{row['epochs']:g} 轮" for row in verdicts["scale"])
        return f"计划的 {planned} 次训练已完成 {done} 次（CPU，{threads} 线程）；各配方规模最大的训练：{sizes}"
    if not done:
        return f"None of the {planned} training runs has been made yet; only claims without training are judged"
    sizes = ", ".join(
        f"`{row['recipe']}` on {plural(row['rows'], 'row')} for {plural(row['epochs'], 'epoch')}"
        for row in verdicts["scale"]
    )
    return (
        f"{done} of {plural(planned, 'training run')} are done, on the CPU (threads: {threads}). "
        f"The largest runs of each recipe: {sizes}"
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
    """The runs that are missing or the p-values, what explains the result, and how the claim is judged."""
    parts = PARTS[language]
    if claim["missing"]:
        lines = [claim["lacks_zh"] if language == "zh" else claim["lacks"]]
    else:
        p_values = {"support": p_text(claim["p_support"]), "against": p_text(claim["p_against"])}
        lines = [parts["p"].format(**p_values), *_reason(claim, language)]
    why, judged = (claim["why_zh"], claim["judged_zh"]) if language == "zh" else (claim["why"], claim["judged"])
    lines += [parts["why"].format(note=why)] if why else []
    lines += [parts["judged"].format(note=judged)] if judged else []
    return [part for line in lines for part in (line, "")]


def _reason(claim: ClaimValues, language: Language) -> list[str]:
    """What keeps a claim undecided whose comparisons all have an answer."""
    answers = {finding["answer"] for finding in claim["findings"]}
    if claim["verdict"] != "undecided" or None in answers:
        return []
    return [REASONS[language]["no" if "no" in answers else "open" if "open" in answers else "yes"]]
