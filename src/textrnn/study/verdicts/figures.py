"""The figure of each claim: its measures with intervals, or curves, by the one module of charts that the report has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from textrnn.evaluation.rendering.dot_plots import Estimate, interval_plot
from textrnn.evaluation.rendering.line_charts import line_chart
from textrnn.evaluation.rendering.svg import Chart, document
from textrnn.study.claims.all_claims import runs_of
from textrnn.study.claims.claim import Claim, Language, Text
from textrnn.study.claims.titles import TITLES
from textrnn.study.claims.tutorial_1 import BATCHES, WIDTHS
from textrnn.study.claims.tutorial_5 import ACCURACY, CURVES, ROWS
from textrnn.study.plan.result_forms import RunFacts
from textrnn.study.verdicts import verdict_forms
from textrnn.study.verdicts.judging import JudgedClaim, Measurements, learning_curve
from textrnn.study.verdicts.measures import MEASURES, Runs
from textrnn.study.verdicts.power_law import fit_power_law

Lines = dict[str, list[tuple[float, float]]]
MeasuredVariants = Mapping[str, Mapping[str, verdict_forms.Estimate]]  # by measure and variant, as in verdicts.json

DEV_SCORE = Text("score on dev, %", "dev 得分，%")
TEST_SCORE = Text("score on test, %", "测试集得分，%")
TEST_ERROR = Text("error on test, %", "测试集错误率，%")
LOSSES = Text("loss of every batch", "每一批的损失")
GRADIENTS = Text("gradient norm by distance, before and after training", "训练前后，梯度范数随距离的变化")
EPOCH = Text("epoch", "轮")
STEPS = Text("steps from the token to the one that is read", "与读取处相距的步数")
WIDTH = Text("length after padding, in characters", "填充后的长度（字符数）")
POWER = Text("rows of train, power of ten", "训练行数（10 的幂次）")
BATCH = Text("batch {rows}", "批大小 {rows}")
BEFORE, AFTER = Text("{name}, before", "{name}，训练前"), Text("{name}, after", "{name}，训练后")
FITTED = Text("{name}, fitted", "{name}，拟合")
OF_TUTORIAL = Text("the tutorial's", "教程的结果")


def draw_figures(
    judged: Sequence[JudgedClaim],
    measured: Mapping[str, MeasuredVariants],
    measurements: Measurements,
    language: Language = "en",
) -> dict[str, str]:
    """SVG by file name, `<claim>.svg`, one for each claim with anything to draw.

    measured: by claim, as in verdicts.json.
    """
    drawn = {}
    for row in judged:
        draw = CHARTS.get(row.claim.figure)
        chart = draw(row.claim, measurements, language) if draw is not None else None
        if chart is None and measured[row.claim.key]:
            chart = measure_plot(measured[row.claim.key], language)
        if chart is not None:
            drawn[f"{row.claim.key}.svg"] = document(chart)
    return drawn


def measure_plot(measured: MeasuredVariants, language: Language) -> Chart:
    """A panel for each measure and a row for each variant."""
    return interval_plot([_panel(measure, variants, language) for measure, variants in measured.items() if variants])


def _panel(
    measure: str, variants: Mapping[str, verdict_forms.Estimate], language: Language
) -> tuple[str, list[Estimate]]:
    title, factor = MEASURES[measure].title.of(language), 1.0
    if MEASURES[measure].percent:
        title, factor = f"{title}, %", 100.0
    estimates = []
    for variant, row in variants.items():
        low, high = (None if end is None else factor * end for end in (row["low"], row["high"]))
        values = [factor * value for value in row["values"]]
        estimates.append(Estimate(TITLES[variant].of(language), factor * row["mean"], low, high, values))
    return title, estimates


def mean_line(lines: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Return the mean y at each x that all lines share; x is unique within a line, and empty lines are ignored."""
    by_x = [dict(line) for line in lines if line]
    shared = [x for x in by_x[0] if all(x in line for line in by_x)] if by_x else []
    return [(x, sum(line[x] for line in by_x) / len(by_x)) for x in sorted(shared)]


def mean_lines(runs: Runs, variants: Sequence[str], points: Callable[[RunFacts], list[tuple[float, float]]]) -> Lines:
    """The mean line over seeds of each variant that was run, by variant."""
    lines: Lines = {}
    for name in variants:
        by_seed = [points(facts) for (variant, _), (facts, _) in runs.items() if variant == name]
        line = mean_line(by_seed)
        if line:
            lines[name] = line
    return lines


def _drawn(claim: Claim) -> tuple[str, ...]:
    return claim.drawn or runs_of(claim)


def _titled(lines: Lines, language: Language) -> Lines:
    return {TITLES[variant].of(language): line for variant, line in lines.items()}


def accuracy_chart(claim: Claim, measurements: Measurements, language: Language) -> Chart | None:
    """The mean over seeds of dev accuracy by epoch, of taggers the F1 score; in percent."""

    def points(facts: RunFacts) -> list[tuple[float, float]]:
        curve = facts["curve"]
        scores = curve["dev_f1"] or curve["dev_accuracy"]
        return [(round(epoch, 6), 100 * score) for epoch, score in zip(curve["epoch"], scores, strict=True)]

    lines = _titled(mean_lines(measurements.runs, _drawn(claim), points), language)
    return line_chart(DEV_SCORE.of(language), EPOCH.of(language), lines, log=False) if lines else None


def loss_chart(claim: Claim, measurements: Measurements, language: Language) -> Chart | None:
    """The loss of every batch of each variant's first run: a stroke from the least to the greatest of each bin."""
    lines: Lines = {}
    for name in _drawn(claim):
        facts = next((facts for (variant, _), (facts, _) in measurements.runs.items() if variant == name), None)
        if facts is not None:
            lines[name] = _strokes(facts)
    lines = _titled(lines, language)
    return line_chart(LOSSES.of(language), EPOCH.of(language), lines, log=False) if lines else None


def _strokes(facts: RunFacts) -> list[tuple[float, float]]:
    bins, per_step = facts["losses"], facts["epochs"] / max(1, facts["steps"])
    points = []
    for index, (low, high) in enumerate(zip(bins["low"], bins["high"], strict=True)):
        at = per_step * bins["batches"] * (index + 0.5)
        points += [(at, value) for value in (low, high) if value is not None]
    return points


def gradient_chart(claim: Claim, measurements: Measurements, language: Language) -> Chart | None:
    """The mean over seeds of the norm of the gradient by distance, before and after training."""
    lines: Lines = {}
    for when in (BEFORE, AFTER):

        def points(facts: RunFacts, when: Text = when) -> list[tuple[float, float]]:
            gradients = facts["gradients"]
            norms = [] if gradients is None else gradients["before" if when is BEFORE else "after"]
            return [(float(distance), norm) for distance, norm in enumerate(norms) if norm is not None]

        found = _titled(mean_lines(measurements.runs, _drawn(claim), points), language)
        lines |= {when.of(language).format(name=name): line for name, line in found.items()}
    return line_chart(GRADIENTS.of(language), STEPS.of(language), lines, log=True) if lines else None


def width_chart(claim: Claim, measurements: Measurements, language: Language) -> Chart | None:
    """The mean score on test by the width of rows, a line for each batch size; in percent."""
    scores, lines = measurements.values["test_score"], {}
    for batch in BATCHES:
        found = {width: scores.get(f"rnn_b{batch}_p{width}") for width in WIDTHS}
        line = [
            (float(width), 100 * float(np.mean(list(values.values())))) for width, values in found.items() if values
        ]
        if line:
            lines[BATCH.of(language).format(rows=batch)] = line
    return line_chart(TEST_SCORE.of(language), WIDTH.of(language), lines, log=False) if lines else None


def curve_chart(claim: Claim, measurements: Measurements, language: Language) -> Chart | None:
    """The error on test by the logarithm of the rows: the points of each curve, its power law, and the tutorial's."""
    lines: Lines = {}
    for curve in CURVES:
        found = learning_curve(curve, measurements)
        if found is not None:
            rows, means, _ = found
            law = fit_power_law(rows, np.maximum(means, 1e-6))
            name = TITLES[curve].of(language)
            lines[name] = [
                (float(np.log10(at)), 100 * float(error)) for at, error in zip(rows, means[:, 0], strict=True)
            ]
            fitted = np.geomspace(rows[0], ROWS, 30)
            lines[FITTED.of(language).format(name=name)] = [
                (float(np.log10(at)), 100 * float(law.error(at)[0])) for at in fitted
            ]
    if lines:
        lines[OF_TUTORIAL.of(language)] = [
            (float(np.log10(ROWS)) - 0.1, 100 * (1 - ACCURACY)),
            (float(np.log10(ROWS)), 100 * (1 - ACCURACY)),
        ]
    return line_chart(TEST_ERROR.of(language), POWER.of(language), lines, log=True) if lines else None


CHARTS: dict[str, Callable[[Claim, Measurements, Language], Chart | None]] = {
    "accuracy": accuracy_chart,
    "losses": loss_chart,
    "gradients": gradient_chart,
    "widths": width_chart,
    "learning_curve": curve_chart,
}
