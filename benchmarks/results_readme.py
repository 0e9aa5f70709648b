"""Render the table of the READMEs from docs/results.json: a row for each corpus, in the README's own language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from results_measured import Measured, best_on_dev, best_published, score_metric
from results_tables import seconds_of

MARKS = ("<!-- results: made by benchmarks/results.py render -->", "<!-- end of results -->")
NONE = "–"  # in a cell without a result


@dataclass(frozen=True)
class Wording:
    """The words of a README's table.

    columns: its header; corpora: by corpus, what its rows are; corpus: the template of the first cell; metrics: names
    of the metrics that rank models.
    """

    columns: tuple[str, ...]
    corpora: Mapping[str, str]
    corpus: str
    metrics: Mapping[str, str]


ENGLISH = Wording(
    ("corpus", "best recurrent by dev", "best linear by dev", "best published", "training seconds, recurrent / linear"),
    {
        "amazon": "product reviews, 2 classes",
        "imdb": "film reviews, 2 classes",
        "msra": "Chinese sentences, 3 entity types",
        "names": "surnames, 18 countries",
        "thucnews": "Chinese headlines, 10 topics",
    },
    "`{name}`: {what}; {rows:,} rows; {metric}",
    {"accuracy": "accuracy", "entity_f1": "entity F1"},
)
CHINESE = Wording(
    ("语料", "dev 上最好的循环模型", "dev 上最好的线性模型", "已发表的最好成绩", "训练秒数：循环 / 线性"),
    {
        "amazon": "商品评论，2 类",
        "imdb": "影评，2 类",
        "msra": "中文句子，3 种实体",
        "names": "姓氏，18 个国家",
        "thucnews": "中文新闻标题，10 个主题",
    },
    "`{name}`：{what}；{rows:,} 行；{metric}",
    {"accuracy": "准确率", "entity_f1": "实体 F1"},
)
READMES = {Path("README.md"): ENGLISH, Path("README.zh-CN.md"): CHINESE}


def render_readme(runs: Mapping[str, Measured], text: str, wording: Wording) -> str:
    """Return the text of a README with a new table of test results between its two marks."""
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    lines = [f"| {' | '.join(wording.columns)} |", "|" + "---|" * len(wording.columns)]
    for corpus in dict.fromkeys(str(run.row["corpus"]) for run in runs.values()):
        cells = _cells(corpus, [run for run in runs.values() if run.row["corpus"] == corpus], wording)
        lines.append(f"| {' | '.join(cells)} |")
    return before + MARKS[0] + "\n" + "\n".join(lines) + "\n" + MARKS[1] + after


def _cells(corpus: str, runs: list[Measured], wording: Wording) -> Iterable[str]:
    metric = score_metric(runs)
    models = best_on_dev(runs, "recurrent"), best_on_dev(runs, "baseline"), best_published(runs, metric)
    yield wording.corpus.format(
        name=corpus,
        what=wording.corpora[corpus],
        rows=next((int(run.row["rows"]) for run in models if run), 0),
        metric=wording.metrics[metric],
    )
    for model in models:
        yield NONE if model is None else f"{_short_name(model)} {model.cell('test', metric)}"
    yield " / ".join(map(_seconds, models[:2]))


def _seconds(run: Measured | None) -> str:
    seconds = seconds_of(run) if run else ""
    return "< 1" if seconds == "0" else seconds or NONE


def _short_name(run: Measured) -> str:
    """The name of a model without the encoding that a linear one is trained on."""
    return run.name if run.family == "published" else f"`{run.name.rpartition(': ')[2]}`"
