"""The measures of a run, by the names that claims use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from textrnn.study.claims.claim import Text
from textrnn.study.plan.result_forms import CellFacts, CellTimings, RunFacts, RunTimings

EQUAL_ROWS = 1024  # as in textrnn.study.runs.loss_curve
FAR = 12  # distance in steps from the token that is read: all but the shortest headlines have tokens there
ALONE = 0.5  # load above that of the run's own threads, up to which it was alone on its machine

Runs = dict[tuple[str, int], tuple[RunFacts, RunTimings]]  # by variant and seed
Values = dict[str, dict[str, dict[int, float]]]  # by measure, variant and seed


@dataclass(frozen=True)
class Measure:
    """The title of a measure, and how its values are shown.

    percent: it is a fraction, shown in percent, and its differences in percentage points. timed: it is a wall-clock
    time or depends on one, so that it counts only of runs that were alone on a machine of one kind. difference: it is
    the difference of two scores of a run, shown with its sign where it is compared with nothing.
    """

    title: Text
    percent: bool = False
    timed: bool = False
    difference: bool = False


MEASURES = {
    "test_score": Measure(Text("score on test", "测试集得分"), percent=True),
    "dev_accuracy": Measure(Text("best dev accuracy of all epochs", "所有轮中最好的 dev 准确率"), percent=True),
    "dev_accuracy_at_time": Measure(
        Text("dev accuracy in the seconds that the fastest takes", "在最快者的用时之内达到的 dev 准确率"),
        percent=True,
        timed=True,
    ),
    "early_accuracy": Measure(
        Text("dev accuracy in the first epoch, mean of its evaluations", "第一轮内各次评估的 dev 准确率的均值"),
        percent=True,
    ),
    "late_gain": Measure(
        Text("best dev accuracy, less that of the first half", "全部轮的最好 dev 准确率减去前一半轮的最好值"),
        percent=True,
        difference=True,
    ),
    "test_optimism": Measure(
        Text(
            "best test accuracy of all epochs, less that of the epoch with the lowest loss on dev",
            "各轮中最好的测试集准确率减去 dev 损失最低那一轮的测试集准确率",
        ),
        percent=True,
        difference=True,
    ),
    "roughness": Measure(
        Text("jump of the loss from batch to batch (standard deviation)", "相邻两批之间损失的跳动幅度（标准差）")
    ),
    "roughness_at_rows": Measure(
        Text(
            f"jump of the loss, averaged over {EQUAL_ROWS:,} rows first",
            f"先对每 {EQUAL_ROWS:,} 行取平均后，损失的跳动幅度",
        )
    ),
    "largest_rise": Measure(Text("largest rise of the loss from batch to batch", "相邻两批之间损失的最大升幅")),
    "gradient_norm_spread": Measure(
        Text("largest norm of the gradient, divided by the median", "最大梯度范数与中位数之比")
    ),
    "share_above_clip_norm": Measure(
        Text("steps with a gradient above 5", "梯度范数超过 5 的步所占比例"), percent=True
    ),
    "seconds": Measure(Text("seconds of training", "训练用时（秒）"), timed=True),
    "steps": Measure(Text("steps of training", "训练步数")),
    "flops": Measure(Text("operations of training", "训练运算量")),
    "far_gradient": Measure(
        Text(
            f"gradient norm {FAR} steps before the token that is read, divided by the norm at this token",
            f"对读取处之前 {FAR} 步的字符的梯度范数，除以对读取处字符的梯度范数",
        )
    ),
    "far_gradient_untrained": Measure(
        Text(
            f"gradient norm before training, {FAR} steps before the token that is read, divided by the norm at this "
            "token",
            f"训练前，对读取处之前 {FAR} 步的字符的梯度范数，除以对读取处字符的梯度范数",
        )
    ),
    "kept_share": Measure(Text("share of characters kept", "保留的字符比例"), percent=True),
    "accuracy_at_800000": Measure(
        Text("accuracy extrapolated to 800,000 rows", "外推到 80 万行的准确率"), percent=True
    ),
    "output_difference": Measure(Text("largest difference of outputs", "输出的最大差")),
    "gradient_difference": Measure(Text("largest difference of gradients", "梯度的最大差")),
    "state_difference": Measure(Text("largest difference of states", "状态的最大差")),
    "parameter_share": Measure(
        Text("parameters, relative to an LSTM layer's", "参数量与 LSTM 层参数量之比"), percent=True
    ),
    "step_seconds": Measure(Text("seconds of forward and backward", "前向加反向的用时（秒）"), timed=True),
}


def _first_epoch_accuracy(facts: RunFacts) -> float:
    curve = facts["curve"]
    accuracies = [value for epoch, value in zip(curve["epoch"], curve["dev_accuracy"], strict=True) if epoch <= 1]
    return sum(accuracies) / len(accuracies) if accuracies else math.nan


def _late_gain(facts: RunFacts) -> float:
    epochs, accuracies = facts["curve"]["epoch"], facts["curve"]["dev_accuracy"]
    early = [value for epoch, value in zip(epochs, accuracies, strict=True) if epoch <= facts["epochs"] / 2]
    return max(accuracies) - max(early) if early else math.nan


def _test_optimism(facts: RunFacts) -> float:
    accuracies, losses = facts["curve"]["test_accuracy"], facts["curve"]["dev_loss"]
    if accuracies is None:
        return math.nan
    chosen = min((loss, index) for index, loss in enumerate(losses) if loss is not None)[1]
    return max(accuracies) - accuracies[chosen]


def _far_gradient(facts: RunFacts, *, trained: bool) -> float:
    """Return the gradient at distance FAR relative to that at 0, for a model whose readout is `last_valid`.

    When no row is that long, the largest distance counts.
    """
    if facts["gradients"] is None:
        return math.nan
    gradients = facts["gradients"]["after" if trained else "before"]
    norms = [value for value in gradients[: FAR + 1] if value is not None]
    return norms[-1] / norms[0] if norms and norms[0] else math.nan


def _recorded(name: str) -> Callable[[RunFacts], float]:
    def value(facts: RunFacts) -> float:
        recorded = facts["measures"].get(name)
        return math.nan if recorded is None else recorded

    return value


def _norm_spread(facts: RunFacts) -> float:
    median = _recorded("gradient_norm_median")(facts)
    return _recorded("gradient_norm_largest")(facts) / median if median else math.nan


FACT_MEASURES: dict[str, Callable[[RunFacts], float]] = {
    "test_score": lambda facts: facts["test_score"],
    "dev_accuracy": lambda facts: best_up_to(facts, math.inf, [0.0] * len(facts["curve"]["step"])),
    "early_accuracy": _first_epoch_accuracy,
    "late_gain": _late_gain,
    "test_optimism": _test_optimism,
    "roughness": _recorded("roughness"),
    "roughness_at_rows": _recorded("roughness_at_rows"),
    "largest_rise": _recorded("largest_rise"),
    "gradient_norm_spread": _norm_spread,
    "share_above_clip_norm": _recorded("share_above_clip_norm"),
    "steps": lambda facts: float(facts["steps"]),
    "flops": lambda facts: facts["flops"],
    "far_gradient": lambda facts: _far_gradient(facts, trained=True),
    "far_gradient_untrained": lambda facts: _far_gradient(facts, trained=False),
    "kept_share": lambda facts: facts["kept_share"],
}
DIVERGED_MEASURES = ("test_score", "kept_share", "far_gradient_untrained")  # of a run whose training is not complete


def best_up_to(facts: RunFacts, limit: float, seconds: list[float]) -> float:
    """Return the highest dev accuracy within `limit` seconds of training; NaN when no point is reached.

    Between two points the accuracy is interpolated linearly. Otherwise the slower of two runs would get no credit for
    its training between its last point and the limit.
    """
    accuracies = facts["curve"]["dev_accuracy"]
    reached = sum(elapsed <= limit for elapsed in seconds)
    if not reached:
        return math.nan
    interpolated = [float(np.interp(limit, seconds, accuracies))] if reached < len(accuracies) else []
    return max([*accuracies[:reached], *interpolated])


def measure_runs(runs: Runs) -> Values:
    """Return all measures of all runs, from their facts and timings; NaN is left out."""
    values: Values = {name: {} for name in MEASURES}
    for (variant, seed), (facts, timings) in runs.items():
        measured = {name: measure(facts) for name, measure in FACT_MEASURES.items()}
        if facts["diverged"]:  # it stopped early: its time and its curve are not those of a complete run
            measured = {name: value for name, value in measured.items() if name in DIVERGED_MEASURES}
        elif timings["seconds"]:
            measured["seconds"] = timings["seconds"][-1]
        for name, value in measured.items():
            if math.isfinite(value):
                values[name].setdefault(variant, {})[seed] = value
    return values


def add_cells(values: Values, facts: CellFacts, timings: CellTimings) -> None:
    """Add what study_cells has measured.

    The index of a timing takes the place of a seed: timings with the same index were taken one after the other.
    """
    for seed, implementations in facts["differences"].items():
        for name, measures in implementations.items():
            for measure, value in measures.items():
                values[measure].setdefault(name, {})[int(seed)] = value
    parameters = facts["parameters"]
    shares = {name: count / parameters["nn_lstm"] for name, count in parameters.items()}
    values["parameter_share"] = {
        name: {int(seed): share for seed in facts["differences"]} for name, share in shares.items()
    }
    values["step_seconds"] = {name: dict(enumerate(seconds)) for name, seconds in timings.items()}


def at_equal_time(runs: Runs, variants: tuple[str, ...]) -> dict[str, dict[int, float]]:
    """Return dev accuracy by variant and seed, reached in the time of the fastest of these variants with that seed.

    Runs that diverged are left out.
    """
    accuracies: dict[str, dict[int, float]] = {}
    for seed in sorted({seed for _, seed in runs}):
        seed_runs = {name: runs[name, seed] for name in variants if (name, seed) in runs}
        complete = {name: (facts, timings) for name, (facts, timings) in seed_runs.items() if not facts["diverged"]}
        totals = [timings["seconds"][-1] for _, timings in complete.values() if timings["seconds"]]
        limit = min(totals, default=0.0)
        for name, (facts, timings) in complete.items():
            value = best_up_to(facts, limit, timings["seconds"])
            # a run without a point by then has no measured accuracy
            if math.isfinite(value):
                accuracies.setdefault(name, {})[seed] = value
    return accuracies


def were_alone(runs: Runs, variants: Mapping[str, object] | tuple[str, ...]) -> bool:
    """Whether the runs of these variants were alone, each on its machine, and all on machines of one kind."""
    timings = [timings for (variant, _), (_, timings) in runs.items() if variant in variants]
    kinds = {(each["processor"], each["threads"]) for each in timings}
    return len(kinds) == 1 and all(each["load"] <= each["threads"] + ALONE for each in timings)
