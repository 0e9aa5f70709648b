"""Measures what a run of a variant costs: the processor time of some steps and of an evaluation, times their number."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from textrnn.common.integrity.json_files import read_json
from textrnn.study.plan.json_files import write_results
from textrnn.study.plan.settings import read_run_settings
from textrnn.study.runs.variant_recipe import load_data, part_of_rows, variant_recipe
from textrnn.training.batching.batches import Selected, evaluation_size
from textrnn.training.batching.loading import CPU, load_buckets
from textrnn.training.trainer.evaluation import evaluate_loss
from textrnn.training.trainer.loop import Callback, Trainer
from textrnn.training.trainer.setup import set_up_training

COSTS = Path("study/costs.json")
WARM_UP_STEPS = 5  # the first steps load modules
MEASURED_SECONDS = 6.0  # of the processor, after warming up

Costs = dict[str, float]  # seconds of a run by variant, on one core


class StepClock(Callback):
    """Ends a run after so many seconds of the processor, and has the mean seconds of a step."""

    def __init__(self, seconds: float) -> None:
        self._limit = seconds
        self._times: list[float] = []

    def on_step_end(self, trainer: Trainer, batch: Selected) -> None:
        """Take the time, and stop when it is over."""
        self._times.append(time.process_time())
        if len(self._times) > WARM_UP_STEPS and self._times[-1] - self._times[WARM_UP_STEPS - 1] >= self._limit:
            trainer.stop("time_limit")

    @property
    def step_seconds(self) -> float:
        """The mean, without the steps that warm up unless there are no others."""
        times = self._times[WARM_UP_STEPS - 1 :]
        return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else math.nan


def measure_run(name: str, seconds: float = MEASURED_SECONDS) -> float:
    """The seconds that a run of the variant takes on one core: steps, evaluations on dev, and the test.

    Seconds are those of the processor, so that other work on the machine counts little. The inputs of the variant must
    have been prepared, and torch must run with one thread.
    """
    settings = read_run_settings(name)
    recipe = variant_recipe(name, 1, settings, load_data(settings))
    setup = set_up_training(recipe, CPU)
    data = replace(setup.data, train=part_of_rows(setup.data.train, settings.rows), dev=[])
    network, clock = setup.initial_network(1), StepClock(seconds)
    trainer = Trainer(network, data, setup.recipe.train, callbacks=[clock])
    trainer.fit()
    started = time.process_time()
    evaluate_loss(network, setup.data.dev, evaluation_size(CPU), None)
    evaluation = time.process_time() - started
    test = evaluation * sum(map(len, load_buckets(recipe.data.padded, "test"))) / sum(map(len, setup.data.dev))
    interval = setup.recipe.train.evaluate_every or trainer.epochs.steps
    evaluations = setup.recipe.train.epochs * math.ceil(trainer.epochs.steps / interval)
    tests = evaluations + 1 if settings.test_curve else 1
    return trainer.total_steps * clock.step_seconds + evaluations * evaluation + tests * test


def read_costs(path: Path = COSTS) -> Costs:
    """The seconds of a run by variant; empty if none were measured."""
    return read_json(path, Costs) if path.is_file() else {}


def write_costs(costs: Costs, path: Path = COSTS) -> None:
    """Write the seconds of a run by variant, for `read_costs`."""
    write_results(path, {name: round(seconds, 1) for name, seconds in costs.items()})


def measure_missing(variants: Iterable[str]) -> None:
    """Measure the variants whose cost is not in the file yet, and write it after each."""
    costs = read_costs()
    for name in [name for name in variants if name not in costs]:
        costs[name] = measure_run(name)
        print(f"{name}: {costs[name]:.0f} s", flush=True)
        write_costs(costs)
