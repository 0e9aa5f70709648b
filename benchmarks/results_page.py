"""docs/results.md and the READMEs' table, from docs/results.json alone."""

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
UNCROWDED = "test, less the fullest row"
BEATEN = "beaten by a baseline"
LEADS = {"accuracy": "accuracy", "entity_f1": "entity F1"}

HEAD = """# Results on the real corpora

Made by `python benchmarks/results.py render` from `results.json`. Every figure of ours was measured by the command
that stands below; published ones are quoted, and name their source.

* Dev chooses the epoch, the baselines' strength, and the params that were tried; not every part of a recipe was, and a
  part that lost on the fewer rows of a ladder may stand in its recipe. Test is looked at once for a run and seed, and
  not at all for the steps of a ladder.
* A ladder of fewer rows takes fewer steps than its recipe, and is of one seed: averaging over hundreds of steps, or a
  rate that falls to zero, may cost there and not on all rows.
* Where a run has several seeds of training, the figure is their mean, with the standard deviation behind ±; all of
  them have the one dev split. A run of one seed says little about differences below a point.
* A command is of the params as they are committed: `git checkout params.yaml` before the next one, as each is written
  into it.
* `unseen` is the same figure on those test rows whose text neither train nor dev has. `ECE` is the expected calibration
  error. `ceiling` is what a rule would reach that knew the most frequent label of each text in all splits.
* MSRA's test file has one row that is a long list of names with nothing between them: the last column has the figure
  without it, where it was measured. The corpus has no dev split: a tenth of train is held out here, and published rows
  are of all of it.
* `amazon` is an excerpt, the first rows of what is published; `rows` says how many train had.
* `news_rnn_pooled`, `news_bilstm` and `ner_bilstm_crf` start from pretrained vectors, which their commands name and the
  recipes as shipped do without; `news_lstm` took four of its epochs.
* A recurrent model that the baseline of the best dev beats is marked so, on test or else on its unseen texts, where
  both were measured. Baselines know n-grams, and nothing of order beyond.
* `ner_bilstm_crf` starts from vectors of pairs and words, too, learnt from the train split of the headlines and of
  MSRA, without a label: the file of pretrained vectors is put into `data/vectors`, then `dvc exp run -S
  data.source=../shared/data -S limits.rows=null segment@thucnews_chars segment@msra_bioes` and `python
  pipeline/vectors.py data/vectors/pairs-words-50d.vec.gz data/segmented/thucnews_chars data/segmented/msra_bioes`.
  `ner_bilstm_crf_characters` has the vectors of characters alone, as have all steps of the ladder from the second to
  the last but one.
* The test of MSRA was read for six versions of the recipe, each chosen on dev: the first (`_no_words`), with words
  of a lexicon (`_6_epochs`), longer (`_12_epochs`), with BIOES tags (`_characters`), with vectors of pairs and words
  (`_norm_1`), and with longer ones. The lines below of all but the last are the commands of their time, as are those of
  the ladder up to the averaged weights: dev was drawn row by row for `_no_words`, tags were BIO before `_characters`,
  epochs six for `_6_epochs` and eight for `_no_words`, and the file of `_norm_1` was made with `--norm 1`. The runs of
  these names set that back.
* Of runs over BIO tags and those over BIOES tags entity F1 alone can be compared: macro-F1, loss and ECE are over other
  classes.
* `news_bilstm`'s first two seeds were measured before recipes had `lexicon`, `words` and `embedding_std`, all of which
  leave it as it was.
* `news_rnn_pooled_narrow` is the pooled RNN as it was before dev chose the wider one. Its test was read then, too.
* Seconds are those of training, on a machine that did other work beside it: an upper bound, and no ground to compare
  speeds on.
* The seconds of `names_bigru_distilled` hold those of its five teachers, and a long pause.
"""


@dataclass(frozen=True)
class Measured:
    """A run: what it was, by seed its figures of (split, metric), seconds and commands."""

    row: Mapping[str, Any]
    scores: Mapping[Any, Mapping[tuple[str, str], float]]
    seconds: list[float]
    commands: Mapping[Any, tuple[str, str]]

    def values(self, split: str, metric: str) -> list[float]:
        return [found[split, metric] for found in self.scores.values() if (split, metric) in found]

    def shown(self, split: str, metric: str) -> str:
        """Mean and standard deviation over the seeds, as in the tables; how many have it where not all do."""
        values = self.values(split, metric)
        if not values:
            return ""
        spread = f" ± {100 * statistics.stdev(values):.2f}" if len(values) > 1 else ""
        of = f" ({len(values)} of {len(self.scores)} seeds)" if len(values) < len(self.scores) else ""
        return f"{100 * statistics.mean(values):.2f}{spread}{of}"

    @property
    def recurrent(self) -> bool:
        return bool(self.row["family"] == "recurrent")


def read_runs() -> dict[str, Measured]:
    """The kept runs by name, in the order of the file."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in json.loads(RESULTS.read_text(encoding="utf-8")):
        grouped.setdefault(row["run"], []).append(row)
    return {name: _measured(rows) for name, rows in grouped.items()}


def _measured(rows: list[dict[str, Any]]) -> Measured:
    scores: dict[Any, dict[tuple[str, str], float]] = {}
    for row in rows:
        scores.setdefault(row["seed"], {})[row["split"], row["metric"]] = row["value"]
    own = [row for row in rows if row["family"] != "published"]
    seconds = {row["seed"]: row["seconds"] for row in own}
    return Measured(
        rows[0], scores, list(seconds.values()), {row["seed"]: (row["command"], row["date"]) for row in own}
    )


def render_page(runs: Mapping[str, Measured]) -> str:
    """The page: for each corpus a table of runs and one of steps, then the commands."""
    parts = [HEAD, _targets(runs), _unmeasured(runs)]
    for corpus in dict.fromkeys(run.row["corpus"] for run in runs.values()):
        own = {name: run for name, run in runs.items() if run.row["corpus"] == corpus}
        steps = {name: run for name, run in own.items() if run.row.get("step")}
        parts.append(f"\n## {corpus}\n\n" + _table({name: run for name, run in own.items() if name not in steps}))
        if steps:
            parts.append(_steps(steps))
    return "".join(parts) + "\n## Commands\n\n" + "".join(_commands(runs))


def _targets(runs: Mapping[str, Measured]) -> str:
    """What was aimed at beside what was reached."""
    lines = [
        "\n## Targets\n",
        "Set before, for the mean over seeds on test, without a pretrained language model.\n",
        "| run | score | target | hoped for | reached | |",
        "|---|---|---|---|---|---|",
    ]
    for name, (metric, target, hope) in TARGETS.items():
        values = runs[name].values("test", metric) if name in runs else []
        if values:
            reached = statistics.mean(values)
            short = round(100 * (target - reached), 2)
            told = f"missed by {short:.2f}" if short > 0 else "met"
            wanted = f"{100 * target:.1f} | {'' if hope is None else f'{100 * hope:.1f}'}"
            lines.append(f"| `{name}` | {LEADS[metric]} | {wanted} | {runs[name].shown('test', metric)} | {told} |")
    return "\n".join(lines) + "\n"


def _unmeasured(runs: Mapping[str, Measured]) -> str:
    """The runs that are defined and have no row, with the command for them."""
    missing = [name for name in RUNS if name not in runs]
    if not missing:
        return ""
    named = ", ".join(f"`{name}`" for name in missing)
    command = "`python benchmarks/results.py run <name> --source ../shared/data`"
    return f"\n## Not measured\n\nDefined, and without a row below: {named}. {command} measures them.\n"


def _metric(runs: Iterable[Measured]) -> str:
    """What the runs of a corpus are ranked by."""
    return "entity_f1" if any(run.values("test", "entity_f1") for run in runs) else "accuracy"


def _table(runs: Mapping[str, Measured]) -> str:
    metric = _metric(runs.values())
    lead = LEADS[metric]
    best = _best_baseline(runs.values(), metric)
    lines = [
        f"| run | rows | seeds | test {lead} | unseen | test macro-F1 | ECE | dev {lead} | parameters | seconds | |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, run in runs.items():
        cells = [
            name if run.row["family"] == "published" else f"`{name}`",
            f"{run.row['rows']:,}",
            _seeds(run),
            run.shown("test", metric),
            run.shown(UNSEEN, metric),
            run.shown("test", "macro_f1"),
            run.shown("test", "ece"),
            run.shown("dev", metric),
            f"{run.row['parameters']:,}" if run.row.get("parameters") else "",
            f"{statistics.mean(run.seconds):,.0f}, {run.row['device']}" if run.seconds else "",
            _remark(run, metric, best),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _seeds(run: Measured) -> str:
    return "" if run.row["family"] == "published" else str(len(run.scores))


def _best_baseline(runs: Iterable[Measured], metric: str) -> Measured | None:
    """The baseline that dev ranks first."""
    found = [run for run in runs if run.row["family"] == "baseline" and not run.row["run"].endswith(": ceiling")]
    return max(found, key=lambda run: (run.values("dev", metric), run.values("test", metric)), default=None)


def _remark(run: Measured, metric: str, best: Measured | None) -> str:
    if run.row["family"] == "published":
        return f"published: {run.row['source']}"
    less = run.shown(UNCROWDED, metric)
    told = [_beaten(run, metric, best), f"{less} without the row of the most entities" if less else ""]
    return "; ".join(filter(None, told))


def _beaten(run: Measured, metric: str, best: Measured | None) -> str:
    """That the baseline beats a recurrent run on test, or else on what is new there; empty where on neither."""
    if best is None or not run.recurrent:
        return ""
    for split, told in (("test", BEATEN), (UNSEEN, f"{BEATEN} on unseen texts")):
        values, rival = run.values(split, metric), best.values(split, metric)
        if values and rival and statistics.mean(values) < rival[0]:
            return told
    return ""


def _steps(runs: Mapping[str, Measured]) -> str:
    """The steps of a ladder, each beside the one before; dev alone."""
    metric = "entity_f1" if any(run.values("dev", "entity_f1") for run in runs.values()) else "accuracy"
    lead = LEADS[metric]
    lines = ["", f"| step | run | rows | seeds | dev {lead} | dev loss | seconds |", "|---|---|---|---|---|---|---|"]
    for name, run in runs.items():
        loss = f"{statistics.mean(run.values('dev', 'loss')):.4f}"
        cells = [run.row["step"], f"`{name}`", f"{run.row['rows']:,}", _seeds(run), run.shown("dev", metric), loss]
        lines.append(f"| {' | '.join(cells)} | {statistics.mean(run.seconds):,.0f} |")
    return "\n".join(lines) + "\n"


def _commands(runs: Mapping[str, Measured]) -> list[str]:
    return [
        f"* `{name}` ({date}{f', seed {seed}' if run.row['family'] == 'recurrent' else ''}): `{command}`\n"
        for name, run in runs.items()
        for seed, (command, date) in run.commands.items()
    ]


def render_readme(runs: Mapping[str, Measured], text: str) -> str:
    """A README with its table of test figures made anew, between its two marks: recipes as they stand, and rivals."""
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    lines = ["| corpus | run | seeds | test accuracy | test entity F1 | |", "|---|---|---|---|---|---|"]
    for corpus in dict.fromkeys(run.row["corpus"] for run in runs.values()):
        own = {name: run for name, run in runs.items() if run.row["corpus"] == corpus}
        metric = _metric(own.values())
        best = _best_baseline(own.values(), metric)
        for name, run in own.items():
            if run.recurrent and name != run.row["recipe"]:
                continue  # a variant of a recipe: the page has it
            label = f"{name} (published)" if run.row["family"] == "published" else f"`{name}`"
            scores = " | ".join(run.shown("test", each) for each in LEADS)
            told = _beaten(run, metric, best)
            lines.append(f"| {corpus} | {label} | {_seeds(run)} | {scores} | {told} |")
    return before + MARKS[0] + "\n" + "\n".join(lines) + "\n" + MARKS[1] + after
