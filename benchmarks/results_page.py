"""Render docs/results.md and the table of the READMEs from docs/results.json."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results_runs import RUNS, TARGETS

RESULTS = Path("docs/results.json")
TABLE = Path("docs/results.md")
READMES = (Path("README.md"), Path("README.zh-CN.md"))
MARKS = ("<!-- results: made by benchmarks/results.py render -->", "<!-- end of results -->")
UNSEEN = "test, text not known"
WITHOUT_LONGEST = "test, less the fullest row"
BEATEN = "beaten by a baseline"
METRIC_NAMES = {"accuracy": "accuracy", "entity_f1": "entity F1"}

HEAD = """# Results on the real corpora

Rendered by `python benchmarks/results.py render` from `results.json`. Each of our results was measured by the command
listed for it below; published results are quoted with their source.

* Dev chooses the epoch, the regularisation of the baselines, and the params that were tried. Not every part of a recipe
  was tried, and a recipe may keep a part that lost in the ablation, which uses fewer rows. Test is evaluated once per
  run and seed, and never for the steps of an ablation.
* An ablation with fewer rows takes fewer training steps than its recipe, and uses one seed. Averaging over hundreds of
  steps, or a learning rate that falls to zero, may hurt there but not with all rows.
* A run with several training seeds shows their mean, with the standard deviation after ±; all seeds share one dev
  split. A run with one seed says little about differences below one point.
* A command assumes the committed params. Run `git checkout HEAD -- params.yaml dvc.lock metrics` before the next one,
  as each command changes these; `benchmarks/results.py run` restores them itself. Runs that were measured before a
  param was renamed have its present name here; the values are those that were measured.
* `unseen` is the same metric on the test rows whose text is in neither train nor dev. `ECE` is the expected calibration
  error. `ceiling` is the accuracy of a rule that knows the most frequent label of each text in all splits.
* One row of MSRA's test file is a long list of names without separators. Where it was measured, the last column has the
  result without that row. The corpus has no dev split: a tenth of train is held out here, while published results use
  all of train.
* `amazon` is an excerpt, the first rows of the published corpus; `rows` is the number of training rows.
* `news_rnn_pooled`, `news_bilstm` and `ner_bilstm_crf` start from pretrained vectors. Their commands name the files;
  the recipes as shipped do without. `news_lstm` was trained for four of its epochs.
* A recurrent model is marked if the baseline with the best dev result beats it on test or, where both were measured,
  only on the unseen texts. Baselines know n-grams, and no order beyond them.
* `ner_bilstm_crf` also starts from vectors of bigrams and words, learned without labels from the train splits of the
  headlines and of MSRA by a script, `pipeline/vectors.py`, that versions up to 8e2c650 have. Since then the stage
  `vectorize` learns such vectors.
  `ner_bilstm_crf_characters` has only the vectors of characters, as do the steps of the ablation from the second to the
  last but one.
* The test split of MSRA was evaluated for six versions of the recipe, each chosen on dev: the first (`_no_words`), with
  lexicon words (`_6_epochs`), with more epochs (`_12_epochs`), with BIOES tags (`_characters`), with vectors of bigrams
  and words (`_norm_1`), and with vectors of larger norm. For all but the last, the commands below are those of their
  time, as are those of the ablation up to weight averaging: dev was sampled row by row for `_no_words`, tags were BIO
  before `_characters`, there were six epochs for `_6_epochs` and eight for `_no_words`, and the file of `_norm_1` was
  made with `--norm 1`. The runs of these names restore those settings.
* Runs with BIO tags and runs with BIOES tags can be compared by entity F1 alone: macro-F1, loss and ECE are over
  different classes.
* Runs of `news_bilstm`, `names_bigru`, `ner_bilstm_crf` and `films_bilstm`, and all baselines, are of the commit
  1dba3eb: before these recipes followed the corpus and had a wide part, and before there were linear SVMs and a CRF.
  Check it out to reproduce them.
* The first two seeds of `news_bilstm` were measured before recipes had `embed.lexicon`, `model.words` and `embed.std`,
  which do not change it.
* `news_rnn_pooled_narrow` is the pooled RNN before dev chose the wider one. Its test was evaluated then, too.
* Seconds are those of training on a machine with other load: they are an upper bound, and no basis for comparing speed.
* The seconds of `names_bigru_distilled` include its five teachers and a long pause.
"""


@dataclass(frozen=True)
class Measured:
    """The results of a run.

    row: one of its rows; scores: by seed, by (split, metric); seconds: of each seed; commands: by seed, with dates.
    """

    row: Mapping[str, Any]
    scores: Mapping[Any, Mapping[tuple[str, str], float]]
    seconds: list[float]
    commands: Mapping[Any, tuple[str, str]]

    def values(self, split: str, metric: str) -> list[float]:
        return [scores[split, metric] for scores in self.scores.values() if (split, metric) in scores]

    def cell(self, split: str, metric: str) -> str:
        """A table cell: mean and standard deviation over the seeds, and how many seeds, if some have no value."""
        values = self.values(split, metric)
        if not values:
            return ""
        spread = f" ± {100 * statistics.stdev(values):.2f}" if len(values) > 1 else ""
        seeds = f" ({len(values)} of {len(self.scores)} seeds)" if len(values) < len(self.scores) else ""
        return f"{100 * statistics.mean(values):.2f}{spread}{seeds}"

    @property
    def recurrent(self) -> bool:
        return bool(self.row["family"] == "recurrent")


def read_runs() -> dict[str, Measured]:
    """The saved runs by name, in the order of the file."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(RESULTS.read_text(encoding="utf-8")):
        grouped.setdefault(row["run"], []).append(row)
    return {name: _measured(rows) for name, rows in grouped.items()}


def _measured(rows: list[dict[str, Any]]) -> Measured:
    scores: dict[Any, dict[tuple[str, str], float]] = {}
    for row in rows:
        scores.setdefault(row["seed"], {})[row["split"], row["metric"]] = row["value"]
    ours = [row for row in rows if row["family"] != "published"]
    seconds = {row["seed"]: row["seconds"] for row in ours}
    commands = {row["seed"]: (row["command"], row["date"]) for row in ours}
    return Measured(rows[0], scores, list(seconds.values()), commands)


def render_page(runs: Mapping[str, Measured]) -> str:
    """The page: for each corpus a table of runs and one of ablation steps, then the commands."""
    parts = [HEAD, _targets(runs), _unmeasured(runs)]
    for corpus in dict.fromkeys(run.row["corpus"] for run in runs.values()):
        of_corpus = {name: run for name, run in runs.items() if run.row["corpus"] == corpus}
        steps = {name: run for name, run in of_corpus.items() if run.row.get("step")}
        table = _table({name: run for name, run in of_corpus.items() if name not in steps})
        parts.append(f"\n## {corpus}\n\n{table}")
        if steps:
            parts.append(_steps(steps))
    return "".join(parts) + "\n## Commands\n\n" + "".join(_commands(runs))


def _targets(runs: Mapping[str, Measured]) -> str:
    """The targets and the results reached."""
    lines = [
        "\n## Targets\n",
        "Set before measuring, for the mean over seeds on test, without a pretrained language model.\n",
        "| run | metric | target | hoped for | reached | |",
        "|---|---|---|---|---|---|",
    ]
    for name, (metric, target, hope) in TARGETS.items():
        values = runs[name].values("test", metric) if name in runs else []
        if values:
            reached = statistics.mean(values)
            gap = round(100 * (target - reached), 2)
            outcome = f"missed by {gap:.2f}" if gap > 0 else "met"
            goals = f"{100 * target:.1f} | {'' if hope is None else f'{100 * hope:.1f}'}"
            cell = runs[name].cell("test", metric)
            lines.append(f"| `{name}` | {METRIC_NAMES[metric]} | {goals} | {cell} | {outcome} |")
    return "\n".join(lines) + "\n"


def _unmeasured(runs: Mapping[str, Measured]) -> str:
    """The defined runs that have no results, and the command that measures them."""
    missing = [name for name in RUNS if name not in runs]
    if not missing:
        return ""
    named = ", ".join(f"`{name}`" for name in missing)
    command = "`python benchmarks/results.py run <name> --source ../shared/data --keep`"
    return f"\n## Not measured\n\nThese runs have no results yet: {named}. Measure them with {command}.\n"


def _metric(runs: Iterable[Measured]) -> str:
    """The metric that ranks the runs of a corpus."""
    return "entity_f1" if any(run.values("test", "entity_f1") for run in runs) else "accuracy"


def _table(runs: Mapping[str, Measured]) -> str:
    metric = _metric(runs.values())
    title = METRIC_NAMES[metric]
    best = _best_baseline(runs.values(), metric)
    lines = [
        f"| run | rows | seeds | test {title} | unseen | test macro-F1 | ECE | dev {title} | parameters | seconds | |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, run in runs.items():
        cells = [
            name if run.row["family"] == "published" else f"`{name}`",
            f"{run.row['rows']:,}",
            _seeds(run),
            run.cell("test", metric),
            run.cell(UNSEEN, metric),
            run.cell("test", "macro_f1"),
            run.cell("test", "ece"),
            run.cell("dev", metric),
            f"{run.row['parameters']:,}" if run.row.get("parameters") else "",
            f"{statistics.mean(run.seconds):,.0f}, {run.row['device']}" if run.seconds else "",
            _remark(run, metric, best),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _seeds(run: Measured) -> str:
    return "" if run.row["family"] == "published" else str(len(run.scores))


def _best_baseline(runs: Iterable[Measured], metric: str) -> Measured | None:
    """The baseline with the best result on dev."""
    baselines = [run for run in runs if run.row["family"] == "baseline" and not run.row["run"].endswith(": ceiling")]
    return max(baselines, key=lambda run: (run.values("dev", metric), run.values("test", metric)), default=None)


def _remark(run: Measured, metric: str, best: Measured | None) -> str:
    if run.row["family"] == "published":
        return f"published: {run.row['source']}"
    cell = run.cell(WITHOUT_LONGEST, metric)
    remarks = [_beaten(run, metric, best), f"{cell} without the row with the most entities" if cell else ""]
    return "; ".join(filter(None, remarks))


def _beaten(run: Measured, metric: str, best: Measured | None) -> str:
    """A remark if the baseline beats a recurrent run on test, or only on its unseen texts; otherwise empty."""
    if best is None or not run.recurrent:
        return ""
    for split, remark in (("test", BEATEN), (UNSEEN, f"{BEATEN} on unseen texts")):
        values, baseline = run.values(split, metric), best.values(split, metric)
        if values and baseline and statistics.mean(values) < baseline[0]:
            return remark
    return ""


def _steps(runs: Mapping[str, Measured]) -> str:
    """The table of the steps of an ablation, which are evaluated on dev alone."""
    metric = "entity_f1" if any(run.values("dev", "entity_f1") for run in runs.values()) else "accuracy"
    title = METRIC_NAMES[metric]
    lines = ["", f"| step | run | rows | seeds | dev {title} | dev loss | seconds |", "|---|---|---|---|---|---|---|"]
    for name, run in runs.items():
        loss = f"{statistics.mean(run.values('dev', 'loss')):.4f}"
        cells = [run.row["step"], f"`{name}`", f"{run.row['rows']:,}", _seeds(run), run.cell("dev", metric), loss]
        lines.append(f"| {' | '.join(cells)} | {statistics.mean(run.seconds):,.0f} |")
    return "\n".join(lines) + "\n"


def _commands(runs: Mapping[str, Measured]) -> list[str]:
    return [
        f"* `{name}` ({date}{f', seed {seed}' if run.row['family'] == 'recurrent' else ''}): `{command}`\n"
        for name, run in runs.items()
        for seed, (command, date) in run.commands.items()
    ]


def render_readme(runs: Mapping[str, Measured], text: str) -> str:
    """Return the text of a README with a new table of test results, between its two marks.

    The table has recipes with unchanged params, baselines and published results.
    """
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    lines = ["| corpus | run | seeds | test accuracy | test entity F1 | |", "|---|---|---|---|---|---|"]
    for corpus in dict.fromkeys(run.row["corpus"] for run in runs.values()):
        of_corpus = {name: run for name, run in runs.items() if run.row["corpus"] == corpus}
        metric = _metric(of_corpus.values())
        best = _best_baseline(of_corpus.values(), metric)
        for name, run in of_corpus.items():
            if run.recurrent and name != run.row["recipe"]:
                continue  # a variant of a recipe, which only the page shows
            label = f"{name} (published)" if run.row["family"] == "published" else f"`{name}`"
            scores = " | ".join(run.cell("test", column) for column in METRIC_NAMES)
            remark = _beaten(run, metric, best)
            lines.append(f"| {corpus} | {label} | {_seeds(run)} | {scores} | {remark} |")
    return before + MARKS[0] + "\n" + "\n".join(lines) + "\n" + MARKS[1] + after
