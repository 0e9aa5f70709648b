"""Render docs/results.md and its pictures from docs/results.json."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from results_course import COURSE_PICTURE, course_picture, course_section
from results_measured import (
    DEEP,
    METRIC_NAMES,
    SHORT_ROWS,
    WIDE,
    Measured,
    best_on_dev,
    best_published,
    is_ceiling,
    score_metric,
)
from results_runs import CURVES, OF_TUTORIALS, REMARKS, SHORTER_THAN
from results_tables import (
    ladder_table,
    learning_curves,
    run_table,
    score_of,
    seconds_of,
    steps_of,
    target_table,
    unmeasured,
)
from textrnn.evaluation.rendering.scatter_plots import Cost, Level, cost_plot
from textrnn.evaluation.rendering.svg import document

TABLE = Path("docs/results.md")
PICTURES = Path("docs/results")
FAR_BELOW = 0.08  # of a score, below the best: not in a picture

HEAD = """# Results on the real corpora

After this page you can pick the best model for each corpus, judge whether it is better by more than chance, see what it
costs to train, and reproduce each result with [its command](#commands).

Do not edit this page: `python benchmarks/results.py render` writes it from `results.json`.

* [Targets](#targets), [learning curves](#learning-curves), [ladders](#ladders) of single changes
* [All runs](#all-runs), [commands](#commands)

How to read the tables:

* Dev chooses the epoch, the regularization and every setting. Test is evaluated once per run and seed. Steps of ladders
  are evaluated on dev only.
* A run with several seeds shows their mean and, after ±, their standard deviation.
* The 95% interval shows the uncertainty that comes from the number of test rows: Wilson's interval for accuracy, the
  bootstrap over sentences for F1. The difference of two models has a paired bootstrap interval, which is narrower
  because both models have the same rows. With several seeds the bounds are averaged.
* The linear models are logistic regression, a linear SVM, NB-SVM, the linear ensemble (the regression and an NB-SVM on
  TF-IDF), and a bag of n-grams; for taggers, a CRF on features of a window. `unseen` is the score on the test rows
  whose text is in neither train nor dev.
* A model with a linear part (the param `model.wide`) adds the scores of one linear model to its logits: the one with
  the lowest loss on dev. The row "best linear" is chosen by score on dev, so it may be another model. The network and
  the linear part are also evaluated alone.
* A row "the tutorial's" has the tutorial's settings as far as they were affordable; the table of all runs says how they
  differ.
* Seconds are those of training on one core of a machine that ran other programs too: an upper bound. They do not
  include the training of the linear part.
* `amazon` has 5,459 reviews of the published train file and the first 1,000 of the published test file. A tenth of
  train is its dev split.
* Published results are quoted from their sources. They have other splits and rules; some chose the epoch on test.
* In a command, `<folder>` is the folder of the real corpora ([fetching.md](fetching.md)).
* A command assumes the committed params. `git checkout HEAD -- params.yaml dvc.lock metrics` restores them before the
  next command; `benchmarks/results.py run` does that itself.
"""


def render_page(runs: Mapping[str, Measured]) -> str:
    """The page: the best models of each corpus with a picture, the targets, the ladders, all runs, the commands."""
    parts = [HEAD]
    for corpus, of_corpus in _by_corpus(runs):
        parts.append(_short(corpus, of_corpus))
    parts += [target_table(runs), learning_curves(runs), course_section(runs), unmeasured(runs)]
    parts += ["\n## Ladders\n", *LADDERS_TEXT]
    for corpus, of_corpus in _by_corpus(runs):
        steps = [run for run in of_corpus if run.row.get("step") and run.name not in CURVES]
        if steps:
            parts.append(f"\n### Ladders of {corpus}\n{ladder_table(steps)}")
    parts.append("\n## All runs\n")
    for corpus, of_corpus in _by_corpus(runs):
        parts.append(
            f"\n### All runs of {corpus}\n\n{run_table([run for run in of_corpus if not run.row.get('step')])}"
        )
    return "".join(parts) + "\n## Commands\n\n" + "".join(_commands(runs))


LADDERS_TEXT = [
    "\nA ladder measures what each part of a recipe is worth. All have one seed and are evaluated on dev only.\n\n"
    "* A ladder of changes starts from a plain model, and each line adds one change to the line above. These were\n"
    "  measured with the recipes of the commit 1dba3eb: run `git checkout 1dba3eb` before their commands. Except for\n"
    "  `names`, they read a sample of the rows of train, and so took fewer training steps than a full run.\n"
    "* Runs named `_plus_` are the current recipe, or differ from it by what the first column says.\n"
]


def _by_corpus(runs: Mapping[str, Measured]) -> Iterable[tuple[str, list[Measured]]]:
    for corpus in dict.fromkeys(run.row["corpus"] for run in runs.values()):
        yield str(corpus), [run for run in runs.values() if run.row["corpus"] == corpus]


def _short(corpus: str, runs: list[Measured]) -> str:
    """The best models of a corpus, facts about them, and the picture of all of them."""
    metric = score_metric(runs)
    ours, linear = best_on_dev(runs, "recurrent"), best_on_dev(runs, "baseline")
    published = best_published(runs, metric)
    tutorial = next((run for run in runs if run.name == OF_TUTORIALS.get(corpus)), None)
    lines = [
        f"\n## {corpus}\n",
        f"| | model | train rows | steps | seconds | test {METRIC_NAMES[metric]} | 95% interval |",
        "|---|---|---|---|---|---|---|",
    ]
    named = (("best recurrent", ours), ("best linear", linear), ("the tutorial's", tutorial), ("published", published))
    lines += [_short_row(kind, run, metric) for kind, run in named if run is not None]
    lines += [
        "",
        *_facts(corpus, runs, ours, metric),
        f"![{METRIC_NAMES[metric]} by training time]({PICTURES.name}/{corpus}.svg)",
    ]
    return "\n".join(lines) + "\n"


def _short_row(kind: str, run: Measured, metric: str) -> str:
    cells = [kind, run.name if run.family == "published" else f"`{run.name}`", f"{run.row['rows']:,}", steps_of(run)]
    cells += [seconds_of(run), run.cell("test", metric), run.interval_cell("test", metric)]
    return f"| {' | '.join(cells)} |"


def _facts(corpus: str, runs: list[Measured], ours: Measured | None, metric: str) -> list[str]:
    """What is known of the best recurrent model besides its score."""
    if ours is None:
        return []
    facts = []
    difference = ours.mean("test", f"{metric} difference")
    if difference is not None:
        bounds = ours.interval_cell("test", f"{metric} difference")
        facts.append(f"`{ours.name}` minus `{ours.against}`: {100 * difference:+.2f} points, 95% interval {bounds}.")
    facts += _stronger_on_test(runs, metric)
    if ours.values(DEEP, metric):
        both = ours.cell("test", metric)
        facts.append(
            f"Network alone {ours.cell(DEEP, metric)}, linear part alone {ours.cell(WIDE, metric)}, both {both}."
        )
    if ours.values(SHORT_ROWS, metric):
        cell = ours.cell(SHORT_ROWS, metric)
        facts.append(f"On rows with fewer than {SHORTER_THAN} tokens, as in the published results: {cell}.")
    facts += [REMARKS[corpus]] if corpus in REMARKS else []
    return [fact + "\n" for fact in facts]


def _stronger_on_test(runs: list[Measured], metric: str) -> list[str]:
    """The linear model that is best on test, if dev picks another: a difference from that one says less."""
    linear = [run for run in runs if run.family == "baseline" and not is_ceiling(run)]
    strongest = max(linear, key=lambda run: score_of(run, metric), default=None)
    picked = best_on_dev(runs, "baseline")
    if strongest is None or picked is None or score_of(strongest, metric) <= score_of(picked, metric):
        return []
    score = strongest.cell("test", metric)
    return [f"On test a different linear model is best: `{strongest.name}`, {score}."]


def write_pictures(runs: Mapping[str, Measured]) -> None:
    """Draw the scores of each corpus by training time; rewrite what the folder of pictures has."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    drawn = course_picture(runs)
    if drawn is not None:
        (PICTURES / COURSE_PICTURE).write_text(document(drawn), encoding="utf-8")
    for corpus, of_corpus in _by_corpus(runs):
        if _shown(of_corpus):
            (PICTURES / f"{corpus}.svg").write_text(_picture(corpus, of_corpus), encoding="utf-8")


def _shown(runs: list[Measured]) -> list[Measured]:
    """Our complete runs whose score is near the best; worse ones would hide the differences between these."""
    metric = score_metric(runs)
    runs = [run for run in runs if run.family != "published" and not run.row.get("step") and not is_ceiling(run)]
    best = max((score_of(run, metric) for run in runs), default=0.0)
    return [run for run in runs if score_of(run, metric) > best - FAR_BELOW]


def _picture(corpus: str, runs: list[Measured]) -> str:
    metric = score_metric(runs)
    costs = [
        Cost(
            run.name.partition(": ")[2] or run.name,
            statistics.mean(run.seconds),
            score_of(run, metric),
            run.interval("test", metric),
            recurrent=run.family == "recurrent",
        )
        for run in _shown(runs)
    ]
    published = best_published(runs, metric)
    levels = [] if published is None else [Level(f"published: {published.name}", score_of(published, metric))]
    name = METRIC_NAMES[metric]
    return document(cost_plot(f"{corpus}: {name} on test", name, costs, levels))


def _commands(runs: Mapping[str, Measured]) -> list[str]:
    return [
        f"* `{name}` ({date}{f', seed {seed}' if run.family == 'recurrent' else ''}): `{command}`\n"
        for name, run in runs.items()
        for seed, (command, date) in run.commands.items()
    ]
