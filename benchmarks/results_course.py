"""Where the recipe of tutorial 4 would end: what it learns by the sum of its learning rates.

Adam moves a weight by about the learning rate in each step, whatever the length of the gradient (Kingma and Ba 2015,
section 2.1, arXiv:1412.6980). So as long as the rates are small, what was learned depends on their sum.
"""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import checkout  # noqa: F401  (first: puts this checkout's src on the path)
from results_measured import Measured
from textrnn.common.config.train import Train
from textrnn.common.params.conversion import build_dataclass
from textrnn.evaluation.rendering.line_charts import line_chart
from textrnn.evaluation.rendering.svg import Chart
from textrnn.preparation.artifacts.result_files import RecipeFiles
from textrnn.training.optimization.lr_schedule import learning_rate

WHOLE, EPOCHS, FIRST_RATE = "ner_gru", 50, 1e-5  # the recipe, and the tutorial's settings
NAMES = {
    "ner_gru": "width 768",
    "ner_gru_rate_20": "width 768, 20 times the rate",
    "ner_gru_narrow": "width 128",
    "ner_gru_narrow_rate_20": "width 128, 20 times the rate",
}
COURSE_PICTURE = "ner_gru_course.svg"
METRIC = "entity_f1"


def course_row(files: RecipeFiles) -> dict[str, Any]:
    """A row with the score on dev of each evaluation and the sum of rates up to it, in epochs at FIRST_RATE."""
    trained = json.loads((files.model.folder / "training.json").read_text(encoding="utf-8"))
    settings = build_dataclass(Train, trained["params"], "train")
    steps_per_epoch = round(trained["steps"] / trained["epochs"])
    rates = (learning_rate(settings, step, steps_per_epoch) for step in range(trained["steps"]))
    sums = [total / FIRST_RATE / steps_per_epoch for total in accumulate(rates)]
    with files.curves.open(encoding="utf-8", newline="") as lines:
        evaluated = [line for line in csv.DictReader(lines) if line["split"] == "dev"]
    course = [[round(sums[int(line["step"]) - 1], 4), float(line[METRIC])] for line in evaluated]
    return {"split": "dev", "metric": f"best {METRIC}", "value": max(score for _, score in course), "course": course}


def course_section(runs: Mapping[str, Measured]) -> str:
    """What the runs reached by the sum of their learning rates, and where the tutorial's 50 epochs would end."""
    measured = [runs[name] for name in NAMES if name in runs and runs[name].course]
    if not measured or measured[0].name != WHOLE:
        return ""
    hours = EPOCHS * statistics.mean(measured[0].seconds) / epochs_of(measured[0]) / 3600
    lines = [
        "\n## Where the tutorial's tagger would end\n",
        f"Tutorial 4 trains `{WHOLE}` for {EPOCHS} epochs at a learning rate of {FIRST_RATE:g}. One core takes",
        f"{hours:.0f} hours for them, so `{WHOLE}` has {epochs_of(measured[0]):.0f}. Other runs estimate the end:\n",
        "* Adam moves a weight by about the learning rate per step, so the sum of rates says how far a run has come.",
        "  Two epochs at 20 times the rate have the sum of all 50.",
        "* With width 128 all 50 epochs are affordable. They show how well the faster rate stands in for them.\n",
        "| run | sum of rates, in epochs at 1e-5 | best dev entity F1 | test entity F1 | seconds |",
        "|---|---|---|---|---|",
    ]
    for run in measured:
        best = max(score for _, score in run.course)
        cells = [f"`{run.name}`", f"{run.course[-1][0]:.1f}", f"{100 * best:.2f}", run.cell("test", METRIC)]
        lines.append(f"| {' | '.join(cells)} | {statistics.mean(run.seconds):,.0f} |")
    return "\n".join([*lines, "", f"![dev entity F1 by the sum of learning rates](results/{COURSE_PICTURE})"]) + "\n"


def epochs_of(run: Measured) -> float:
    """The epochs of a run at FIRST_RATE, without a step of its schedule."""
    return run.course[-1][0]


def course_picture(runs: Mapping[str, Measured]) -> Chart | None:
    """The score on dev by the sum of learning rates, a line for each run; None if none was measured."""
    lines = {
        name: [(total, 100 * score) for total, score in runs[run].course]
        for run, name in NAMES.items()
        if run in runs and runs[run].course
    }
    axis = "sum of learning rates, in epochs at 1e-5"
    return line_chart("entity F1 on dev, %", axis, lines, log=False) if lines else None
